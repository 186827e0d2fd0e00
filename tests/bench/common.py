# SPDX-License-Identifier: BSD-2-Clause
"""What all parts of the bench share: running and measuring a program, figures with their goals, facts of the machine."""

import os
import re
import resource
import statistics
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
TIMED = os.environ.get("TIMED", os.path.join(TREE, "build", "tests", "bench", "timed"))
TIMES = os.path.join(tempfile.gettempdir(), f"procrec-bench.{os.getpid()}.times")


class Failed(Exception):
    pass


class Run:
    """One run of a program: wall and CPU time in seconds, peak memory in bytes, its outputs."""

    def __init__(self, status, out, err):
        wall, cpu, rss = (read(TIMES) or "0 0 0").split()
        self.status, self.out, self.err = status, out, err
        self.wall, self.cpu, self.rss = int(wall) / 1e9, int(cpu) / 1e9, int(rss)


def clean_env():
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "O", "SAN")}
    env["LC_ALL"] = "C"
    return env


def run(*argv, keep=False, ok=(0,)):
    """
    Runs to the end; stdout is thrown away unless `keep`; a status not in `ok` is a failure. The times and the memory are taken by
    a small program: Linux counts the memory of who starts a program as the program's.
    """
    if os.path.exists(TIMES):
        os.unlink(TIMES)
    p = subprocess.run([TIMED, TIMES, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if keep else subprocess.DEVNULL,
                       stderr=subprocess.PIPE, cwd=TREE, env=clean_env(), check=False)
    r = Run(p.returncode, (p.stdout or b"").decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace"))
    if ok is not None and r.status not in ok:
        raise Failed(f"{' '.join(argv[:4])} ...: status {r.status}: {r.err.strip().splitlines()[-1] if r.err.strip() else ''}")
    return r


def instructions(*argv):
    """Instructions that the program executes in user space, by callgrind; None where there is no valgrind."""
    try:
        p = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *argv], cwd=TREE, env=clean_env(),
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    m = re.search(rb"Collected : (\d+)", p.stderr)
    return int(m.group(1)) if m and p.returncode == 0 else None


class Bench:
    """Figures, in order. Each is printed beside its goal as soon as it is known."""

    def __init__(self, build, quick, work):
        self.quick, self.work = quick, work
        self.build = os.path.abspath(build)
        self.procrec = os.path.join(self.build, "procrec")
        self.bin = os.path.join(self.build, "tests", "bench")
        self.figures, self.skipped, self.peers, self.growth = [], [], [], []
        self.section = ""

    def begin(self, section):
        self.section = section
        print(f"\n== {section}", flush=True)

    def skip(self, what, why):
        self.skipped.append({"what": what, "why": why})
        print(f"   {what}: skipped: {why}", flush=True)

    def figure(self, key, name, values, unit, goal=None, at_least=False, note=""):
        """values: a number or the numbers of several runs. at_least: the goal is a lower bound."""
        values = sorted(values) if isinstance(values, (list, tuple)) else [values]
        mid = statistics.median(values)
        met = None if goal is None else (mid >= goal if at_least else mid <= goal)
        self.figures.append({"section": self.section, "key": key, "name": name, "unit": unit, "median": mid, "low": values[0],
                             "high": values[-1], "runs": len(values), "goal": goal, "at_least": at_least, "met": met, "note": note})
        print("   " + figure_line(self.figures[-1]), flush=True)
        return mid

    def get(self, key):
        return next((f["median"] for f in self.figures if f["key"] == key), None)

    def path(self, name):
        return os.path.join(self.work, name)


def alike(figures):
    """Whether each two runs of a figure could have been one: their spreads overlap, or, of single values, they differ by at most 5 %."""
    for a in figures:
        for b in figures:
            near = abs(a["median"] - b["median"]) <= 0.05 * max(abs(a["median"]), abs(b["median"]))
            if not near and (a["low"] > b["high"] or b["low"] > a["high"]):
                return False
    return True


def runs_figures(runs):
    """One figure for those of several benches with the same key: the median of their medians, all of their spreads."""
    found = []
    for key in dict.fromkeys(f["key"] for r in runs for f in r.figures):
        same = [f for r in runs for f in r.figures if f["key"] == key]
        medians = [f["median"] for f in same]
        one = dict(same[0], median=statistics.median(medians), low=min(f["low"] for f in same), high=max(f["high"] for f in same),
                   runs=sum(f["runs"] for f in same), medians=medians, alike=alike(same))
        if one["goal"] is not None:
            one["met"] = one["median"] >= one["goal"] if one["at_least"] else one["median"] <= one["goal"]
        found.append(one)
    return found


def runs_peers(runs):
    found = []
    for name in dict.fromkeys(p["name"] for r in runs for p in r.peers):
        same = [p for r in runs for p in r.peers if p["name"] == name]
        one = dict(same[0], rounds=sum(p["rounds"] for p in same), slowdown_low=min(p["slowdown_low"] for p in same),
                   slowdown_high=max(p["slowdown_high"] for p in same))
        for key in ("slowdown", "load_cpu", "cpu_us", "bytes"):
            one[key] = None if one[key] is None else statistics.median(p[key] for p in same)
        found.append(one)
    return found


def number(v):
    """Three significant digits, with thousands apart."""
    if v == 0:
        return "0"
    if abs(v) >= 100:
        return f"{v:,.0f}"
    digits = 0 if abs(v) >= 100 else 1 if abs(v) >= 10 else 2 if abs(v) >= 1 else 4
    text = f"{v:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def goal_text(f):
    if f["goal"] is None:
        return ""
    return f"{'>=' if f['at_least'] else '<='} {number(f['goal'])}"


def figure_line(f):
    spread = f"{number(f['low'])} .. {number(f['high'])}" if f["runs"] > 1 else ""
    verdict = {None: "", True: "met", False: "NOT MET"}[f["met"]]
    text = f"{f['name']:<58} {number(f['median']):>12} {f['unit']:<12} {spread:<22} {goal_text(f):<14} {verdict}"
    return (text.rstrip() + (f"  ({f['note']})" if f["note"] else "")).rstrip()


def read(path, default=""):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return default


def machine():
    cpu = re.search(r"model name\s*:\s*(.*)", read("/proc/cpuinfo"))
    mem = re.search(r"MemTotal:\s*(\d+)", read("/proc/meminfo"))
    name = re.search(r'PRETTY_NAME="(.*)"', read("/etc/os-release"))
    return {"cpu": cpu.group(1) if cpu else "", "cores": os.cpu_count(), "memory_gib": round(int(mem.group(1)) / 1048576, 1) if mem else 0,
            "kernel": os.uname().release, "arch": os.uname().machine, "system": name.group(1) if name else ""}


def load():
    return float(read("/proc/loadavg", "0").split()[0])


def forks():
    """Processes and threads that the machine has started so far."""
    m = re.search(r"^processes (\d+)", read("/proc/stat"), re.M)
    return int(m.group(1)) if m else 0


def descendants(pid):
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        for task in listdir(f"/proc/{p}/task"):
            todo += [int(c) for c in read(f"/proc/{p}/task/{task}/children").split()]
    return found


def listdir(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def cpu_of(pid):
    """CPU seconds that the living threads of a process and of its descendants took, by the scheduler's own count."""
    total = 0
    for p in descendants(pid):
        for task in listdir(f"/proc/{p}/task"):
            total += int((read(f"/proc/{p}/task/{task}/schedstat") or "0").split()[0])
    return total / 1e9


def switches_of(pid):
    """How often the threads of a process went to sleep."""
    total = 0
    for task in listdir(f"/proc/{pid}/task"):
        m = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", read(f"/proc/{pid}/task/{task}/status"), re.M)
        total += int(m.group(1)) if m else 0
    return total


def rss_of(pid):
    """Resident bytes of a process, without the mappings of BPF maps (the ring)."""
    total, ring = 0, False
    for line in read(f"/proc/{pid}/smaps").splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            ring = "bpf-map" in line or "bpf_map" in line
        elif line.startswith("Rss:") and not ring:
            total += int(line.split()[1]) * 1024
    return total


def raise_limits():
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError):
        pass
