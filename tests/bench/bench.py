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
from common import Bench, Failed, figure_line, load, machine, raise_limits

PARTS = ("record", "replay", "questions", "growth")


def measure(bench, part):
    if part == "growth":
        replay.growth(bench, [10000, 30000, 100000] if bench.quick else [10 ** 4, 10 ** 5, 10 ** 6, 10 ** 7])
    else:
        {"record": record, "replay": replay, "questions": questions}[part].measure(bench)


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
    p.add_argument("--keep-peers", action="store_true", help="install nothing")
    a = p.parse_args()
    raise_limits()
    if not a.keep_peers:
        recorders.install()
    work = tempfile.mkdtemp(prefix="procrec-bench.")
    bench = Bench(a.build, a.quick, work)
    bench.soak = a.soak
    meta = {"version": 1, "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "mode": "quick" if a.quick else "full",
            "full_parts": [x for x in a.full.split(",") if x],
            "machine": machine(), "load": [load()]}
    start, failed = time.monotonic(), 0
    print(f"{meta['machine']['cpu']}, {meta['machine']['cores']} cores, Linux {meta['machine']['kernel']}, {meta['date']}, load {meta['load'][0]}")
    try:
        for part in a.only.split(","):
            bench.quick = a.quick and part not in a.full.split(",")
            try:
                measure(bench, part)
            except Failed as e:
                failed += 1
                bench.skip(part, str(e))
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
