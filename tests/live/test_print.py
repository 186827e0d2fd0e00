# SPDX-License-Identifier: BSD-2-Clause
"""record --print: what comes is printed while it is recorded; whoever reads that can cost nothing."""

import fcntl
import os
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


if __name__ == "__main__":
    live.main(globals())
