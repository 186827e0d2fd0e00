# SPDX-License-Identifier: BSD-2-Clause
"""record -o DIR/: segments without a lost frame, each readable alone; signatures; retention; full disks; recorders that follow."""

import glob
import json
import os
import re
import shutil
import subprocess

import frames
import live
import truth

# A block holds at most 256 KiB of frames, and a segment of 16K ends with its first block or its second: so many frames that a workload of a
# fixed number of processes fills many segments however fast or slow the machine is.
SMALL_SEGMENTS = ("--max-segment", "16K", "--sync", "100ms")


def keys(d):
    live.equal(live.run(live.PROCREC, "keygen", os.path.join(d, "k")).status, 0, "keygen")
    return os.path.join(d, "k.key"), os.path.join(d, "k.pub")


def segments(folder):
    return sorted(glob.glob(os.path.join(folder, "*.seg")))


def verify(path, *options):
    r = live.run(live.PROCREC, "verify", path, "--json", *options)
    return r.status, json.loads(r.out)


def start_truth(d):
    log = os.path.join(d, "truth")
    open(log, "w", encoding="ascii").close()
    return log


def check_truth(log, where):
    """The whole is what the workload did, without a gap."""
    tr, t = truth.Truth(log), frames.Trace(where)
    live.equal(t.gaps()[0], {}, "gaps")
    note = truth.compare(tr, truth.from_frames(t, tr.root), root_status=0)
    seen = live.run(live.PROCREC, "replay", where, "--gaps")
    live.equal((seen.status, seen.out), (0, ""), "gaps as replay sees them")
    return note


def check_counts(where, said):
    """The view of the whole has as many clones and exits as the summary."""
    r = live.run(live.PROCREC, "replay", where, "--json")
    live.equal(r.status, 0, f"replay ({r.err})")
    kinds = re.findall(r'^{"type":"(\w+)"', r.out, re.M)
    want = tuple(map(int, re.search(r"(\d+) clones, (\d+) exits", said).groups()))
    live.equal((kinds.count("clone"), kinds.count("exit")), want, "clones and exits in the whole against the summary")


def check_alone(path):
    """Every key that a frame of the segment refers to is told of in the segment."""
    t = frames.Trace(path)
    known, missing = set(), []
    events = [(e.n, "exec", e.key, [] if e.procfs else [e.cleanup]) for e in t.execs]
    events += [(c["n"], "clone", c["key"], [c["parent"]]) for c in t.clones] + [(x["n"], "exit", None, [x["key"]]) for x in t.exits]
    for n, kind, key, refers in sorted(events, key=lambda e: e[0]):
        if not t.frames[n].flags & frames.REPEAT:
            missing += [(kind, n, r) for r in refers if r.ktime and r not in known]
        if key:
            known.add(key)
    # What lived when the recording began and ended before it was come to is told of at its end.
    late = {e.key for e in t.execs if e.procfs and not t.frames[e.n].flags & frames.REPEAT}
    missing = [m for m in missing if m[2] not in late]
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


def check_minisign(path, pub):
    if live.run("sh", "-c", "command -v minisign").status == 0:
        live.equal(live.run("minisign", "-qVm", path, "-p", pub).status, 0, f"minisign of {path}")


