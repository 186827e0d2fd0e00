# SPDX-License-Identifier: BSD-2-Clause
"""The record command as its users meet it: exit status, signals, files, rights, ends that nobody planned."""

import os
import pty
import re
import signal
import stat
import struct
import subprocess
import time

import frames
import live
import truth


def cmd_exit(trace, *cmd, **kw):
    return live.record(trace, "--force", cmd=cmd, **kw)


def test_exit_status_of_command():
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        live.equal(cmd_exit(t, "true").status, 0, "true")
        live.equal(cmd_exit(t, "false").status, 1, "false")
        live.equal(cmd_exit(t, "sh", "-c", "exit 42").status, 42, "exit 42")
        live.equal(cmd_exit(t, "sh", "-c", "kill -TERM $$").status, 128 + 15, "killed by SIGTERM")
        live.equal(cmd_exit(t, "sh", "-c", "kill -KILL $$").status, 128 + 9, "killed by SIGKILL")
        r = cmd_exit(t, "/no/such/program")
        live.equal(r.status, 127, "not found")
        assert "/no/such/program: command not found" in r.err, r.err
        r = cmd_exit(t, d)
        live.equal(r.status, 126, "a folder")
        assert "ermission denied" in r.err, r.err
        live.equal(live.run(live.PROCREC, "verify", t).status, 0, "verify")


def test_command_is_undisturbed():
    """CMD has its rights, signals, descriptors, output and terminal as without procrec."""
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        probe = "grep -E 'Cap|NoNewPrivs|Sig(Blk|Ign|Cgt)' /proc/self/status; ls /proc/self/fd; ulimit -a; echo $0; tty"
        plain = live.run("sh", "-c", probe)
        under = cmd_exit(t, "sh", "-c", probe)
        live.equal(under.out, plain.out, "what CMD sees")
        r = cmd_exit(t, "sh", "-c", "cat; echo err >&2; exit 5", input=b"through\n")
        live.equal((r.status, r.out), (5, "through\n"), "stdin and stdout")
        live.equal(r.err.split("\n")[0], "err", "stderr")


def test_signals_go_to_command():
    with live.scratch() as d:
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            t = os.path.join(d, "t.seg")
            script = f"trap 'exit 33' {int(sig)}; echo ready; while :; do sleep 0.05; done"
            p = subprocess.Popen([live.PROCREC, "record", "-qfo", t, "--", "sh", "-c", script], stdout=subprocess.PIPE)
            p.stdout.readline()
            p.send_signal(sig)
            live.equal(p.wait(20), 33, f"status after {sig.name}")
            live.equal(live.run(live.PROCREC, "verify", t).status, 0, "verify")


def test_terminal_interrupt_reaches_command_once():
    """Ctrl-C of a terminal goes to the whole foreground group: procrec must not send it a second time."""
    with live.scratch() as d:
        t, out = os.path.join(d, "t.seg"), os.path.join(d, "out")
        script = f"trap 'echo INT >>{out}' INT; echo ready >>{out}; i=0; while [ $i -lt 15 ]; do sleep 0.05; i=$((i+1)); done; exit 9"
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(live.PROCREC, [live.PROCREC, "record", "-qfo", t, "--", "sh", "-c", script])
        end = time.time() + 20
        while time.time() < end and not os.path.exists(out):
            time.sleep(0.02)
        os.write(fd, b"\x03")
        try:
            while os.read(fd, 4096):
                pass
        except OSError:
            pass
        status = os.waitpid(pid, 0)[1]
        live.equal(os.WEXITSTATUS(status), 9, "exit status")
        live.equal(open(out, encoding="ascii").read().split(), ["ready", "INT"], "signals that CMD saw")


def test_status_line_on_a_terminal():
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(live.PROCREC, [live.PROCREC, "record", "-o", t], {**os.environ, "TERM": "xterm"})
        seen, end = b"", time.time() + 20
        while time.time() < end and seen.count(b"recording ") < 3:
            seen += os.read(fd, 4096)
        os.kill(pid, signal.SIGINT)
        try:
            while True:
                seen += os.read(fd, 4096)
        except OSError:
            pass
        live.equal(os.WEXITSTATUS(os.waitpid(pid, 0)[1]), 0, "exit status")
        assert b"ring 0%" in seen and b"nothing lost" in seen, seen


