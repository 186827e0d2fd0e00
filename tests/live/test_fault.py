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
import truth

POSITIONS = int(os.environ.get("LIVE_FAULTS", "1"))
CALLS = [("write", errno.EIO, 4), ("write", errno.ENOSPC, 7), ("fdatasync", errno.EIO, 2), ("fsync", errno.EIO, 2), ("rename", errno.EIO, 2),
         ("open", errno.EACCES, 2)]


def run_with(d, fault, target, *options):
    """A recording of a small workload; its log and what the recorder said."""
    log = os.path.join(d, "truth")
    open(log, "w", encoding="ascii").close()
    prefix = ["env", f"FAULT={fault}", "LD_PRELOAD=" + os.path.join(live.BIN, "fault.so")]
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
    hit = 0
    for call, code, first in CALLS:
        for n in range(first, first + POSITIONS):
            for into_folder in (True, False):
                if not into_folder and call not in ("write", "fdatasync"):
                    continue
                what = f"{call} {n} {errno.errorcode[code]} {'folder' if into_folder else 'file'}"
                with live.scratch() as d:
                    target = os.path.join(d, "rec/" if into_folder else "t.seg")
                    tr, r = run_with(d, f"{call}:{n}:{code}", target, *(["--max-segment", "16K"] if into_folder else []))
                    hit += "going on in a new segment" in r.err
                    live.equal((r.status, "nothing lost" in r.err), (0, True), f"{what}: {r.err}")
                    check_whole(target if into_folder else join(target, os.path.join(d, "joined")), tr, what)
    return f"{hit} failures got over"


def test_failure_for_ever_is_counted():
    with live.scratch() as d:
        trace = os.path.join(d, "t.seg")
        tr, r = run_with(d, f"write:4:{errno.EIO}:always", trace)
        live.equal(r.status, 4, f"exit status: {r.err}")
        # Frames that the kernel could not hand over any more are counted; a short recording ends before, and says that.
        said = re.search(r"LOST.*", r.err)
        assert said or "the recording ended early" in r.err, r.err
        if said:
            lost = {what: int(n) for n, what in re.findall(r"(\d+) (exec|clone|exit)\b", said.group(0))}
            there = sum(f.stream == 2 for f in frames.Trace(trace).frames)
            assert lost["clone"] and there + lost["clone"] >= 2 * len(tr.creator), (there, lost, len(tr.creator))
        assert r.err.count("Input/output error") <= 3, r.err
        live.equal(live.run(live.PROCREC, "verify", trace).status, 0, "what was written before")


if __name__ == "__main__":
    live.main(globals())
