# SPDX-License-Identifier: BSD-2-Clause
"""bench.py --build DIR [--quick] [--only PART,...]: measures all, prints each figure beside its goal, writes DIR/bench.json."""

import argparse
import datetime
import json
import os
import shutil
import sys
import tempfile
import time

import questions
import record
import recorders
import replay
from common import Bench, Failed, figure_line, load, machine, number, raise_limits, runs_figures, runs_peers

PARTS = ("record", "replay", "questions", "growth")


def measure(bench, part):
    if part == "growth":
        replay.growth(bench, [10000, 30000, 100000] if bench.quick else [10 ** 4, 10 ** 5, 10 ** 6, 10 ** 7])
    else:
        {"record": record, "replay": replay, "questions": questions}[part].measure(bench)


def measure_all(bench, args):
    """Parts that failed."""
    failed = 0
    for part in args.only.split(","):
        bench.quick = args.quick and part not in args.full.split(",")
        try:
            measure(bench, part)
        except Failed as e:
            failed += 1
            bench.skip(part, str(e))
    return failed


def repeat(args, work):
    """(all runs in one, the number of failed parts): the whole bench --repeat times; the soak is part of the first run alone."""
    runs, failed = [], 0
    for k in range(args.repeat):
        if args.repeat > 1:
            print(f"\n#### run {k + 1} of {args.repeat}", flush=True)
        runs.append(Bench(args.build, args.quick, work))
        runs[-1].soak = 0 if k else args.soak
        failed += measure_all(runs[-1], args)
    if len(runs) == 1:
        return runs[0], failed
    bench = Bench(args.build, args.quick, work)
    bench.figures, bench.peers = runs_figures(runs), runs_peers(runs)
    bench.growth = [row for r in runs for row in r.growth]
    bench.skipped = runs[0].skipped
    report_runs(bench)
    return bench, failed


def report_runs(bench):
    unlike = [f for f in bench.figures if not f["alike"]]
    print(f"\n== {len(bench.figures) - len(unlike)} of {len(bench.figures)} figures are alike in all runs: their spreads overlap, or single values are within 5 %")
    for f in unlike:
        print(f"   not alike: {f['name'].strip():<58} medians " + ", ".join(number(m) for m in f["medians"]) + f" {f['unit']}")


def report(bench, meta):
    missed = [f for f in bench.figures if f["met"] is False]
    goals = [f for f in bench.figures if f["goal"] is not None]
    print(f"\n{len(goals) - len(missed)} of {len(goals)} goals met; {meta['seconds']:.0f} s; load {meta['load'][0]} at the start, {meta['load'][1]} at the end")
    for f in missed:
        print("   not met: " + figure_line(f))
    for s in bench.skipped:
        print(f"   skipped: {s['what']}: {s['why']}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--build", required=True)
    p.add_argument("--quick", action="store_true", help="small loads: two minutes")
    p.add_argument("--full", default="", help="parts that have their full loads in spite of --quick")
    p.add_argument("--only", default=",".join(PARTS), help="parts, of " + ",".join(PARTS))
    p.add_argument("--soak", type=int, default=600, help="seconds at the highest spawning rate, in the full bench")
    p.add_argument("--repeat", type=int, default=1, help="run it all so many times, and tell whether the runs are alike")
    p.add_argument("--keep-peers", action="store_true", help="install nothing")
    a = p.parse_args()
    raise_limits()
    if not a.keep_peers:
        recorders.install()
    work = tempfile.mkdtemp(prefix="procrec-bench.")
    meta = {"version": 1, "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "mode": "quick" if a.quick else "full",
            "full_parts": [x for x in a.full.split(",") if x],
            "repeat": a.repeat, "machine": machine(), "load": [load()]}
    start = time.monotonic()
    print(f"{meta['machine']['cpu']}, {meta['machine']['cores']} cores, Linux {meta['machine']['kernel']}, {meta['date']}, load {meta['load'][0]}")
    try:
        bench, failed = repeat(a, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    meta["load"].append(load())
    meta["seconds"] = round(time.monotonic() - start, 1)
    meta.update(figures=bench.figures, peers=bench.peers, growth=bench.growth, skipped=bench.skipped)
    path = os.path.join(a.build, "bench.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(meta, f, indent=1)
        f.write("\n")
    report(bench, meta)
    print(f"written: {path}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
