# SPDX-License-Identifier: BSD-2-Clause
"""replay --follow of recordings that go on: what replay shows afterwards, as it comes."""

import errno
import glob
import json
import os
import shutil
import signal
import subprocess
import time

import live
import truth


class Follower:
    def __init__(self, d, trace, *options, name="follow"):
        self.out, self.err = (os.path.join(d, f"{name}.{x}") for x in ("out", "err"))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.p = subprocess.Popen([live.PROCREC, "replay", trace, "--follow", *options], stdout=out, stderr=err)

    def text(self):
        with open(self.out, encoding="utf-8", errors="replace") as f:
            return f.read()

    def errors(self):
        with open(self.err, encoding="utf-8") as f:
            return f.read()

    def wait_for(self, what, where=None, limit=60):
        end = time.monotonic() + limit
        while what not in (where or self.text)():
            assert time.monotonic() < end and self.p.poll() is None, f"no {what!r} in {limit} s: {self.errors()}"
            time.sleep(0.02)

    def end(self, sig=None, limit=120):
        if sig:
            self.p.send_signal(sig)
        return self.p.wait(limit)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def same_afterwards(f, trace, *options):
    after = live.run(live.PROCREC, "replay", trace, *options)
    live.equal(after.status, 0, after.err)
    assert f.text() == after.out, f"--follow {options}: {len(f.text())} bytes, and {len(after.out)} afterwards"
    return len(after.out.splitlines())


def test_follow_one_file():
    """Each marked process is shown while the recording goes on; the whole is what replay shows afterwards."""
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        r = live.Recorder(t)
        selections = [(), ("--json",), ("--where", "name = 'true'"), ("--since", "+0.1s", "--json"), ("--frames",), ("--pid", str(os.getpid()))]
        all_of = [Follower(d, t, *s, name=str(i)) for i, s in enumerate(selections)]
        waits = []
        for i in range(4):
            start = time.monotonic()
            live.run("/bin/true", f"marked-{i}")
            all_of[0].wait_for(f"/bin/true marked-{i}\n")
            waits.append(time.monotonic() - start)
        live.equal(r.stop(), 0, r.err)
        for f, s in zip(all_of, selections):
            live.equal(f.end(), 0, f"{s}: {f.errors()}")
            live.equal(f.errors(), "", f"what {s} says")
        lines = [same_afterwards(f, t, *s) for f, s in zip(all_of, selections)]
        return f"lines {lines}; shown after {', '.join(f'{w:.2f}' for w in waits)} s"


def test_follow_rotation_with_retention():
    """From segment to segment, also of those that are deleted as soon as they were read; a follower that was stopped says what it missed."""
    with live.scratch() as d:
        out, log = os.path.join(d, "rec"), os.path.join(d, "truth")
        open(log, "w", encoding="ascii").close()
        r = live.Recorder(out + "/", "--max-segment", "16K", "--keep", "64K", "--sync", "50ms")
        f, slow = Follower(d, out, "--json"), Follower(d, out, "--json", name="slow")
        for g in (f, slow):
            g.wait_for('"type"')
        slow.p.send_signal(signal.SIGSTOP)
        live.run(live.WORKLOAD, "run", log, "3000", "4", cwd=d)
        first = sorted(glob.glob(os.path.join(out, "*.seg")))[0]
        assert not first.endswith("000000000000.seg"), "retention deleted nothing"
        open_files = [os.readlink(x) for x in glob.glob(f"/proc/{f.p.pid}/fd/*")]
        slow.p.send_signal(signal.SIGCONT)
        live.equal(r.stop(), 0, r.err)
        status, slow_status = f.end(), slow.end()
        segments = [x for x in open_files if ".seg" in x]
        assert len(segments) <= 3, f"files of read segments stay open: {segments}"
        live.equal(slow_status, 1, f"status of the one that missed something: {slow.errors()}")
        assert "segments between these two are missing" in slow.errors() and '"gap"' in slow.text(), slow.errors()
        if status == 0: # it was fast enough to see all: then its end is what replay shows of what is left
            events = [json.loads(line) for line in f.text().splitlines()]
            ends = {e["pid"] for e in events if e["type"] == "exit"} # of some of them the cache knows no more than that
            missing = set(truth.Truth(log).status) - ends
            assert not missing, f"the ends of {len(missing)} processes were not shown, such as {list(missing)[:5]}"
        return f"{len(f.text().splitlines())} lines, of the slow one {len(slow.text().splitlines())}; status {status}"


