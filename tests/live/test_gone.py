# SPDX-License-Identifier: BSD-2-Clause
"""What was recorded is deleted, moved or replaced while the recorder runs: it says so, counts it, and never calls it there."""

import contextlib
import glob
import os
import re
import shutil
import signal

import frames
import live
from test_resume import Bpffs

SMALL_SEGMENTS = ("--max-segment", "16K", "--sync", "50ms")


def work(n=300):
    live.equal(live.run("sh", "-c", f"i=0; while [ $i -lt {n} ]; do /bin/true; i=$((i+1)); done").status, 0, "workload")


def segments(folder):
    return sorted(glob.glob(os.path.join(folder, "*.seg")))


def counts(err):
    """(events in all, events that are gone) as the summary says."""
    return (int(re.search(r"(\d+) events in ", err).group(1)), int(re.search(r"GONE (\d+) event", err).group(1)))


def check_said(r, name, statuses=(1,)):
    assert r.status in statuses, f"exit status {r.status} ({r.err})"
    assert "nothing lost" not in r.err and name in r.err and "GONE" in r.err, r.err


def events_in(*files):
    """Those that the summary counts: of the kernel's, each once."""
    return sum(f.stream and f.op in (frames.EXECVE, frames.CLONE, frames.EXIT) and not f.flags & frames.REPEAT
               for path in files for f in frames.Trace(path).frames)


def test_gone_file_deleted():
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        r = live.Recorder(t, "--sync", "50ms")
        work()
        live.wait_for(lambda: os.path.getsize(t) > 4096, "a block")
        os.unlink(t)
        work(20)
        live.wait_for(lambda: "was deleted" in r.said(), "what it says to that")
        live.wait_for(lambda: os.path.exists(t + ".1"), "the file that it goes on in")
        work(20)
        r.stop()
        check_said(r, t)
        assert "look at it" not in r.err and r.err.count("what was recorded into it is gone") == 1, r.err
        every, gone = counts(r.err)
        assert gone > 0, r.err
        live.equal(events_in(t + ".1"), every - gone, f"events that are there ({r.err})")
        live.equal(live.run(live.PROCREC, "verify", t + ".1", "--sealed").status, 0, "verify of the rest")
        return f"{gone} of {every} events gone"


def test_gone_file_replaced():
    for how in ("replaced", "moved"):
        with live.scratch() as d:
            t, other = os.path.join(d, "t.seg"), os.path.join(d, "other")
            r = live.Recorder(t, "--sync", "50ms")
            if how == "replaced":
                with open(other, "w", encoding="ascii") as f:
                    f.write("somebody else's\n")
                os.rename(other, t)
            else:
                os.rename(t, other)
            work(20)
            live.wait_for(lambda: t in r.said() and ("was deleted" in r.err or "not there any more" in r.err), "what it says to that")
            r.stop()
            check_said(r, t)
            assert "look at it" not in r.err, r.err
            if how == "replaced":
                with open(t, encoding="ascii") as f:
                    live.equal(f.read(), "somebody else's\n", "the other file")
            else:
                assert "moved" in r.err and "was deleted" not in r.err, r.err
                live.equal(events_in(other), counts(r.err)[1], f"events in the file that was moved ({r.err})")


def test_gone_file_of_command():
    """At the very end, too; CMD's own status goes first."""
    for status in (0, 7):
        with live.scratch() as d:
            t = os.path.join(d, "t.seg")
            r = live.record(t, "--only-tree", "--sync", "1h", cmd=["sh", "-c", f"rm {t}; exit {status}"])
            check_said(r, t, (status or 1,))
            assert "look at it: procrec replay " + t not in r.err.splitlines(), r.err
            quiet = live.record(t, "--force", "-q", "--only-tree", cmd=["sh", "-c", f"rm {t}"])
            check_said(quiet, t)