def test_ends_on_signals():
    with live.scratch() as d:
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            t = os.path.join(d, f"{int(sig)}.seg")
            r = live.Recorder(t)
            subprocess.run(["true"], check=True)
            live.equal(r.stop(sig), 0, f"exit status ({sig.name})")
            tr = frames.Trace(t)
            assert any(e.filename.endswith(b"/true") for e in tr.execs), "the exec of true is missing"
            live.equal(tr.recorder[-1][67], b"signal %d" % sig, "end reason")
            live.equal(live.run(live.PROCREC, "verify", t).status, 0, "verify")


def test_existing_files():
    with live.scratch() as d:
        t, link, there = (os.path.join(d, n) for n in ("t.seg", "link.seg", "there"))
        with open(t, "w", encoding="ascii") as f:
            f.write("precious")
        r = live.record(t, cmd=["touch", there])
        live.equal(r.status, 4, "exit status")
        assert t in r.err and "--force" in r.err, r.err
        live.equal(open(t, encoding="ascii").read(), "precious", "the file")
        assert not os.path.exists(there), "CMD ran although nothing could be recorded"
        os.symlink(os.path.join(d, "elsewhere"), link)
        for options in ((), ("--force",)):
            assert live.record(link, *options, cmd=["true"]).status == 4, "a symbolic link was followed or replaced"
            assert not os.path.exists(os.path.join(d, "elsewhere")), "a symbolic link was followed"
        live.equal(live.record(t, "--force", cmd=["true"]).status, 0, "--force")
        live.equal(stat.S_IMODE(os.stat(t).st_mode), 0o600, "mode")
        live.equal(live.record(d, "--force", cmd=["true"]).status, 2, "a folder with --force")
        live.equal(live.record(os.path.join(d, "no", "such"), cmd=["true"]).status, 4, "no folder")


def test_default_name_and_owner():
    with live.scratch() as d:
        env = dict(os.environ, SUDO_UID="65534", SUDO_GID="65534")
        r = live.run(live.PROCREC, "record", "--", "true", cwd=d, env=env)
        live.equal(r.status, 0, "exit status")
        names = [n for n in os.listdir(d) if n.endswith(".seg")]
        assert len(names) == 1 and names[0].startswith("procrec-"), names
        assert names[0] in r.err, f"the summary does not name it: {r.err}"
        st = os.stat(os.path.join(d, names[0]))
        live.equal((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (65534, 65534, 0o600), "owner and mode under sudo")


def test_index_beside_the_trace():
    """Also where only the owner of the folder may make files: the thread that makes it has no capability left."""
    with live.scratch() as d:
        os.chown(d, 65534, 65534)
        os.chmod(d, 0o755)
        for env in ({}, {"SUDO_UID": "65534", "SUDO_GID": "65534"}):
            t = os.path.join(d, f"{len(env)}.seg")
            r = live.run(live.PROCREC, "record", "-o", t, "--", "true", env=dict(os.environ, **env))
            live.equal(r.status, 0, f"exit status ({r.err})")
            assert "index" not in r.err, r.err
            live.equal(sorted(n for n in os.listdir(d) if n.startswith(str(len(env)))), [os.path.basename(t), os.path.basename(t) + ".idx"], "files")
            st = os.stat(t + ".idx")
            live.equal((st.st_uid, stat.S_IMODE(st.st_mode)), (65534, 0o600), "owner and mode of the index")
        t = os.path.join(d, "none.seg")
        live.equal(live.record(t, "--no-index", cmd=["true"]).status, 0, "exit status")
        assert not os.path.exists(t + ".idx"), "an index despite --no-index"


def test_without_rights():
    with live.scratch() as d:
        os.chmod(d, 0o777)
        t, there = os.path.join(d, "t.seg"), os.path.join(d, "there")
        r = live.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", live.PROCREC, "record", "-o", t,
                     "--", "touch", there)
        if r.status == 127:
            raise live.Skip("nobody may not run procrec here")
        live.equal(r.status, 4, f"exit status ({r.err})")
        assert "root" in r.err or "CAP_" in r.err, r.err
        live.equal(os.path.exists(t), False, "a trace was left behind")
        live.equal(os.path.exists(there), False, "CMD ran unrecorded")
        return r.err.strip()


