# SPDX-License-Identifier: BSD-2-Clause
"""What replaying costs on one core, by CPU time: frames a second, memory; and counted instructions, which no busy machine changes."""

import json
import os
import shutil
import statistics
import subprocess

from common import Failed, instructions, run

KINDS = ("build", "servers", "forks")
VIEWS = [("cache", "cache rebuilt", ["--stats"], 3000000), ("text", "events as text", [], 1000000), ("json", "events as JSON", ["--json"], 500000)]


def generate(bench, name, processes, kind="build"):
    """(trace, frames, events) of a made-up machine."""
    trace = bench.path(name)
    frames, events = run(os.path.join(bench.bin, "gen_trace"), trace, str(processes), "4194303", kind, keep=True).out.split()
    return trace, int(frames), int(events)


def rates(bench, amount, rounds, *argv):
    """(amount a CPU second of each round, peak memory in MiB)"""
    runs = [run(*argv) for _ in range(rounds)]
    return [amount / max(r.cpu, 1e-4) for r in runs], max(r.rss for r in runs) / 1048576


def measure_views(bench, processes, rounds):
    for kind in KINDS:
        trace, frames, events = generate(bench, f"replay-{kind}.seg", processes, kind)
        for key, name, options, goal in VIEWS:
            amount = frames if key == "cache" else events
            unit = "frames/s" if key == "cache" else "events/s"
            values, rss = rates(bench, amount, rounds, bench.procrec, "replay", trace, "--jobs", "1", *options)
            bench.figure(f"{key}_{kind}", f"{name}, {kind}", values, unit, goal, True)
            if kind == "build":
                bench.figure(f"rss_{key}", "  memory", rss, "MiB")


def measure_jobs(bench, rounds):
    """What further cores gain, by wall time: one thread and as many as there are CPUs (at most four) take turns."""
    trace, n = bench.path("replay-build.seg"), min(os.cpu_count() or 1, 4)
    if n < 2:
        bench.skip("--jobs", "this machine has one CPU")
        return
    for key, name, argv in [(key, name, ["replay", trace, *options]) for key, name, options, _ in VIEWS] + [("verify", "verify", ["verify", trace])]:
        one, more = [], []
        for _ in range(rounds):
            one.append(run(bench.procrec, *argv, "--jobs", "1").wall)
            more.append(run(bench.procrec, *argv, "--jobs", str(n)).wall)
        bench.figure(f"jobs_{key}", f"{name} with --jobs {n}: as fast as with one, times", [a / b for a, b in zip(one, more)], "x")


def measure_files(bench, rounds):
    """pack, verify, reindex on the build."""
    trace, raw, packed = bench.path("replay-build.seg"), bench.path("raw"), bench.path("packed.seg")
    info = json.loads(run(bench.procrec, "info", "--json", trace, keep=True).out)
    unpack(bench, trace, raw)
    values, _ = rates(bench, info["frames"], rounds, bench.procrec, "pack", "--force", raw, "-o", packed)
    bench.figure("pack", "pack", values, "frames/s", 1000000, True)
    values, _ = rates(bench, info["raw_bytes"] / 1e9, rounds, bench.procrec, "verify", "-j1", trace)
    bench.figure("verify", "verify, bytes of frames", values, "GB/s", 1, True)
    values, _ = rates(bench, info["bytes"] / 1e9, rounds, bench.procrec, "verify", "-j1", trace)
    bench.figure("verify_file", "verify, bytes of the file", values, "GB/s")
    values, rss = rates(bench, run_processes(bench, trace), rounds, bench.procrec, "reindex", "-j1", "-q", trace)
    bench.figure("reindex", "reindex", values, "processes/s", 150000, True, note=f"{rss:.0f} MiB")
    for path in (raw, packed):
        os.unlink(path)


def unpack(bench, trace, raw):
    with open(raw, "wb") as f:
        if subprocess.run([bench.procrec, "unpack", trace], stdout=f, stderr=subprocess.DEVNULL, check=False).returncode:
            raise Failed(f"{trace} could not be unpacked")


def run_processes(bench, trace):
    """Processes of the trace: its clones."""
    out = json.loads(run(bench.procrec, "stats", "--json", trace, keep=True).out)
    return find(out, "clone") or 0


def find(value, key):
    if isinstance(value, dict):
        if isinstance(value.get(key), int):
            return value[key]
        return next((v for v in (find(x, key) for x in value.values()) if v is not None), None)
    return None


