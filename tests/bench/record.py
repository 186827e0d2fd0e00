# SPDX-License-Identifier: BSD-2-Clause
"""What recording costs: the load, the recorder, the disk, the memory; of procrec and of its peers, in interleaved pairs."""

import json
import os
import re
import shutil
import statistics
import subprocess
import time

import recorders
from common import Failed, clean_env, cpu_of, forks, number, read, rss_of, run, switches_of


class Storm:
    def __init__(self, wall, cpu, n):
        self.wall, self.cpu, self.n = wall, cpu, n


def first_turn():
    """
    The load runs in the real-time class: what else a busy machine does then hardly moves it, alone or beside a recorder, and the
    recorders get what is left of the CPUs. Where that is not allowed, it runs as everything does.
    """
    argv = ["chrt", "-f", "1"]
    return argv if shutil.which("chrt") and not subprocess.run([*argv, "true"], stderr=subprocess.DEVNULL, check=False).returncode else []


FIRST = first_turn()


def storm(bench, how, n):
    out = run(*FIRST, os.path.join(bench.bin, "spawn_load"), how, str(n), keep=True).out.split()
    return Storm(int(out[0]) / 1e9, int(out[1]) / 1e9, n)


class Nothing:
    """A recording without a load: CPU seconds from ready to its end, bytes, processes that others started meanwhile."""

    def __init__(self, bench, recorder):
        first = forks()
        recorder.start(bench.work)
        before = forks()
        time.sleep(0.2)
        self.processes, self.since_start = forks() - before, forks() - first
        self.cpu, self.bytes = recorder.stop()
        self.processes = summary(recorder)[0] or self.processes


class Free:
    """Of a recorder whose end costs nothing worth taking off."""

    processes = since_start = cpu = bytes = 0


class Pair:
    """One storm alone and one beside the recorder. `base`: what the recorder costs without one, which is taken off."""

    def __init__(self, bench, recorder, how, n, base):
        alone = storm(bench, how, n)
        first = forks()
        recorder.start(bench.work)
        before = forks()
        slept = switches_of(recorder.p.pid)
        try:
            beside = storm(bench, how, n)
            self.processes, since_start = max(forks() - before, n), forks() - first
            self.slept = switches_of(recorder.p.pid) - slept
            self.rss = rss_of(recorder.p.pid)
        except BaseException:
            recorder.kill()
            raise
        cpu, size = recorder.stop()
        if size < n * 20 * recorder.share:
            raise Failed(f"it ran and recorded nothing: {recorder.why()}")
        self.told = summary(recorder)
        self.processes = self.told[0] or self.processes
        more = max(self.processes - base.processes, n / 2)
        self.cpu_us = max(cpu - base.cpu, 0) / more * 1e6
        self.bytes = max(size - base.bytes, 0) / max(since_start - base.since_start, n / 2)
        self.cpu_all_us = cpu / self.processes * 1e6
        self.alone, self.beside = alone.wall, beside.wall
        self.wall_ratio = beside.wall / alone.wall
        self.cpu_ratio = beside.cpu / alone.cpu
        self.rate = n / beside.wall


def summary(recorder):
    """Counts that procrec told at its end: (exits, lost)."""
    text = read(recorder.errors)
    exits = re.search(r"(\d+) exits?", text)
    lost = re.search(r"LOST (\d+)", text)
    return int(exits.group(1)) if exits else 0, int(lost.group(1)) if lost else 0


def pairs(bench, recorder, how, n, rounds, others=()):
    """[recorder's pairs, ...]: the recorders take turns, each second round backwards, so that a busy minute of the machine meets all of them."""
    turns = (recorder, *others)
    found, base = {r.name: [] for r in turns}, {}
    for k in range(rounds):
        for r in turns[::-1] if k % 2 else turns:
            if found[r.name] is None:
                continue
            try:
                if r.name not in base:
                    base[r.name] = Nothing(bench, r) if r.out else Free
                found[r.name].append(Pair(bench, r, how, n, base[r.name]))
            except (Failed, OSError) as e:
                found[r.name] = None
                bench.skip(r.name, str(e))
    return found


def peer_row(bench, name, keeps, ps):
    row = {"name": name, "keeps": keeps, "rounds": len(ps), "slowdown": statistics.median(p.wall_ratio for p in ps),
           "slowdown_low": min(p.wall_ratio for p in ps), "slowdown_high": max(p.wall_ratio for p in ps),
           "load_cpu": statistics.median(p.cpu_ratio for p in ps),
           "cpu_us": statistics.median(p.cpu_us for p in ps),
           "bytes": statistics.median(p.bytes for p in ps)}
    bench.peers.append(row)
    print(f"   {name:<12} slowdown {row['slowdown']:5.2f} ({row['slowdown_low']:.2f} .. {row['slowdown_high']:.2f})   CPU of the load x "
          f"{row['load_cpu']:5.2f}   recorder {row['cpu_us']:7.1f} us   {row['bytes']:8.0f} bytes a process   {keeps}", flush=True)