def test_follow_signals_and_a_closed_pipe():
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        r = live.Recorder(t)
        for sig in (signal.SIGINT, signal.SIGTERM):
            f = Follower(d, t)
            f.wait_for("alive")
            live.equal(f.end(sig), 0, f"status after {sig.name}")
            live.equal(f.errors(), "", "stderr")
            assert f.text().endswith("\n"), "a torn line"
        p = subprocess.Popen(f"{live.PROCREC} replay {t} --follow | head -n 2", shell=True, stdout=subprocess.PIPE)
        live.equal(len(p.communicate(timeout=60)[0].splitlines()), 2, "lines of a reader that has enough")
        live.equal(r.stop(), 0, r.err)


def test_follow_recorder_that_is_killed():
    """It says so, waits, and ends by a signal or where standard input does."""
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        r = live.Recorder(t)
        f = Follower(d, t)
        f.wait_for("alive")
        r.p.kill()
        r.p.wait()
        f.wait_for("no recorder is writing it any more", f.errors)
        before = cpu_seconds(f.p.pid)
        time.sleep(3)
        used = cpu_seconds(f.p.pid) - before
        assert used <= 0.05, f"{used} s of CPU in 3 s of waiting"
        live.equal(f.end(signal.SIGINT), 0, f.errors())
        same_afterwards(f, t)
        once = live.run(live.PROCREC, "replay", t, "--follow=stdin", stdin=subprocess.DEVNULL)
        live.equal((once.status, once.out), (0, f.text()), "--follow=stdin")
        assert "the end is open" in once.err, once.err


def test_follow_a_file_that_fails():
    """The recorder goes on in PATH.1, and so do those who follow PATH: all that was recorded is shown, once, and then they end."""
    with live.scratch() as d:
        t, joined = os.path.join(d, "t.seg"), os.path.join(d, "joined")
        shutil.copy(live.WORKLOAD, t + ".1") # it is not free, and no piece of this recording
        r = live.Recorder(t, "--sync", "20ms", prefix=["env", f"FAULT=write:6:{errno.EIO}", "LD_PRELOAD=" + os.path.join(live.BIN, "fault.so")])
        selections = [(), ("--json",)]
        all_of = [Follower(d, t, *s, name=str(i)) for i, s in enumerate(selections)]
        for i in range(200): # until a write fails
            live.run("/bin/true", f"marked-{i}")
            all_of[0].wait_for(f"/bin/true marked-{i}\n")
            if os.path.exists(t + ".2"):
                break
        live.run("/bin/true", "behind")
        all_of[0].wait_for("/bin/true behind\n")
        live.equal((r.stop(), "going on in a new segment" in r.err, "nothing lost" in r.err), (0, True, True), r.err)
        os.mkdir(joined)
        for i, path in enumerate((t, t + ".2")):
            shutil.copy(path, os.path.join(joined, f"{i:012}.seg"))
        for f, s in zip(all_of, selections):
            live.equal(f.end(), 0, f"{s}: {f.errors()}")
        return f"lines {[same_afterwards(f, joined, *s) for f, s in zip(all_of, selections)]}"


def test_follow_started_together():
    """A directory that has no segment yet is waited for as long as its recorder is there."""
    with live.scratch() as d:
        for i in range(10):
            out = os.path.join(d, f"rec{i}")
            p = subprocess.Popen([live.PROCREC, "record", "-q", "-o", out + "/", "--", "sleep", "0.2"])
            while not os.path.exists(os.path.join(out, "recorder.lock")):
                assert p.poll() is None, "the recorder ended"
            while not os.path.getsize(os.path.join(out, "recorder.lock")):
                pass
            f = Follower(d, out, name=str(i))
            live.equal(p.wait(60), 0, "record")
            live.equal(f.end(), 0, f.errors())
            same_afterwards(f, out)


def test_follow_what_is_no_trace():
    with live.scratch() as d:
        fifo, empty, text = (os.path.join(d, x) for x in ("fifo", "empty.seg", "text"))
        os.mkfifo(fifo)
        open(empty, "wb").close()
        with open(text, "w", encoding="ascii") as f:
            f.write("text\n" * 100)
        for path in (fifo, empty, text, d, os.path.join(d, "missing"), "/dev/zero"):
            plain, follow = (live.run(live.PROCREC, "replay", path, *o, timeout=20) for o in ((), ("--follow",)))
            live.equal((follow.status, follow.out, follow.err), (plain.status, plain.out, plain.err), path)
            assert follow.status >= 3, follow.status


if __name__ == "__main__":
    live.main(globals())
