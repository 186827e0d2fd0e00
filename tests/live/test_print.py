# SPDX-License-Identifier: BSD-2-Clause
"""record --print: what comes is printed while it is recorded; whoever reads that can cost nothing."""

import fcntl
import os
import re
import signal
import subprocess
import time

import frames
import live
import truth


def test_print_is_what_replay_prints():
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        for options in ((), ("--json",)):
            r = live.record(t, "--force", "--print", *options, cmd=["sh", "-c", "/bin/true a; /bin/true b; exit 7"])
            live.equal(r.status, 7, r.err)
            after = live.run(live.PROCREC, "replay", t, *options)
            live.equal((after.status, after.out), (0, r.out), f"replay {options}")
            assert "/bin/true" in r.out and "nothing lost" in r.err, r.err
        tree = live.record(t, "--force", "--print", "--only-tree", cmd=["/bin/true", "only"])
        live.equal((tree.status, tree.out), (0, live.run(live.PROCREC, "replay", t).out), "--only-tree")
        # To one place: first the last event, then the summary.
        both = subprocess.run([live.PROCREC, "record", "--print", "-fo", t, "--", "/bin/true"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, check=True).stdout.decode().splitlines()
        first = next(i for i, line in enumerate(both) if line.startswith("procrec: "))
        assert first > 10 and all(line.startswith("procrec: ") for line in both[first:]), both[-8:]
        live.equal(live.run(live.PROCREC, "record", "--json", "-o", os.path.join(d, "x"), "--", "true").status, 2, "--json alone")


def test_print_live_and_its_signals():
    with live.scratch() as d:
        t, out = os.path.join(d, "t.seg"), os.path.join(d, "out")
        with open(out, "wb") as f:
            p = subprocess.Popen([live.PROCREC, "record", "--print", "-o", t], stdout=f, stderr=subprocess.PIPE, start_new_session=True)
        p.stderr.readline()
        waits = []
        for i in range(5):
            start = time.monotonic()
            subprocess.run(["/bin/true", f"marked-{i}"], check=True)
            while f"/bin/true marked-{i}\n".encode() not in open(out, "rb").read():
                assert time.monotonic() - start < 60, "it is not printed"
                time.sleep(0.01)
            waits.append(time.monotonic() - start)
            time.sleep(0.3 * i)
        os.killpg(p.pid, signal.SIGINT) # as the terminal does, to the printing process too
        err = p.stderr.read().decode()
        live.equal(p.wait(60), 0, err)
        live.equal(open(out, encoding="utf-8").read(), live.run(live.PROCREC, "replay", t).out, "all that was printed")
        return f"printed after {', '.join(f'{w:.2f}' for w in waits)} s"


def test_print_to_a_reader_that_is_stopped():
    """A full pipe: every process is recorded, the recorder ends, and what was not taken comes when the reader goes on."""
    with live.scratch() as d:
        t, log = os.path.join(d, "t.seg"), os.path.join(d, "truth")
        open(log, "w", encoding="ascii").close()
        r, w = os.pipe()
        fcntl.fcntl(r, fcntl.F_SETPIPE_SZ, 4096)
        with open(os.path.join(d, "err"), "w+b") as said: # a file: who goes on printing keeps it open
            p = subprocess.Popen([live.PROCREC, "record", "--plain", "--print", "-o", t, "--", live.WORKLOAD, "run", log, "2000", "4"],
                                 stdout=w, stderr=said, cwd=d)
            os.close(w)
            status = p.wait(120)
            said.seek(0)
            err = said.read().decode()
        live.equal(status, 0, err)
        assert "nothing lost" in err and "nobody takes the events" in err, err
        tr, seen = truth.Truth(log), frames.Trace(t)
        note = truth.compare(tr, truth.from_frames(seen, tr.root), root_status=0)
        with os.fdopen(r, "rb") as f:
            live.equal(f.read().decode("utf-8", "replace"), live.run(live.PROCREC, "replay", t).out, "what the reader gets at last")
        return note


def test_print_to_a_reader_that_goes_away():
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        r = live.run("sh", "-c", f"{live.PROCREC} record --print -o {t} -- sh -c '/bin/true 1; sleep 2; /bin/true last' | head -n 1")
        live.equal(len(r.out.splitlines()), 1, "lines")
        assert "nothing lost" in r.err, r.err
        assert "/bin/true last\n" in live.run(live.PROCREC, "replay", t).out, "it was not recorded to its end"


def events(text):
    return [line[31:] for line in text.splitlines()]


def test_print_without_a_trace():
    """Everything is printed, in the words of the trace that another recorder makes of the same; no file is made; secrets are marks."""
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        other = live.Recorder(t)
        r = live.run(live.PROCREC, "record", "--print", "--no-trace", "--only-tree", "--", "sh", "-c", "/bin/true --password=hush; exit 7", cwd=d)
        live.equal(other.stop(), 0, other.err)
        live.equal((r.status, "nothing lost" in r.err, "procrec replay" in r.err), (7, True, False), r.err)
        pid = next(line.split()[1] for line in r.out.splitlines() if line.endswith("/bin/true --password=hush"))
        here, there = ([e for e in events(text) if e.split()[0] == pid]
                       for text in (r.out, live.run(live.PROCREC, "replay", t).out))
        live.equal((here, len(here)), (there, 3), "as the trace has it: clone, execve, exit")
        for f in (t, t + ".idx"):
            os.unlink(f)
        r = live.run(live.PROCREC, "record", "--print", "--no-trace", "--json", "--redact", "--", "/bin/true", "--password=hush", cwd=d)
        live.equal(r.status, 0, r.err)
        assert "REDACTED" in r.out and "hush" not in r.out and re.search(r"[1-9] secrets? replaced", r.err), (r.out[-500:], r.err)
        live.equal(os.listdir(d), [], "files that were left")
        for options, why in ((["--no-trace"], "--print"), (["--no-trace", "--print", "-o", t], "--output"), (["--no-trace", "--print", "--sign", "k"], "--sign"),
                             (["--no-trace", "--print", "--keep", "1G"], "--keep"), (["--no-trace", "--print", "--resume"], "--resume"),
                             (["--no-trace", "--print", "--level", "0"], "--level")):
            r = live.run(live.PROCREC, "record", *options, "--", "true", cwd=d)
            live.equal((r.status, why in r.err, r.out), (2, True, ""), f"{options}: {r.err}")


def test_print_without_a_trace_and_its_ends():
    with live.scratch() as d:
        out = os.path.join(d, "out")
        with open(out, "wb") as f:
            p = subprocess.Popen([live.PROCREC, "record", "--print", "--no-trace"], stdout=f, stderr=subprocess.PIPE, start_new_session=True, cwd=d)
        assert b"kept nowhere" in p.stderr.readline(), "what it says first"
        start = time.monotonic()
        subprocess.run(["/bin/true", "marked"], check=True)
        live.wait_for(lambda: b"/bin/true marked\n" in open(out, "rb").read(), "it is printed")
        took = time.monotonic() - start
        os.killpg(p.pid, signal.SIGINT)
        err = p.stderr.read().decode()
        live.equal((p.wait(60), "nothing lost" in err), (0, True), err)
        # The reader has enough: without a command nobody needs the recording any more.
        r = live.run("sh", "-c", f"{live.PROCREC} record --print --no-trace | head -n 3", cwd=d)
        live.equal((len(r.out.splitlines()), "nothing lost" in r.err), (3, True), r.err)
        # With one, it is the command's end that counts.
        r = live.run("bash", "-c", f"{live.PROCREC} record --print --no-trace -- sh -c 'sleep 2; exit 7' | head -n 1; exit ${{PIPESTATUS[0]}}", cwd=d)
        live.equal((r.status, len(r.out.splitlines())), (7, 1), r.err)
        # Who is killed leaves nothing behind, and the printing process ends too.
        p = subprocess.Popen([live.PROCREC, "record", "--print", "--no-trace"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=d)
        assert p.stdout.readline().endswith(b"\n"), "nothing is printed"
        p.kill()
        assert p.stdout.read().decode().endswith("\n"), "a torn line" # to its end: that of the printing process
        p.wait(60)
        live.equal(os.listdir(d), ["out"], "files that were left")
        return f"printed after {took:.2f} s"


if __name__ == "__main__":
    live.main(globals())
