# SPDX-License-Identifier: BSD-2-Clause
"""2,000 processes made in every way that there is, against what the programs themselves said, one to one."""

import os

import frames
import live
import truth


def record_workload(d, count, *options, parallel=4):
    log, trace = os.path.join(d, "truth"), os.path.join(d, "t.seg")
    open(log, "w", encoding="ascii").close()
    r = live.record(trace, *options, cmd=[live.WORKLOAD, "run", log, str(count), str(parallel)], cwd=d)
    live.equal(r.status, 0, f"exit status ({r.err})")
    assert "nothing lost" in r.err, r.err
    return trace, truth.Truth(log), r


def check_frames(trace, tr):
    t = frames.Trace(trace)
    live.equal(t.gaps()[0], {}, "gaps")
    live.equal(t.losses, [], "losses")
    live.equal(t.data, {}, "data frames that no exec refers to")
    return t, truth.compare(tr, truth.from_frames(t, tr.root), root_status=0)


def test_workload_2000():
    with live.scratch() as d:
        trace, tr, r = record_workload(d, 2000)
        note = check_frames(trace, tr)[1]
        return f"{note}; {r.seconds:.1f} s"


def test_workload_many_at_once():
    with live.scratch() as d:
        trace, tr, _ = record_workload(d, 500, parallel=32)
        return check_frames(trace, tr)[1]


def test_workload_only_tree():
    with live.scratch() as d:
        trace, tr, _ = record_workload(d, 300, "--only-tree")
        t, note = check_frames(trace, tr)
        pids = set(tr.creator) | {tr.root}
        strangers = [c["key"] for c in t.clones if c["key"].pid not in pids]
        strangers += [e.key for e in t.execs if not e.procfs and e.key.pid not in pids]
        live.equal(strangers, [], "frames of others")
        # The snapshot holds CMD's own process and its ancestors up to pid 1, and nobody else.
        by_pid = {e.key.pid: e for e in t.snapshot()}
        chain, at = [], by_pid.get(tr.root)
        while at is not None:
            chain.append(at.key.pid)
            at = by_pid.get(at.parent.pid)
        live.equal(sorted(by_pid), sorted(chain), "the snapshot against CMD's ancestors")
        assert 1 in chain, f"ancestry ends at {chain[-1]}"
        return note


def test_workload_plain_tracepoints():
    with live.scratch() as d:
        trace, tr, _ = record_workload(d, 300, "--raw-tracepoints")
        return check_frames(trace, tr)[1]


if __name__ == "__main__":
    live.main(globals())
