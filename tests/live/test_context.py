# SPDX-License-Identifier: BSD-2-Clause
"""Who runs where: what exec frames and snapshot frames say of a process, against what /proc says while it lives."""

import os
import pty
import subprocess
import time

import frames
import live

NAMESPACES = "uts ipc mnt pid pid_for_children net time time_for_children cgroup user".split()

# name: command in front of `sleep 60`
PLACES = {
    "plain": [],
    "user": ["setpriv", "--reuid=1234", "--regid=2345", "--clear-groups"],
    "few capabilities": ["setpriv", "--bounding-set=-all,+kill", "--inh-caps=-all,+kill", "--ambient-caps=-all,+kill",
                         "--reuid=4321", "--regid=4321", "--clear-groups"],
    "session": ["setsid"],
    "namespaces": ["unshare", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--fork", "--pid", "--mount-proc"],
    "user namespace": ["unshare", "--user", "--map-root-user"],
    "time namespace": ["unshare", "--time"],
    "folder": ["env", "-C", "/usr/share"],
}


def places():
    """The places that this system allows: a chroot, for one, allows no new user or mount namespace."""
    def allowed(command):
        return not command or subprocess.run([*command, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    return {name: command for name, command in PLACES.items() if allowed(command)}


def proc(pid):
    """What /proc says, under the names of frames.Exec."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        s = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    with open(f"/proc/{pid}/stat", "rb") as f:
        stat = f.read().rpartition(b") ")[2].split()
    uid, gid = ([int(v) for v in s[n].split()] for n in ("Uid", "Gid"))
    out = {
        "uids": tuple(uid), "gids": tuple(gid), "uid": uid[1],
        "permitted": int(s["CapPrm"], 16), "effective": int(s["CapEff"], 16), "inheritable": int(s["CapInh"], 16),
        "nspid": int(s["NSpid"].split()[-1]), "ppid": int(stat[1]), "pgid": int(stat[2]), "sid": int(stat[3]), "tty": tty(int(stat[4])),
        "cwd": os.readlink(f"/proc/{pid}/cwd").encode(), "argv": open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")[:-1],
    }
    exe = os.stat(f"/proc/{pid}/exe")
    out["ino"], out["nlink"] = exe.st_ino, exe.st_nlink
    for ns in NAMESPACES:
        name = ns
        try:
            out["ns " + ns] = int(os.readlink(f"/proc/{pid}/ns/{name}").split("[")[1][:-1])
        except OSError:
            out["ns " + ns] = None
    try:
        with open(f"/proc/{pid}/loginuid", encoding="ascii") as f:
            out["auid"] = int(f.read())
    except OSError:
        out["auid"] = None
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as f:
        paths = {line.split(":")[1]: line.rstrip("\n").split(":", 2)[2] for line in f}
    # The v2 hierarchy where the process has a place in it, else the first of these v1 controllers that has one.
    places = [paths.get(name, "/") for name in ("", "pids", "memory", "cpuset", "cpu")]
    out["cgroup"] = next((p.encode() for p in places if p != "/"), None)
    return out


def tty(nr):
    """proc's number (minor in two parts) as (major << 20) | minor."""
    major, minor = nr >> 8 & 0xfff, nr & 0xff | nr >> 12 & 0xfff00
    return major << 20 | minor


def told(e):
    out = {
        "uids": (e.uid_r, e.euid, e.suid, e.fsuid), "gids": (e.gid, e.egid, e.sgid, e.fsgid), "uid": e.uid, "permitted": e.permitted,
        "effective": e.effective, "inheritable": e.inheritable, "nspid": e.nspid, "cwd": e.cwd, "argv": e.argv, "ino": e.ino,
        "nlink": e.nlink, "auid": e.auid, "cgroup": e.items.get(frames.ITEM_CGROUP),
    }
    out.update({k: e.info[k] for k in ("ppid", "pgid", "sid", "tty")})
    out.update({"ns " + ns: e.ns[ns] for ns in NAMESPACES})
    return out


def compare(name, want, got, moved=()):
    wrong = []
    for k, v in want.items():
        if k in moved or v is None and k.startswith(("ns ", "auid")):
            continue
        if k == "cgroup" and v is None and got[k] in (None, b"/"):
            continue
        if got[k] != v:
            wrong.append(f"{name}: {k}: frame {got[k]!r}, /proc {v!r}")
    return wrong


def start_all(where):
    """{name: Popen}, and the pids of the sleeping processes themselves by name."""
    starters, pids = {}, {}
    for name, front in where.items():
        starters[name] = subprocess.Popen([*front, "sleep", "60"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp("sleep", ["sleep", "60"])
    pids["terminal"] = pid
    end = time.time() + 10
    while time.time() < end and len(pids) < len(where) + 1:
        for name, p in starters.items():
            for candidate in [p.pid] + children(p.pid):
                try:
                    if open(f"/proc/{candidate}/cmdline", "rb").read().startswith(b"sleep\0"):
                        pids[name] = candidate
                except OSError:
                    pass
        time.sleep(0.02)
    return starters, pids, fd


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(v) for v in f.read().split()]
    except OSError:
        return []


def test_context_of_execs_and_snapshots():
    where = places()
    with live.scratch() as d:
        execs, snap = os.path.join(d, "execs.seg"), os.path.join(d, "snap.seg")
        r = live.Recorder(execs)
        starters, pids, fd = start_all(where)
        try:
            want = {name: proc(pid) for name, pid in pids.items()}
            live.equal(r.stop(), 0, "exit status")
            live.equal(live.record(snap, cmd=["true"]).status, 0, "exit status")
        finally:
            for pid in pids.values():
                os.kill(pid, 9)
            for p in starters.values():
                p.wait()
            os.waitpid(pids["terminal"], 0)
            os.close(fd)
        live.equal(sorted(pids), sorted([*where, "terminal"]), "processes that run")
        wrong = []
        for trace, what in ((execs, "exec"), (snap, "snapshot")):
            last = {e.key.pid: e for e in frames.Trace(trace).execs if e.procfs == (what == "snapshot")}
            for name, pid in pids.items():
                assert pid in last, f"{what} of {name} is missing"
                wrong += compare(f"{what}, {name}", want[name], told(last[pid]))
        assert not wrong, f"{len(wrong)} wrong: " + "; ".join(wrong[:6])
        assert want["terminal"]["tty"] and want["user"]["uid"] == 1234 and want.get("namespaces", {"nspid": 1})["nspid"] == 1, want
        return f"{len(pids)} processes, {len(want['plain'])} fields each, twice" + "".join(f"; no {name} here" for name in PLACES if name not in where)


if __name__ == "__main__":
    live.main(globals())
