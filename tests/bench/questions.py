# SPDX-License-Identifier: BSD-2-Clause
"""What a question costs, as a whole process, on a small and on a large trace."""

import os

from common import instructions, run
from replay import generate, pid_of


def ask(bench, rounds, *argv):
    """([wall ms], [CPU ms], bytes answered)"""
    runs = [run(bench.procrec, *argv, keep=True) for _ in range(rounds + 1)][1:]
    return [r.wall * 1e3 for r in runs], [r.cpu * 1e3 for r in runs], runs[0].out.count("\n")


def median(values):
    return sorted(values)[len(values) // 2]


def measure(bench):
    bench.begin("Questions, whole process, by CPU time (wall time beside it)")
    sizes, rounds = ((33333, 333333), 9) if bench.quick else ((33333, 3333333), 25)
    traces = {}
    for n in sizes:
        trace, frames, events = generate(bench, f"ask-{n}.seg", n)
        run(bench.procrec, "reindex", "-q", trace)
        traces[n] = (trace, events)
    small, large = sizes
    events = {n: f"{round(traces[n][1], -3):,} events" for n in sizes}
    walls = {}

    def both(key, name, make, goal, ratio_goal=None):
        cpu = {}
        for n in sizes:
            wall, cpu[n], lines = ask(bench, rounds, *make(traces[n][0], n))
            walls[key, n] = median(wall)
            bench.figure(f"{key}_{'large' if n == large else 'small'}", f"{name}, {events[n]}", cpu[n], "ms", goal,
                         note=f"wall {median(wall):.1f} ms, {lines} lines")
        bench.figure(f"{key}_ratio", "  large against small", median(cpu[large]) / median(cpu[small]), "x", ratio_goal)

    both("ancestry", "--ancestry PID", lambda t, n: ("replay", t, "--ancestry", str(pid_of(n * 9 // 10))), 10, 1.3)
    both("tree", "--at TIME --tree", lambda t, n: ("replay", t, "--tree", "--at", "+20s"), 50)
    both("descendants", "--descendants of one make", lambda t, n: ("replay", t, "--descendants", str(pid_of(1 + 2001 * (n * 9 // 10 // 2001)))), None)
    both("leaf", "--descendants of one compiler", lambda t, n: ("replay", t, "--descendants", str(pid_of(n * 9 // 10))), 10)
    both("sql", "sql, one process", lambda t, n: ("sql", t, f"SELECT * FROM processes WHERE pid = {pid_of(n * 9 // 10)}"), 10)
    both("open", "opening: info", lambda t, n: ("info", t), 10, 1.3)
    counts = [instructions(bench.procrec, "replay", traces[n][0], "--ancestry", str(pid_of(n * 9 // 10))) for n in sizes]
    if None not in counts:
        bench.figure("instr_ancestry", "instructions of --ancestry on the large one", counts[1] / 1e6, "million")
        bench.figure("instr_ancestry_ratio", "  large against small", counts[1] / counts[0], "x", 1.3)
    for n in sizes:
        for path in (traces[n][0], traces[n][0] + ".idx"):
            os.unlink(path)