def test_gone_directory():
    for again in (False, True):
        with live.scratch() as d:
            out = os.path.join(d, "rec")
            r = live.Recorder(out + "/", *SMALL_SEGMENTS)
            work()
            # The recorder may begin a file while it is emptied.
            while os.path.exists(out):
                with contextlib.suppress(OSError):
                    shutil.rmtree(out)
            if again:
                os.mkdir(out)
            work(20)
            live.wait_for(lambda: f"{out}: the directory was deleted" in r.said(), "what it says to that", 20)
            r.stop()
            check_said(r, out, (4,))
            assert "look at it" not in r.err and "can be read" not in r.err and "LOST" in r.err, r.err
            live.equal(os.listdir(out) if again else [], [], "files in the directory that is not the recorder's")


def test_gone_directory_comes_back():
    """With all that was written meanwhile."""
    with live.scratch() as d:
        out, away = os.path.join(d, "rec"), os.path.join(d, "away")
        r = live.Recorder(out + "/", *SMALL_SEGMENTS)
        work()
        os.rename(out, away)
        work(20)
        live.wait_for(lambda: "not there any more" in r.said() and "no segment can be begun" in r.err, "what it says to that")
        os.rename(away, out)
        live.wait_for(lambda: "goes on again" in r.said(), "what it says when it is back")
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        assert "nothing lost" in r.err and "look at it" in r.err and "GONE" not in r.err, r.err
        live.equal(events_in(*segments(out)), int(re.search(r"(\d+) events in ", r.err).group(1)), f"events that are there ({r.err})")


def test_gone_file_with_resume():
    """What was gone on with has no other file to go on in."""
    with Bpffs() as b, live.scratch() as d:
        t = os.path.join(d, "t.seg")
        options = ("--resume", "--pin", b.pins, "--sync", "50ms")
        r = live.Recorder(t, *options)
        r.p.kill()
        r.p.communicate()
        r = live.Recorder(t, *options)
        os.unlink(t)
        work(20)
        live.wait_for(lambda: f"{t} was deleted" in r.said(), "what it says to that")
        r.stop()
        check_said(r, t)
        assert "look at it" not in r.err and not os.path.exists(t + ".1"), r.err


def test_gone_segments():
    """One in the middle, and the one in use: what is left is what it says."""
    for which in (1, -1):
        with live.scratch() as d:
            out = os.path.join(d, "rec")
            r = live.Recorder(out + "/", *SMALL_SEGMENTS)

            def enough(n):
                def look():
                    work(100)
                    return len(segments(out)) >= n
                return look

            live.wait_for(enough(4), "segments")
            if which < 0:  # with something of its own in it
                work(100)
            name = segments(out)[which]
            os.unlink(name)
            was = len(segments(out))
            live.wait_for(enough(was + 2), "segments after it")
            live.wait_for(lambda: name in r.said(), "what it says to that")
            r.stop()
            check_said(r, name)
            assert f"look at it: procrec replay {out}/" in r.err and "1 not there any more" in r.err, r.err
            every, gone = counts(r.err)
            live.equal(events_in(*segments(out)), every - gone, f"events that are there ({r.err})")


def test_gone_is_not_what_retention_deletes():
    with live.scratch() as d:
        out = os.path.join(d, "rec")
        r = live.Recorder(out + "/", "--keep", "64K", "--no-index", *SMALL_SEGMENTS)

        def rotated(which):  # how large they become depends on what else lives: it may be that only one is ever kept
            return work(100) or [s for s in segments(out)[which:][:1] if not s.endswith("000000000.seg")]

        live.wait_for(lambda: rotated(-1), "a segment")
        r.p.send_signal(signal.SIGUSR1)
        live.wait_for(lambda: work(1) or "frozen" in r.said(), "a frozen set")
        live.wait_for(lambda: rotated(0), "retention")
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        assert "nothing lost" in r.err and "look at it" in r.err and "GONE" not in r.err and "not there" not in r.err, r.err
        assert "deleted" in r.err, r.err


if __name__ == "__main__":
    live.main(globals())
