# SPDX-License-Identifier: BSD-2-Clause
"""record -o DIR/: segments without a lost frame, each readable alone; retention; full disks; two recorders."""

import glob
import os
import shutil
import time

import frames
import live
import truth


def segments(folder):
    return sorted(glob.glob(os.path.join(folder, "*.seg")))


def start_truth(d):
    log = os.path.join(d, "truth")
    open(log, "w", encoding="ascii").close()
    return log


def check_alone(path):
    """Every key that a frame of the segment refers to is told of in the segment."""
    t = frames.Trace(path)
    keys, missing = set(), []
    events = [(e.n, e.key, [] if e.procfs else [e.cleanup]) for e in t.execs]
    events += [(c["n"], c["key"], [c["parent"]]) for c in t.clones] + [(x["n"], None, [x["key"]]) for x in t.exits]
    for n, key, refers in sorted(events, key=lambda e: e[0]):
        if not t.frames[n].flags & frames.REPEAT:
            missing += [r for r in refers if r.ktime and r not in keys]
        if key:
            keys.add(key)
    live.equal(missing, [], f"keys that {os.path.basename(path)} does not tell of")
    gaps = live.run(live.PROCREC, "replay", path, "--gaps")
    live.equal((gaps.status, gaps.out), (0, ""), f"gaps of {os.path.basename(path)}")
    return t


def check_lineage(folder, path, t):
    """The chains of what began in the segment, from it alone and from all."""
    begun = [e for e in t.execs if not t.frames[e.n].flags & frames.REPEAT]
    for e in begun[:1]:
        chains = [[(p["pid"], p["ktime"], p["binary"], p["argv"]) for p in
                   live.replay(where, "--ancestry", str(e.key.pid), "--at", str(e.key.ktime + 1))] for where in (path, folder)]
        live.equal(chains[0], chains[1], f"ancestors of {e.key}")
        assert len(chains[0]) > 3, chains[0]


def verify(*argv):
    r = live.run(live.PROCREC, "verify", *argv)
    live.equal(r.status, 0, f"verify: {r.err}")
    return r.out