def measure_storm(bench, n, rounds):
    ours = recorders.procrec(bench)
    all_peers = [p for p in recorders.peers(bench) if p.present() or bench.skip(p.name, "not installed")]
    close = [p for p in all_peers if p.name in ("perf", "trace-cmd")]
    found = pairs(bench, ours, "fork", n, rounds, close)
    if not found["procrec"]:
        raise Failed("procrec record does not run here")
    for r in (ours, *close):
        if found[r.name]:
            peer_row(bench, r.name, r.keeps, found[r.name])
    mine = found["procrec"]
    ratio = bench.figure("slowdown", "spawn storm, fork: slowdown", [p.wall_ratio for p in mine], "x", 1.04,
                         note="the load in the real-time class" if FIRST else "")
    if found.get("perf"):
        perf = statistics.median(p.wall_ratio for p in found["perf"])
        bench.figure("slowdown_perf", "  against perf record's in the same run", ratio / perf, "x", 1.0)
    bench.figure("slowdown_fastest", "  the fastest of them against the fastest alone", min(p.beside for p in mine) / min(p.alone for p in mine), "x")
    bench.figure("load_cpu", "  CPU time of the load itself", [p.cpu_ratio for p in mine], "x")
    bench.figure("recorder_cpu", "recorder CPU a process, everything on", [p.cpu_all_us for p in mine], "us", 20,
                 note=f"aim: 10; {number(statistics.median(p.cpu_us for p in mine))} without what an empty recording costs")
    bench.figure("wakeups", "sleeps of the recorder a process", [p.slept / p.processes for p in mine], "", 0.2, note="no wake-up per event")
    bench.figure("rss", "memory beside the ring", [p.rss / 1048576 for p in mine], "MiB", 32)
    lost = sum(p.told[1] for p in mine)
    rest = [p for p in all_peers if p not in close]
    for r in rest:
        few = pairs(bench, r, "fork", n, max(1, rounds // 8))[r.name]
        if few:
            peer_row(bench, r.name, r.keeps, few)
    measure_strace(bench, n)
    return lost


def measure_strace(bench, n):
    if not shutil.which("strace"):
        bench.skip("strace", "not installed")
        return
    few, out = max(n // 5, 100), bench.path("strace.out")
    alone = storm(bench, "fork", few)
    beside = run(*FIRST, "strace", "-f", "-qq", "-o", out, os.path.join(bench.bin, "spawn_load"), "fork", str(few), keep=True)
    wall = int(beside.out.split()[0]) / 1e9
    bench.peers.append({"name": "strace", "keeps": "the load alone", "rounds": 1, "slowdown": wall / alone.wall, "slowdown_low": wall / alone.wall,
                        "slowdown_high": wall / alone.wall, "load_cpu": None, "cpu_us": beside.cpu / few * 1e6, "bytes": os.path.getsize(out) / few})
    print(f"   {'strace -f':<12} slowdown {wall / alone.wall:5.2f}", flush=True)


def measure_rates(bench, n, seconds):
    """The highest rates that this machine can spawn at; the longer one by vfork for the ten minutes of the full bench."""
    lost, until = 0, time.monotonic() + seconds
    ours, rates, exits = recorders.procrec(bench), {"fork": [], "vfork": []}, 0
    ours.start(bench.work)
    while True:
        for how in rates:
            s = storm(bench, how, n)
            rates[how].append(n / s.wall)
        if time.monotonic() >= until:
            break
    ours.stop()
    exits, lost = summary(ours)
    for how, values in rates.items():
        bench.figure(f"rate_{how}", f"spawned under record by {how}", values, "processes/s")
    if seconds:
        bench.figure("recorded", "  recorded meanwhile", exits, "exits")
    return lost


def bpf_time():
    p = subprocess.run(["bpftool", "prog", "show", "-j"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    try:
        return {g["id"]: (g.get("run_time_ns", 0), g.get("run_cnt", 0)) for g in json.loads(p.stdout or b"[]")}
    except (ValueError, TypeError):
        return {}


def measure_bpf(bench, n):
    """Time in the BPF programs, by the kernel's own count (which costs time itself, so in a run of its own)."""
    switch = "/proc/sys/kernel/bpf_stats_enabled"
    was = read(switch).strip()
    try:
        with open(switch, "w", encoding="ascii") as f:
            f.write("1")
    except OSError as e:
        bench.skip("time in the BPF programs", str(e))
        return
    try:
        ours, old = recorders.procrec(bench), bpf_time()
        ours.start(bench.work)
        start = bpf_time()
        before = forks()
        storm(bench, "fork", n)
        end, spawned = bpf_time(), max(forks() - before, n)
        ours.stop()
    finally:
        with open(switch, "w", encoding="ascii") as f:
            f.write(was or "0")
    ns = sum(end[i][0] - start.get(i, (0, 0))[0] for i in end if i not in old)
    if ns:
        bench.figure("bpf_time", "time in the BPF programs a process", ns / spawned / 1e3, "us")


def sizes(trace):
    return os.path.getsize(trace), os.path.getsize(trace + ".idx") if os.path.exists(trace + ".idx") else 0


def record_command(bench, *command):
    """(bytes of the segment, of the index, raw bytes, exits, recorder's CPU) of a recording of one command."""
    trace = bench.path("bytes.seg")
    r = run(bench.procrec, "record", "--force", "--only-tree", "-o", trace, "--", *command, keep=True, ok=(0, 1))
    info = json.loads(run(bench.procrec, "info", "--json", trace, keep=True).out)
    exits = re.search(r"(\d+) exits?", r.err)
    return (*sizes(trace), info["raw_bytes"], int(exits.group(1)) if exits else 0)


def measure_bytes(bench, n):
    """What a process costs on the disk: without the keyframe, which a recording of `true` has too."""
    base = record_command(bench, "true")
    load = [("storm", "the storm", [os.path.join(bench.bin, "spawn_load"), "fork", str(n)])]
    out = bench.path("compile")
    load.append(("build", "a real build", ["make", "-s", "-j2", "BPF=0", "DEBUG=1", f"O={out}"]))
    for key, name, command in load:
        seg, idx, raw, exits = (a - b for a, b in zip(record_command(bench, *command), base))
        if exits < 50:
            raise Failed(f"{name}: only {exits} processes were recorded")
        goal = (120, 80) if key == "build" else (None, None)
        bench.figure(f"bytes_{key}", f"segment bytes a process, {name}", seg / exits, "bytes", goal[0],
                     note=f"{number(raw / exits)} raw; {exits} processes")
        bench.figure(f"index_{key}", f"index bytes a process, {name}", idx / exits, "bytes", goal[1])
    shutil.rmtree(out, ignore_errors=True)


def measure_idle(bench, seconds):
    """Of the reader beside a command that sleeps: other processes of a busy machine are not its work then."""
    trace = bench.path("idle.seg")
    p = subprocess.Popen([bench.procrec, "record", "--force", "--only-tree", "-o", trace, "--", "sleep", str(seconds + 2)],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_env())
    time.sleep(1.5)
    before = cpu_of(p.pid)
    slept = switches_of(p.pid)
    time.sleep(seconds - 0.5)
    cpu, slept = cpu_of(p.pid) - before, switches_of(p.pid) - slept
    p.wait()
    bench.figure("idle", f"CPU of an idle recorder, over {seconds} s", cpu / (seconds - 0.5) * 100, "%", 0.1,
                 note=f"{number(slept / (seconds - 0.5))} looks at the ring a second")


def measure_feed(bench, seconds):
    feed, trace = os.path.join(bench.bin, "feed"), bench.path("feed.seg")
    if not os.path.exists(feed):
        bench.skip("synthetic feed", "built without BPF")
        return
    f = [int(v) for v in run(feed, trace, str(seconds), "200000", keep=True).out.split()]
    bench.figure("feed_lost", f"synthetic feed of 200,000 frames/s, {seconds} s: lost", f[1], "frames", 0,
                 note=f"ring at most {number(f[5] / 1048576)} of 16 MiB")
    bench.figure("feed_rate", "  taken, on schedule", f[0] / f[2] * 1e9, "frames/s")
    top = [[int(v) for v in run(feed, trace, str(seconds), "0", keep=True).out.split()] for _ in range(3)]
    bench.figure("feed_top", "as fast as it goes, by CPU time", [t[0] / t[3] * 1e9 for t in top], "frames/s", 200000, True)
    bench.figure("feed_cpu", "  compression, checksum, chain, index, a frame", [t[3] / t[0] / 1e3 for t in top], "us")
    plain = [t[3] / t[0] / 1e3 for t in top]
    redacted = [[int(v) for v in run(feed, trace, str(seconds), "0", str(16 << 20), "redact", keep=True).out.split()] for _ in range(3)]
    bench.figure("redact_cpu", "  with --redact more, a frame", [max(t[3] / t[0] / 1e3 - p, 0) for t, p in zip(redacted, plain)], "us")
    for path in (trace, trace + ".idx"):
        os.unlink(path)


def measure(bench):
    bench.begin("Record")
    if os.geteuid() != 0:
        bench.skip("recording", "needs root")
        return
    # One pair is off by a tenth here, in both directions: only many of them tell recorders apart.
    n, rounds, soak, idle, feed = (400, 11, 0, 6, 2) if bench.quick else (1000, 40, bench.soak, 10, 10)
    lost = measure_storm(bench, n, rounds)
    lost += measure_rates(bench, n, soak)
    bench.figure("lost", f"lost frames, at the highest rates, {max(soak, 1)} s", lost, "frames", 0)
    measure_bpf(bench, n)
    measure_bytes(bench, 2000 if bench.quick else 10000)
    measure_idle(bench, idle)
    measure_feed(bench, feed)
