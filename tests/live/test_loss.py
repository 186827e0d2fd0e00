# SPDX-License-Identifier: BSD-2-Clause
"""Losing is allowed where the ring is too small; losing count is not: emitted = recorded + lost, by kind, in every run."""

import json
import os
import re

import frames
import live

RUNS = int(os.environ.get("LIVE_LOSS_RUNS", "8"))


def overload(d, i, *options):
    trace = os.path.join(d, "t.seg")
    r = live.record(trace, "--force", "--only-tree", "--ring", "64K", *options,
                    cmd=[live.WORKLOAD, "storm", str(1 + i % 4), "250"])
    forks, execs = map(int, re.match(r"forks (\d+) execs (\d+)", r.out).groups())
    return frames.Trace(trace), r, forks, execs


def check(t, r, forks, execs):
    """Returns the number of lost frames."""
    gaps, got = t.gaps()
    lost, emitted = t.final_lost()
    named = {s: n for s, n in lost.items() if n}
    live.equal(gaps, named, "gaps in the sequences against the kernel's counts of losses")
    for s in emitted:
        live.equal(got.get(s, 0) + lost[s], emitted[s], f"{frames.STREAMS[s]}: recorded + lost against emitted")
    missed = {s: 0 for s in range(8)}
    for reason, stream, count, _ in t.losses:
        assert reason == 1, f"loss for reason {reason}"
        missed[stream] += count
    # Each exec and clone is two frames, each exit one; the storm's own count of them is the truth.
    live.equal(emitted[2] // 2 + missed[2], forks, "clones emitted (or skipped and counted) against forks")
    live.equal(emitted[1] // 2 + missed[1], execs + 1, "execs emitted (or skipped and counted) against execs")
    live.equal(emitted[3] + missed[3], forks + 1, "exits emitted (or skipped and counted) against processes")
    total = sum(lost.values()) + sum(missed.values())
    said = re.search(r"LOST (\d+) event", r.err)
    live.equal(int(said.group(1)) if said else 0, total, f"loss in the summary ({r.err})")
    live.equal(r.status, 1 if total else 0, "exit status")
    return total


def check_views(trace, t):
    """`--gaps` and `stats` tell the same."""
    told = {}
    r = live.run(live.PROCREC, "replay", trace, "--gaps", "--json")
    for line in r.out.splitlines():
        gap = json.loads(line)
        if gap["type"] == "gap" and gap["kind"] == "sequence":
            told[gap["stream"]] = told.get(gap["stream"], 0) + gap["count"]
    want = {frames.STREAMS[s]: n for s, n in t.gaps()[0].items()}
    live.equal(told, want, "gaps that replay shows")
    stats = json.loads(live.run(live.PROCREC, "stats", trace, "--json").out)
    live.equal({k: v for k, v in stats["lost"].items() if k in want}, want, "losses that stats shows")


def test_loss_equation():
    with live.scratch() as d:
        totals, inner = [], 0
        for i in range(RUNS):
            t, r, forks, execs = overload(d, i, "--read-delay", "80ms")
            totals.append(check(t, r, forks, execs))
            check_views(os.path.join(d, "t.seg"), t)
            inner += gaps_inside(t)
        assert sum(totals), "nothing was ever lost: this tests nothing"
        assert inner, "no gap lies before the end"
        return f"{RUNS} runs, {sum(totals)} frames lost and counted, {inner} gaps inside the traces"


def gaps_inside(t):
    """Gaps that frames of the same (cpu, stream) enclose; time goes forward across them."""
    expect, last, inner = {}, {}, 0
    for f in t.frames:
        where = (f.cpu, f.stream)
        inner += f.seq > expect.get(where, 0)
        assert f.ktime >= last.get(where, 0) or f.stream == 0, f"time of {where} goes back"
        expect[where], last[where] = f.seq + 1, f.ktime
    return inner


def test_small_ring_read_in_time_loses_nothing():
    with live.scratch() as d:
        t, r, forks, execs = overload(d, 0, "--ring", "8M")
        live.equal(check(t, r, forks, execs), 0, "lost")
        return f"{forks} forks, {execs} execs in 0.25 s"


if __name__ == "__main__":
    live.main(globals())