def rights_of(pid):
    """{thread: (no_new_privs, effective, permitted, inheritable)} of a process."""
    rights = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii") as f:
            s = dict(line.split(":", 1) for line in f)
        rights[tid] = (s["NoNewPrivs"].strip(), *(int(s[name], 16) for name in ("CapEff", "CapPrm", "CapInh")))
    return rights


def test_gives_up_its_rights():
    with live.scratch() as d:
        r = live.Recorder(os.path.join(d, "t.seg"))
        end = time.time() + 5  # a thread gives its rights up by itself, as the first thing that it does
        while set((rights := rights_of(r.p.pid)).values()) != {("1", 0, 0, 0)} and time.time() < end:
            time.sleep(0.02)
        live.equal(set(rights.values()), {("1", 0, 0, 0)}, "no_new_privs and capabilities of its threads")
        live.equal(r.stop(), 0, "exit status")
        return f"{len(rights)} threads without any capability"


def test_kill_9_keeps_what_was_written():
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        r = live.Recorder(t, "--sync", "100ms")
        for i in range(20):
            subprocess.run(["true", str(i)], check=True)
        time.sleep(0.8)
        r.p.kill()
        r.p.wait()
        tr = frames.Trace(t)
        args = {e.args for e in tr.execs}
        live.equal([i for i in range(20) if str(i).encode() not in args], [], "execs that are missing")
        assert not [s for s in tr.states if s[0]], "an end that was never written"
        live.equal(live.run("sh", "-c", "ls -A /sys/fs/bpf 2>/dev/null").out, "", "left in bpffs")
        info = live.run(live.PROCREC, "info", t)
        assert "open" in info.out + info.err, info.out + info.err


def test_full_disk():
    """CMD goes on, the trace keeps what was written, and what is missing is counted."""
    with live.scratch() as d:
        small, log = os.path.join(d, "small"), os.path.join(d, "truth")
        os.mkdir(small)
        live.equal(live.run("mount", "-t", "tmpfs", "-o", "size=96k", "none", small).status, 0, "mount")
        try:
            open(log, "w", encoding="ascii").close()
            t = os.path.join(small, "t.seg")
            script = f"{live.WORKLOAD} run {log} 1500; sleep 1.5; echo done; exit 6"
            r = live.record(t, "--only-tree", cmd=["sh", "-c", script], cwd=d)
            live.equal((r.status, r.out), (6, "done\n"), f"what CMD did ({r.err})")
            assert "No space left" in r.err and "LOST" in r.err, r.err
            tr = frames.Trace(t)
            lost = {what: int(n) for n, what in re.findall(r"(\d+) (exec|clone|exit)\b", re.search(r"LOST.*", r.err).group(0))}
            clones = len(truth.Truth(log).creator) + 2  # and the workload itself, and sleep
            live.equal(2 * clones - sum(f.stream == 2 for f in tr.frames), lost["clone"], "lost clone frames")
            info = live.run(live.PROCREC, "info", t)
            assert "open" in info.out, info.out
        finally:
            live.run("umount", small)


def test_keyframe_first_and_complete():
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        live.equal(live.record(t, cmd=["true"]).status, 0, "exit status")
        tr = frames.Trace(t)
        (n0, end0, _), (n1, end1, count) = tr.keyframes
        live.equal((n0, end0, end1), (0, 0, 1), "marks of the keyframe")
        head = tr.frames[:n1 + 1]
        live.equal({f.stream for f in head}, {0}, "streams up to the end of the keyframe")
        live.equal(count, sum(f.op == frames.EXECVE for f in head), "processes of the keyframe")
        for op in (frames.HOST, frames.RECORDER, frames.CLOCK, frames.STREAM_STATE, frames.USER_NAME):
            assert any(f.op == op for f in head), f"op {op} is missing"
        live.equal(tr.users.get(0), b"root", "name of uid 0")
        live.equal([b for b, *_ in tr.clocks], sorted(b for b, *_ in tr.clocks), "clocks go forward")
        boot, _, real, unsure = tr.clocks[0]
        assert unsure < 10**7 and abs(real / 1e9 - time.time()) < 60 and boot > 0, tr.clocks
        live.equal(tr.host[32], os.uname().nodename.encode(), "host name")
        live.equal(struct.pack("<I", 1), struct.pack("<I", tr.states[-1][0]), "the last STREAM_STATE is final")
        return f"{count} processes"


if __name__ == "__main__":
    live.main(globals())
