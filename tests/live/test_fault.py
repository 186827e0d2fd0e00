# SPDX-License-Identifier: BSD-2-Clause
"""Calls of a recorder on its segments that fail, once or from some place on: nothing lost or there twice, or it says how much."""

import errno
import glob
import os
import re
import shutil
import time

import frames
import live
import test_loss
import truth

POSITIONS = int(os.environ.get("LIVE_FAULTS", "1"))
CALLS = [("write", errno.EIO, 4), ("write", errno.ENOSPC, 3), ("fdatasync", errno.EIO, 2), ("fsync", errno.EIO, 2), ("rename", errno.EIO, 2),
         ("open", errno.EACCES, 2)]


def failing(d, fault, *more):
    """The environment of a recorder whose calls fail."""
    return [f"FAULT={fault}", f"FAULT_HIT={d}/hit", "LD_PRELOAD=" + os.path.join(live.BIN, "fault.so"), *more]


def has_failed(d):
    return os.path.exists(os.path.join(d, "hit"))


def assert_failed(d, fault):
    assert has_failed(d), f"{fault}: no call failed: nothing is tested"


def run_with(d, fault, target, *options):
    """A recording of a small workload; its log and what the recorder said."""
    log = os.path.join(d, "truth")
    open(log, "w", encoding="ascii").close()
    prefix = ["env", *failing(d, fault, *(["FAULT_IN=/rec"] if fault.startswith("fsync") else []))]  # of names: of the folder
    r = live.Recorder(target, "--sync", "20ms", "--no-index", *options, prefix=prefix)
    live.equal(live.run(live.WORKLOAD, "run", log, "60", cwd=d).status, 0, "workload")
    time.sleep(0.15)
    r.stop()
    return truth.Truth(log), r


def check_whole(where, tr, what):
    t = frames.Trace(where)
    live.equal(t.gaps()[0], {}, f"{what}: gaps")
    numbers = [(f.cpu, f.stream, f.seq) for f in t.frames]
    live.equal(len(numbers), len(set(numbers)), f"{what}: frames, and different ones")
    truth.compare(tr, truth.from_frames(t, tr.root), root_status=0)
    seen = live.run(live.PROCREC, "replay", where, "--gaps")
    live.equal(seen.out, "", f"{what}: gaps as replay sees them ({seen.err})")


def join(trace, folder):
    """The pieces of one file as a directory."""
    os.mkdir(folder)
    for i, path in enumerate(sorted(glob.glob(glob.escape(trace) + "*"), key=lambda p: (len(p), p))):
        shutil.copy(path, os.path.join(folder, f"{i:012}.seg"))
    return folder


def test_one_failure_costs_nothing():
    """How many calls a recording makes is a matter of time; the first of each kind are always there."""
    hit = 0
    for call, code, first in CALLS:
        failed = 0
        for n in range(first, first + POSITIONS):
            for into_folder in (True, False):
                if not into_folder and call not in ("write", "fdatasync"):
                    continue
                what = f"{call} {n} {errno.errorcode[code]} {'folder' if into_folder else 'file'}"
                with live.scratch() as d:
                    target = os.path.join(d, "rec/" if into_folder else "t.seg")
                    tr, r = run_with(d, f"{call}:{n}:{code}", target, *(["--max-segment", "16K"] if into_folder else []))
                    failed += has_failed(d)
                    hit += "going on in a new segment" in r.err
                    live.equal((r.status, "nothing lost" in r.err), (0, True), f"{what}: {r.err}")
                    check_whole(target if into_folder else join(target, os.path.join(d, "joined")), tr, what)
        assert failed, f"{call} {errno.errorcode[code]}: none failed: nothing is tested"
    return f"{hit} failures got over"


# Files beside segments: the end of their names, what lies beside the trace then, options, and the calls that make them.
BESIDE = [(".seg.minisig", "t.seg.minisig", ("--sign",), ("open", "write", "fdatasync")),
          (".idx.tmp", "t.seg.idx", (), ("open", "pwrite")),
          (".seg.idx", "t.seg.idx", (), ("rename",))]