def measure_instructions(bench):
    """The difference between two sizes: what one more frame costs, without what a start costs."""
    if not shutil.which("valgrind"):
        bench.skip("counted instructions", "valgrind is not installed")
        return
    small, few, _ = generate(bench, "count-1.seg", 1000)
    large, many, _ = generate(bench, "count-2.seg", 5000)
    jobs = [("cache", ["replay", "-j1", None, "--stats"]), ("text", ["replay", "-j1", None]), ("json", ["replay", "-j1", None, "--json"]),
            ("verify", ["verify", "-j1", None]), ("reindex", ["reindex", "-j1", "-q", None])]
    for key, argv in jobs if not bench.quick else jobs[:3]:
        counts = [instructions(bench.procrec, *(t if a is None else a for a in argv)) for t in (small, large)]
        if None in counts:
            bench.skip(f"instructions of {key}", "valgrind could not run it")
            continue
        bench.figure(f"instr_{key}", f"instructions a frame, {key}", (counts[1] - counts[0]) / (many - few), "instr")


def measure_peers(bench, rounds):
    """What reads the storm's recordings of the peers back, events a CPU second; starting is part of it."""
    readers = [("perf script", "perf.data", ["perf", "script", "-i", None]), ("trace-cmd report", "trace.dat", ["trace-cmd", "report", "-i", None])]
    for name, data, argv in readers:
        path = bench.path(data)
        if not os.path.exists(path) or not shutil.which(argv[0]):
            continue
        argv = [path if a is None else a for a in argv]
        lines = run(*argv, keep=True, ok=None).out.count("\n")
        if lines < 100:
            bench.skip(name, "its recording holds nothing")
            continue
        values, _ = rates(bench, lines, rounds, *argv)
        bench.figure("peer_" + name.replace(" ", "_"), f"{name} of the storm", values, "events/s", note=f"{lines} events")


def growth(bench, sizes):
    """Curves: the same on ever larger builds."""
    bench.begin("Growth (build)")
    print(f"   {'processes':>10} {'seg bytes':>10} {'idx bytes':>10} {'reindex/s':>10} {'cache fr/s':>11} {'text ev/s':>10} {'JSON ev/s':>10} {'verify fr/s':>11} {'cache MiB':>9} {'text MiB':>8} {'ancestry ms':>11} {'tree ms':>8}")
    for n in sizes:
        trace, frames, events = generate(bench, "growth.seg", n)
        index = run(bench.procrec, "reindex", "-j1", "-q", trace)
        cache = run(bench.procrec, "replay", "-j1", trace, "--stats")
        text = run(bench.procrec, "replay", "-j1", trace)
        js = run(bench.procrec, "replay", "-j1", trace, "--json")
        check = run(bench.procrec, "verify", "-j1", trace)
        tree = statistics.median(run(bench.procrec, "replay", trace, "--tree", "--at", "+2s").cpu for _ in range(5))
        ask = statistics.median(run(bench.procrec, "replay", trace, "--ancestry", str(pid_of(n * 9 // 10))).cpu for _ in range(5))
        row = {"processes": n, "segment_bytes": os.path.getsize(trace) / n, "index_bytes": os.path.getsize(trace + ".idx") / n,
               "reindex": n / index.cpu, "cache": frames / cache.cpu, "text": events / text.cpu, "json": events / js.cpu, "verify": frames / check.cpu,
               "tree_ms": tree * 1e3, "cache_mib": cache.rss / 1048576,
               "text_mib": text.rss / 1048576, "reindex_mib": index.rss / 1048576, "ancestry_ms": ask * 1e3}
        bench.growth.append(row)
        print(f"   {n:>10} {row['segment_bytes']:>10.1f} {row['index_bytes']:>10.1f} {row['reindex']:>10.0f} {row['cache']:>11.0f} "
              f"{row['text']:>10.0f} {row['json']:>10.0f} {row['verify']:>11.0f} {row['cache_mib']:>9.0f} {row['text_mib']:>8.0f} "
              f"{row['ancestry_ms']:>11.1f} {row['tree_ms']:>8.1f}", flush=True)
        for path in (trace, trace + ".idx"):
            os.unlink(path)


def pid_of(n, pid_max=4194303):
    """The pid that the generator gives to its n-th process (of any kind), with wrapping."""
    return 2000 + n if 2000 + n <= pid_max else 2000 + (n - (pid_max - 2000) - 1) % (pid_max - 2000 + 1)


def measure(bench):
    bench.begin("Replay, one core, by CPU time")
    processes, rounds = (30000, 3) if bench.quick else (300000, 5)
    measure_views(bench, processes, rounds)
    measure_jobs(bench, rounds)
    measure_files(bench, rounds)
    measure_instructions(bench)
    measure_peers(bench, rounds)