def test_rotation_loses_nothing():
    with live.scratch() as d:
        log, out = start_truth(d), os.path.join(d, "rec")
        key, pub = keys(d)
        r = live.record(out + "/", "--sign", key, *SMALL_SEGMENTS, cmd=[live.WORKLOAD, "run", log, "1200", "4"], cwd=d)
        live.equal(r.status, 0, f"exit status ({r.err})")
        assert "nothing lost" in r.err, r.err
        files = segments(out)
        assert len(files) >= 4, files
        note = check_truth(log, out)
        check_counts(out, r.err)
        status, v = verify(out, "--pubkey", pub, "--sealed")
        live.equal((status, v["verdict"], v["signed"]), (0, "whole", "all"), "verify of the whole")
        for path in files:
            live.equal(os.path.exists(path + ".idx"), True, f"index of {path}")
            live.equal(verify(path, "--pubkey", pub, "--sealed")[0], 0, f"verify of {path} alone")
            check_minisign(path, pub)
        for path in (files[0], files[len(files) // 2], files[-1]):
            alone = check_alone(path)
            if path != files[0]:
                check_lineage(out, path, alone)
        return f"{len(files)} segments; {note}"


def test_retention():
    with live.scratch() as d:
        log, out = start_truth(d), os.path.join(d, "rec")
        os.mkdir(out)
        key, pub = keys(d)
        r = live.record(out, "--sign", key, *SMALL_SEGMENTS, "--keep", "600K", "--keep", "1h",
                        cmd=[live.WORKLOAD, "run", log, "2000", "4"], cwd=d)
        live.equal(r.status, 0, f"exit status ({r.err})")
        files = segments(out)
        assert "deleted" in r.err and len(files) >= 2 and not files[0].endswith("000000000000.seg"), (r.err, files)
        sizes = [sum(os.path.getsize(f + s) for s in ("", ".idx", ".minisig")) for f in files]
        assert sum(sizes) <= (600 << 10) + max(sizes[-1] - max(sizes[:-1]), 0), sizes
        names = [os.path.basename(f) + s for f in files for s in ("", ".idx", ".minisig")]
        live.equal(sorted(os.listdir(out)), sorted(names + ["recorder.lock"]), "files")
        status, v = verify(out, "--pubkey", pub)
        live.equal((status, v["verdict"]), (0, "whole"), "verify")
        live.equal(v["segments_deleted"], int(os.path.basename(files[0])[:12]), "segments deleted, of all before the first one left")
        assert "deleted by retention" in live.run(live.PROCREC, "verify", out).out
        for path in files:
            check_alone(path)
        chain = live.replay(out, "--ancestry", str(truth.Truth(log).root))
        live.equal(chain[-1]["pid"], 1, "where the lineage ends")
        os.unlink(files[0])
        live.equal(verify(out, "--pubkey", pub)[0], 1, "verify without a segment that retention had left")
        return f"{v['segments_deleted']} deleted, {len(files)} left"


def test_runs_follow_each_other():
    with live.scratch() as d:
        out = os.path.join(d, "rec")
        for _ in range(2):
            live.equal(live.record(out + "/", cmd=["true"]).status, 0, "exit status")
        live.equal([os.path.basename(f) for f in segments(out)], ["000000000000.seg", "000000000001.seg"], "segments")
        live.equal(verify(out)[0], 0, "verify")


def test_a_killed_recorder_and_its_successor():
    with live.scratch() as d:
        key, pub = keys(d)
        out = os.path.join(d, "rec")
        r = live.Recorder(out + "/", "--sign", key, "--sync", "50ms")
        live.run("sh", "-c", "for i in 1 2 3 4 5; do /bin/true; done")
        first = os.path.join(out, "000000000000.seg")
        live.wait_for(lambda: any(e.filename == b"/bin/true" for e in frames.Trace(first).execs), "frames in the file")
        r.p.kill()
        r.p.wait()
        status, v = verify(out, "--pubkey", pub)
        live.equal((status, v["verdict"], v["signed"]), (0, "open", "partly"), "verify after kill -9")
        live.equal(verify(out, "--pubkey", pub, "--sealed")[0], 1, "verify --sealed after kill -9")
        live.equal(live.record(out + "/", "--sign", key, cmd=["true"]).status, 0, "the next recorder")
        status, v = verify(out, "--pubkey", pub)
        live.equal((status, v["verdict"], v["segments"]), (0, "whole", 2), "verify of both")
        return "killed, found out, gone on"


def test_second_recorder_is_refused():
    with live.scratch() as d:
        out = os.path.join(d, "rec")
        first = live.Recorder(out + "/")
        r = live.record(out + "/", cmd=["true"])
        live.equal(r.status, 4, "exit status of the second")
        assert "another recorder" in r.err and f"pid {first.p.pid}" in r.err, r.err
        live.equal(first.stop(), 0, "exit status of the first")
        live.equal(len(segments(out)), 1, "segments")


def test_options_that_do_not_go_together():
    with live.scratch() as d:
        for options in (["--max-segment", "64"], ["--keep", "x"], ["--force"], ["--resume"], ["--keep", "1G", "--keep", "2G"],
                        ["--max-segment", "1m", "--max-segment", "1G", "--max-segment", "60s"]):
            live.equal(live.record(os.path.join(d, "rec/"), *options).status, 2, f"{options}")
        live.equal(os.path.exists(os.path.join(d, "rec")), False, "nothing was made")
        live.equal(live.record(os.path.join(d, "t.seg"), "--keep", "1h").status, 2, "limits for a file")
        live.equal(live.record(os.path.join(d, "t.seg"), "--ring", "0").status, 2, "a ring of no size")


class Small:
    """A small file system."""

    def __init__(self, d, size):
        self.path = os.path.join(d, "small")
        os.mkdir(self.path)
        if live.run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", self.path).status:
            raise live.Skip("no tmpfs can be mounted")

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        live.run("umount", self.path)


def record_until_full(d, small, *options):
    """Records ever more processes until the disk was full: the workload's logs are elsewhere."""
    out = os.path.join(small, "rec")
    r = live.Recorder(out + "/", "--no-index", *SMALL_SEGMENTS, *options)
    while r.said().count("No space left") < 3:
        live.equal(live.run(live.WORKLOAD, "run", start_truth(d), "500", "4", cwd=d).status, 0, "workload")
    live.equal(r.stop(), 0, f"exit status ({r.err})")
    assert "nothing lost" in r.err and "deleted" in r.err, r.err
    return out


def test_full_disk_frees_the_oldest():
    with live.scratch() as d, Small(d, "300k") as small:
        key, pub = keys(d)
        out = record_until_full(d, small, "--sign", key)
        status, v = verify(out, "--pubkey", pub)
        live.equal((status, v["verdict"]), (0, "whole"), "verify")
        files = segments(out)
        live.equal(v["segments_deleted"], int(os.path.basename(files[0])[:12]), "segments deleted, of all before the first one left")
        for path in files:
            check_alone(path)
        return f"{v['segments_deleted']} made room, {len(files)} left"


def fill(path):
    """All room but a little."""
    with open(path, "wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
        f.truncate(f.tell() // 4096 * 4096 - (12 << 10))


def test_a_disk_that_stays_full_ends_in_time():
    """And the recorder says how much it lost, exactly: the storm knows what it did."""
    with live.scratch() as d, Small(d, "4m") as small:
        out, fifo = os.path.join(small, "rec"), os.path.join(d, "fifo")
        os.mkfifo(fifo)
        p = subprocess.Popen([live.PROCREC, "record", "--plain", "--no-index", "--only-tree", *SMALL_SEGMENTS, "-o", out + "/", "--",
                              "sh", "-c", f"read x < {fifo}; exec {live.WORKLOAD} storm 2 700"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with open(fifo, "w", encoding="ascii") as go:
            first = os.path.join(out, "000000000000.seg")
            live.wait_for(lambda: os.path.exists(first) and os.path.getsize(first) > 1024, "a keyframe in the file")
            fill(os.path.join(small, "filler"))
            go.write("now\n")
        said_out, err = p.communicate(timeout=120)
        live.equal(p.returncode, 4, f"exit status ({err})")
        assert "No space left" in err and "could not be written" in err and "--ring" not in err, err
        forks, execs = map(int, re.match(r"forks (\d+) execs (\d+)", said_out).groups())
        lost = {name: int(n) for n, name in re.findall(r"(\d+) (exec|clone|exit)\b", re.search(r"LOST.*", err).group(0))}
        t = frames.Trace(out)
        for stream, emitted in ((1, 2 * (execs + 2)), (2, 2 * forks), (3, forks + 1)):
            name = frames.STREAMS[stream]
            live.equal(sum(f.stream == stream for f in t.frames) + lost.get(name, 0), emitted, f"{name}: recorded + lost against emitted")
        status, v = verify(out)
        live.equal((status, v["verdict"]), (0, "open"), "verify")
        return f"{lost} lost"


def test_full_disk_goes_on_when_there_is_room():
    with live.scratch() as d, Small(d, "4m") as small:
        log, trace = start_truth(d), os.path.join(small, "t.seg")
        filler = os.path.join(small, "filler")
        r = live.Recorder(trace, "--no-index", "--sync", "50ms")
        live.wait_for(lambda: os.path.getsize(trace) > 1024, "a keyframe in the file")
        fill(filler)
        live.equal(live.run(live.WORKLOAD, "run", log, "300", "2", cwd=d).status, 0, "workload")
        live.wait_for(lambda: "No space left" in r.said(), "what the recorder says to a full disk")
        os.unlink(filler)
        live.wait_for(lambda: "goes on again" in r.said(), "what the recorder says to room")
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        live.equal([r.err.count(s) for s in ("No space left", "goes on again", "nothing lost")], [1, 1, 1], r.err)
        joined = os.path.join(d, "joined")
        os.mkdir(joined)
        for i, path in enumerate(sorted(glob.glob(trace + "*"))):
            shutil.copy(path, os.path.join(joined, f"{i:012}.seg"))
        note = check_truth(log, joined)
        check_alone(trace + ".1")
        return note


if __name__ == "__main__":
    live.main(globals())