def test_a_failure_beside_the_trace_is_told():
    """What failed, where and why; and it costs nothing else."""
    for end, name, options, calls in BESIDE:
        for call in calls:
            for code in (errno.ENOSPC, errno.EIO):
                what = f"{call} of {end}: {errno.errorcode[code]}"
                with live.scratch() as d:
                    trace, key = os.path.join(d, "t.seg"), os.path.join(d, "k")
                    live.equal(live.run(live.PROCREC, "keygen", key).status, 0, "keygen")
                    r = live.run("env", *failing(d, f"{call}:1:{code}:always", f"FAULT_IN={end}"), live.PROCREC, "record", "-o", trace,
                                 *[o if o != "--sign" else f"--sign={key}.key" for o in options], "--", "true")
                    assert_failed(d, what)
                    live.equal((r.status, "nothing lost" in r.err), (0, True), f"{what}: {r.err}")
                    told = [line for line in r.err.splitlines() if "could not be written" in line]
                    assert len(told) == 1 and os.path.join(d, name) in told[0] and os.strerror(code) in told[0], f"{what}: {r.err}"
                    left = [os.path.basename(p) for p in glob.glob(trace + "*") if p not in (trace, trace + ".idx", trace + ".minisig")]
                    live.equal((os.path.exists(os.path.join(d, name)), left), (False, []), f"{what}: what lies there")
                    v = live.run(live.PROCREC, "verify", trace, *(["--pubkey", key + ".pub"] if options else []))
                    live.equal(v.status, 0, f"{what}: verify: {v.err}")


def test_a_failure_of_a_frozen_set_is_told():
    """No set, and why there is none; the recording goes on."""
    for call in ("write", "fsync"):
        for code in (errno.ENOSPC, errno.EIO):
            what = f"{call} of a set's reason: {errno.errorcode[code]}"
            with live.scratch() as d:
                folder = os.path.join(d, "rec")
                r = live.run("env", *failing(d, f"{call}:1:{code}:always", "FAULT_IN=/why"), live.PROCREC, "record", "-o", folder + "/",
                             "--trigger", "exit_signal = 6", "--", "sh", "-c", "kill -ABRT $$")
                assert_failed(d, what)
                live.equal(r.status, 128 + 6, f"{what}: {r.err}")
                told = [line for line in r.err.splitlines() if "could not be frozen" in line]
                assert len(told) == 1 and "/why" in told[0] and os.strerror(code) in told[0], f"{what}: {r.err}"
                live.equal((glob.glob(folder + "/frozen-*"), live.run(live.PROCREC, "verify", folder).status), ([], 0), f"{what}: what is there")


def test_a_signal_is_not_lost_with_a_write():
    """Whatever write or sync fails once, the set that was asked for is made."""
    reached = 0
    for call in ("write", "fdatasync"):
        for n in range(1, 100):
            what = f"{call} {n}"
            with live.scratch() as d:
                folder = os.path.join(d, "rec")
                r = live.run("env", *failing(d, f"{call}:{n}:{errno.EIO}"), live.PROCREC, "record", "-o", folder + "/", "--sync", "1h", "--no-index",
                             "--", "sh", "-c", f"touch {d}/ran; kill -USR1 $PPID; sleep 0.2; exit 7")
                if not has_failed(d):
                    break
                if not os.path.exists(f"{d}/ran"):
                    continue
                reached += 1
                live.equal(r.status, 7, f"{what}: {r.err}")
                frozen = glob.glob(folder + "/frozen-*")
                live.equal((len(frozen), "could not be frozen" in r.err), (1, False), f"{what}: sets ({r.err})")
                live.equal(live.run(live.PROCREC, "verify", *frozen).status, 0, f"{what}: verify of the set")
    assert reached >= 3, reached
    return f"{reached} failed while it was recorded"


def test_each_mapping_that_fails_is_told():
    """All that the recorder maps, by its own hand and by libbpf's, it maps before it records: it says so and ends, or does without."""
    reached = refused = 0
    for always in ("", ":always"):
        for n in range(1, 200):
            with live.scratch() as d:
                trace = os.path.join(d, "t.seg")
                fault = f"mmap:{n}:{errno.ENOMEM}{always}"
                r = live.run("env", *failing(d, fault), live.PROCREC, "record", "-o", trace, "--", "sh", "-c", f"touch {d}/ran; exit 7", timeout=60)
                if not has_failed(d):
                    break
                reached += 1
                refused += r.status == 4
                if r.status == 4:
                    assert r.err.startswith("procrec: ") and "annot allocate memory" in r.err, f"{fault}: {r.err}"
                    live.equal((os.path.exists(f"{d}/ran"), os.path.exists(trace)), (False, False), f"{fault}: CMD ran, a trace is left: {r.err}")
                else:
                    live.equal((r.status, "nothing lost" in r.err), (7, True), f"{fault}: {r.err}")
                    live.equal(live.run(live.PROCREC, "verify", trace).status, 0, f"{fault}: verify")
        live.equal(r.status, 7, f"with no failure: {r.err}")
    assert refused >= 4, f"{reached} mappings reached, {refused} refused"
    return f"{reached} reached, {refused} of them end it"