def test_rotation_under_a_storm():
    with live.scratch() as d:
        log, out = start_truth(d), os.path.join(d, "rec")
        r = live.record(out + "/", "--max-segment", "64K", "--sync", "100ms", cmd=[live.WORKLOAD, "run", log, "2000", "4"], cwd=d)
        live.equal(r.status, 0, f"exit status ({r.err})")
        assert "nothing lost" in r.err, r.err
        files = segments(out)
        assert len(files) >= 4, files
        tr, t = truth.Truth(log), frames.Trace(out)
        note = truth.compare(tr, truth.from_frames(t, tr.root), root_status=0)
        live.equal(t.gaps()[0], {}, "gaps")
        stats = live.run(live.PROCREC, "replay", out, "--gaps")
        live.equal((stats.status, stats.out), (0, ""), "gaps as replay sees them")
        assert "whole" in verify(out)
        for path in files:
            live.equal(os.path.exists(path + ".idx"), True, f"index of {path}")
        for path in (files[0], files[len(files) // 2], files[-1]):
            alone = check_alone(path)
            if path != files[0]:
                check_lineage(out, path, alone)
        return f"{len(files)} segments; {note}"


def test_retention():
    with live.scratch() as d:
        log, out = start_truth(d), os.path.join(d, "rec")
        os.mkdir(out)
        r = live.record(out, "--max-segment", "64K", "--keep", "256K", "--keep", "1h", "--sync", "100ms",
                        cmd=[live.WORKLOAD, "run", log, "1200", "4"], cwd=d)
        live.equal(r.status, 0, f"exit status ({r.err})")
        files = segments(out)
        assert "deleted" in r.err and files and not files[0].endswith("000000000000.seg"), (r.err, files)
        size = sum(os.path.getsize(f) for f in files)
        assert size < 384 << 10, size
        live.equal(sorted(os.listdir(out)), sorted([os.path.basename(f) + s for f in files for s in ("", ".idx")] + ["recorder.lock"]), "files")
        assert "deleted by retention" in verify(out)
        for path in files:
            check_alone(path)
        chain = live.replay(out, "--ancestry", str(truth.Truth(log).root))
        live.equal(chain[-1]["pid"], 1, "where the lineage ends")
        return f"{len(files)} segments left, {size >> 10} KiB"


def test_runs_follow_each_other():
    with live.scratch() as d:
        out = os.path.join(d, "rec")
        for _ in range(2):
            live.equal(live.record(out + "/", cmd=["true"]).status, 0, "exit status")
        live.equal([os.path.basename(f) for f in segments(out)], ["000000000000.seg", "000000000001.seg"], "segments")
        verify(out)


def test_second_recorder_is_refused():
    with live.scratch() as d:
        out = os.path.join(d, "rec")
        first = live.Recorder(out + "/")
        r = live.record(out + "/", cmd=["true"])
        live.equal(r.status, 4, "exit status of the second")
        assert f"pid {first.p.pid}" in r.err, r.err
        live.equal(first.stop(), 0, "exit status of the first")
        live.equal(len(segments(out)), 1, "segments")
        for options in (["--max-segment", "64"], ["--keep", "x"], ["--force"], ["--resume"]):
            live.equal(live.record(out + "/", *options).status, 2, f"{options}")
        live.equal(live.record(os.path.join(d, "t.seg"), "--keep", "1h").status, 2, "limits for a file")


class Small:
    """A small file system."""

    def __init__(self, d, size):
        self.path = os.path.join(d, "small")
        os.mkdir(self.path)
        live.equal(live.run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", self.path).status, 0, "mount")

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        live.run("umount", self.path)


def test_full_disk_frees_the_oldest():
    with live.scratch() as d, Small(d, "300k") as small:
        log, out = start_truth(d), os.path.join(small, "rec")
        r = live.record(out + "/", "--max-segment", "64K", "--no-index", "--sync", "100ms", cmd=[live.WORKLOAD, "run", log, "2000", "4"], cwd=d)
        live.equal(r.status, 0, f"exit status ({r.err})")
        assert "nothing lost" in r.err and "No space left" in r.err and "deleted" in r.err, r.err
        files = segments(out)
        out = live.run(live.PROCREC, "verify", out)
        assert "deleted by retention" in out.out and "missing" not in out.err, out.out + out.err
        for path in files:
            check_alone(path)
        return f"{len(files)} segments left"


def fill(path):
    """All room but a little."""
    with open(path, "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
        f.truncate(f.tell() // 4096 * 4096 - (12 << 10))


def test_full_disk_goes_on_when_there_is_room():
    with live.scratch() as d, Small(d, "4m") as small:
        log, trace = start_truth(d), os.path.join(small, "t.seg")
        filler = os.path.join(small, "filler")
        r = live.Recorder(trace, "--no-index", "--sync", "50ms")
        fill(filler)
        live.equal(live.run(live.WORKLOAD, "run", log, "300", "2", cwd=d).status, 0, "workload")
        time.sleep(1)
        os.unlink(filler)
        time.sleep(1.5)
        live.equal(live.run("true").status, 0, "true")
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        live.equal([r.err.count(s) for s in ("No space left", "goes on again", "nothing lost")], [1, 1, 1], r.err)
        joined = os.path.join(d, "joined")
        os.mkdir(joined)
        for i, path in enumerate(sorted(glob.glob(trace + "*"))):
            shutil.copy(path, os.path.join(joined, f"{i:012}.seg"))
        tr, t = truth.Truth(log), frames.Trace(joined)
        live.equal(t.gaps()[0], {}, "gaps")
        note = truth.compare(tr, truth.from_frames(t, tr.root), root_status=0)
        live.equal(live.run(live.PROCREC, "replay", joined, "--gaps").out, "", "gaps")
        check_alone(trace + ".1")
        return note


if __name__ == "__main__":
    live.main(globals())
