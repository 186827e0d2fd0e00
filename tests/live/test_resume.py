# SPDX-License-Identifier: BSD-2-Clause
"""record --resume: recorders that are killed again and again lose nothing and record nothing twice."""

import os
import random
import re
import secrets
import signal
import subprocess
import time

import frames
import live
import truth

KILLS = int(os.environ.get("LIVE_KILLS", "12"))


class Bpffs:
    """A bpffs of its own, so that the machine's stays as it is."""

    def __enter__(self):
        self.d = live.scratch()
        path = os.path.join(self.d.name, "bpf")
        os.mkdir(path)
        if live.run("mount", "-t", "bpf", "none", path).status:
            self.d.cleanup()
            raise live.Skip("no bpffs can be mounted")
        self.path = path
        self.pins = os.path.join(path, "procrec")
        return self

    def __exit__(self, *_):
        live.run(live.PROCREC, "stop", "--pin", self.pins)
        live.run("umount", self.path)
        self.d.cleanup()


def test_resume_after_kills():
    rnd = random.Random(4)
    with Bpffs() as b, live.scratch() as d:
        log, trace = os.path.join(d, "truth"), os.path.join(d, "t.seg")
        open(log, "w", encoding="ascii").close()
        options = ["--resume", "--pin", b.pins, "--sync", "50ms"]
        r = live.Recorder(trace, *options)
        work = subprocess.Popen([live.WORKLOAD, "run", log, "2500", "4"], cwd=d)
        kills = 0
        while kills < KILLS:
            time.sleep(rnd.random() * 0.25)
            r.p.kill()
            r.p.wait()
            kills += 1
            time.sleep(rnd.random() * 0.05)
            r = live.Recorder(trace, *options)
        live.equal(work.wait(120), 0, "workload")
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        assert "nothing lost" in r.err, r.err
        live.equal(os.path.exists(b.pins), False, "still pinned after a proper end")
        t, tr = frames.Trace(trace), truth.Truth(log)
        live.equal(t.gaps()[0], {}, "gaps")
        numbers = [(f.cpu, f.stream, f.seq) for f in t.frames]
        live.equal(len(numbers), len(set(numbers)), "frames, and different ones")
        note = truth.compare(tr, truth.from_frames(t, tr.root), root_status=0)
        live.equal(live.run(live.PROCREC, "verify", trace).status, 0, "verify")
        return f"{kills} kills, {len(numbers)} frames; {note}"


def killed_in_its_keyframe(trace, pins, busy):
    """A recorder that ends between attaching and the end of its keyframe; busy() is done in that time. False: it was too fast for that."""
    p = subprocess.Popen([live.PROCREC, "record", "--plain", "-o", trace, "--resume", "--pin", pins], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    while not os.path.exists(os.path.join(pins, "link_clone")) and p.poll() is None:
        pass  # the keyframe takes milliseconds
    p.send_signal(signal.SIGSTOP)
    busy()
    p.kill()
    p.wait()
    return not frames.frames(trace)


def test_one_frame_for_each_image():
    """What runs while a recorder dies in its keyframe is told by its exec, not by the second keyframe too."""
    marks, alive = [], [subprocess.Popen(["sleep", "1000"])]

    def busy():
        marks[:] = [f"mark-{secrets.token_hex(8)}" for _ in range(40)]
        for mark in marks[:20]:
            subprocess.run(["true", mark], check=True)
        alive.extend(subprocess.Popen(["perl", "-e", "sleep 1000", mark]) for mark in marks[20:])

    try:
        with Bpffs() as b, live.scratch() as d:
            for i in range(20):
                trace = os.path.join(d, f"{i}.seg")
                if killed_in_its_keyframe(trace, b.pins, busy):
                    break
                live.equal(live.run(live.PROCREC, "stop", "--pin", b.pins).status, 0, "stop")
            else:
                raise AssertionError("no recorder was killed in its keyframe: the test shows nothing")
            r = live.Recorder(trace, "--resume", "--pin", b.pins)
            live.equal(r.stop(), 0, f"exit status ({r.err})")
            images = [e.key for e in frames.Trace(trace).execs]
            live.equal(sorted(k for k in set(images) if images.count(k) > 1), [], "images that two frames tell of")
            live.equal([k.pid for k in images].count(alive[0].pid), 1, "frames of the process that was there before")
            execs = [e["argv"] for e in live.replay(trace) if e["type"] == "execve"]
            live.equal([sum(mark in (argv or []) for argv in execs) for mark in marks], [1] * len(marks), "events of each exec")
            return f"{len(images)} images"
    finally:
        for p in alive:
            p.kill()
            p.wait()


def test_left_over_is_reported_and_stopped():
    with Bpffs() as b, live.scratch() as d:
        trace, other = os.path.join(d, "t.seg"), os.path.join(d, "other.seg")
        r = live.Recorder(trace, "--resume", "--pin", b.pins)
        r.p.kill()
        r.p.wait()
        x = live.record(other, "--pin", b.pins, cmd=["true"])
        live.equal(x.status, 0, "another recording beside it")
        assert "cut off" in x.err and b.pins in x.err, x.err
        x = live.record(os.path.join(d, "third.seg"), "--resume", "--pin", b.pins)
        live.equal(x.status, 4, "resume with a trace that is not there")
        assert re.search("third.seg is not where it went", x.err), x.err
        live.equal(live.record(other, "--resume", "--pin", b.pins).status, 4, "resume with a closed trace")
        live.equal(live.run(live.PROCREC, "stop", "--pin", b.pins).status, 0, "stop")
        live.equal(os.path.exists(b.pins), False, "left in bpffs")
        live.equal(live.run(live.PROCREC, "stop", "--pin", b.pins).status, 1, "stop when there is nothing")
        live.equal(live.record(trace, "--resume", "--pin", b.pins).status, 4, "resume when nothing is pinned")


def names_in(folder):
    return sorted(os.listdir(folder))


def test_pins_of_others_and_what_is_no_pin_stay():
    """Names such as those of pins, outside of a bpffs and beside pins of others; empty folders; a folder that is not there."""
    with Bpffs() as b, live.scratch() as d:
        plain, empty = os.path.join(d, "plain"), os.path.join(d, "empty")
        others, unused = os.path.join(b.path, "others"), os.path.join(b.path, "unused")
        for folder in (plain, empty, others, unused, os.path.join(others, "tool"), os.path.join(others, "map_of_tool")):
            os.mkdir(folder)
        for name in ("link_clone", "prog_exec", "map_ring", "map_of_the_house"):
            open(os.path.join(plain, name), "w", encoding="ascii").close()
        before = {folder: names_in(folder) for folder in (plain, empty, others, unused)}
        for folder in (*before, os.path.join(d, "nowhere"), os.path.join(plain, "link_clone")):
            x = live.run(live.PROCREC, "stop", "--pin", folder)
            live.equal(x.status, 1, f"stop --pin {folder} ({x.err})")
            assert "holds no capture" in x.err, x.err
        for folder in (plain, empty, others):
            x = live.record(os.path.join(d, "t.seg"), "--resume", "--pin", folder)
            live.equal(x.status, 4, f"record --resume --pin {folder} ({x.err})")
            assert folder in x.err and re.search("not in a bpffs|needs a folder of its own", x.err), x.err
        live.equal({folder: names_in(folder) for folder in before}, before, "what was there")
        x = live.record(os.path.join(d, "beside.seg"), "--pin", plain, cmd=["true"])
        assert "cut off" not in x.err, x.err


if __name__ == "__main__":
    live.main(globals())