def check_equation(trace, r, what):
    """Emitted = recorded + lost, by kind, with the storm's own count of what it did; and the summary tells what the trace holds."""
    forks, execs = map(int, re.match(r"forks (\d+) execs (\d+)", r.out).groups())
    t = frames.Trace(trace)
    lost = {name: int(n) for n, name in re.findall(r"(\d+) (exec|clone|exit|other)\b", re.search(r"LOST.*", r.err).group(0))}
    for stream, emitted in ((1, 2 * (execs + 1)), (2, 2 * forks), (3, forks + 1)):
        name = frames.STREAMS[stream]
        there = sum(f.stream == stream for f in t.frames)
        live.equal(there + lost.get(name, 0), emitted, f"{what}: {name}: recorded + lost against emitted ({r.err})")
    kinds = tuple(sum(f.op == op and f.stream != 0 for f in t.frames) for op in (frames.EXECVE, frames.CLONE, frames.EXIT))
    said = tuple(map(int, re.search(r"(\d+) execs?, (\d+) clones?, (\d+) exits?;", r.err).groups()))
    live.equal(said, kinds, f"{what}: the summary against the trace")
    return lost


def test_failure_for_ever_is_counted():
    """The first blocks can be written, or not even one; into a file and into a folder."""
    for n in range(2, 2 + 3 * POSITIONS):
        for into_folder in (False, True):
            what = f"write {n} always, {'folder' if into_folder else 'file'}"
            with live.scratch() as d:
                trace = os.path.join(d, "rec" if into_folder else "t.seg")
                r = live.run("env", f"FAULT=write:{n}:{errno.EIO}:always", "LD_PRELOAD=" + os.path.join(live.BIN, "fault.so"),
                             live.PROCREC, "record", "--plain", "--no-index", "--only-tree", "--sync", "20ms",
                             "-o", trace + "/" * into_folder, "--", live.WORKLOAD, "storm", "1", "250")
                live.equal(r.status, 4, f"{what}: exit status: {r.err}")
                lost = check_equation(trace, r, what)
                assert sum(lost.values()) and "could not be written" in r.err and "--ring" not in r.err, f"{what}: {r.err}"
                assert r.err.count("Input/output error") <= 3, r.err
                if glob.glob(trace if not into_folder else trace + "/*.seg"):
                    live.equal(live.run(live.PROCREC, "verify", trace).status, 0, f"{what}: what was written before")
                else:
                    assert "nothing of it could be written" in r.err, f"{what}: {r.err}"


def record_slowly(d, *options, ms):
    """A storm on a disk whose syncs take three seconds."""
    trace = os.path.join(d, "t.seg")
    r = live.run("env", "SLOW=3000", "LD_PRELOAD=" + os.path.join(live.BIN, "fault.so"), live.PROCREC, "record", "--plain", "--no-index",
                 "--only-tree", "--sync", "100ms", *options, "-o", trace, "--", live.WORKLOAD, "storm", "2", ms)
    forks, execs = map(int, re.match(r"forks (\d+) execs (\d+)", r.out).groups())
    return frames.Trace(trace), r, forks, execs


def test_slow_disk_loses_nothing_up_to_the_queue():
    with live.scratch() as d:
        t, r, forks, execs = record_slowly(d, ms="4000")
        live.equal(test_loss.check(t, r, forks, execs), 0, f"lost ({r.err})")
        assert "nothing lost" in r.err, r.err
        return f"{len(t.frames)} frames"


def test_slow_disk_loses_with_exact_counts():
    with live.scratch() as d:
        t, r, forks, execs = record_slowly(d, "--queue", "1M", "--ring", "64K", ms="8000")
        lost = test_loss.check(t, r, forks, execs)
        assert lost and "a larger --queue loses less" in r.err, r.err
        return f"{lost} of {lost + len(t.frames)} frames lost"


if __name__ == "__main__":
    live.main(globals())
