# SPDX-License-Identifier: BSD-2-Clause
"""tables.py BENCH.JSON README.md docs/fleet.md: writes the bench's tables between their markers."""

import json
import sys

from common import goal_text, number

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HOSTS, EXECS = 10000, 5

# key of a figure, what the README calls it
README_ROWS = [
    ("slowdown", "spawn storm under record, slowdown"),
    ("slowdown_perf", "against that of perf record in the same run"),
    ("load_cpu", "CPU time of the load, with against without"),
    ("recorder_cpu", "recorder CPU a process (compression, checksum, chain, index)"),
    ("bpf_time", "of BPF programs a process"),
    ("bytes_build", "segment bytes a process of a real build, everything kept"),
    ("index_build", "index bytes a process"),
    ("rss", "memory beside the ring"),
    ("lost", "frames lost at the highest spawning rates"),
    ("feed_lost", "frames lost of a synthetic 200,000 a second"),
    ("feed_top", "frames that the way to the disk takes a CPU second"),
    ("idle", "CPU of an idle recorder"),
    ("cache_build", "cache rebuilt"),
    ("text_build", "events as text"),
    ("json_build", "events as JSON"),
    ("pack", "pack"),
    ("verify", "verify"),
    ("reindex", "reindex"),
    ("ancestry_large", "`--ancestry PID`, {events}"),
    ("ancestry_ratio", "its time against that on 100,000 events"),
    ("tree_large", "`--at TIME --tree`, {events}"),
    ("sql_large", "`sql`, one process, {events}"),
]


def spread(f):
    return f"{number(f['low'])} to {number(f['high'])}" if f["runs"] > 1 else ""


def where(data):
    m, full = data["machine"], data.get("full_parts")
    how = "make bench" if data["mode"] == "full" else "make bench-quick" + (f" BENCH_ARGS='--full {','.join(full)}'" if full else "")
    how += f" BENCH_REPEAT={data['repeat']}" if data.get("repeat", 1) > 1 else ""
    return (f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}, {data['date'][:10]}, `{how}`, "
            f"load average {data['load'][0]:.1f} at the start, {data['load'][1]:.1f} at the end")


def readme_table(data):
    by_key = {f["key"]: f for f in data["figures"]}
    verdict = {None: "", True: "yes", False: "**no**"}
    lines = [where(data) + ".", "", "| | median | spread | goal | met |", "| --- | --- | --- | --- | --- |"]
    for key, name in README_ROWS:
        f = by_key.get(key)
        if f:
            name = name.replace("{events}", f["name"].split(", ", 1)[-1].replace("one process, ", ""))
            lines.append(f"| {name} | {number(f['median'])} {f['unit']} | {spread(f)} | {goal_text(f).replace('>=', '≥').replace('<=', '≤')} | {verdict[f['met']]} |")
    lines += ["", "| recorder | slowdown | its CPU a process, beyond an empty recording | bytes a process | keeps |", "| --- | --- | --- | --- | --- |"]
    for p in data["peers"]:
        lines.append(f"| {p['name']} | {p['slowdown']:.2f} ({p['slowdown_low']:.2f} to {p['slowdown_high']:.2f}) | {number(p['cpu_us'])} us | "
                     f"{number(p['bytes'])} | {p['keeps']} |")
    lost = "; ".join(f"{s['what']} ({s['why']})" for s in data["skipped"])
    return "\n".join(lines + (["", f"Not measured: {lost}."] if lost else [])) + "\n"


def size(v):
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if v < 1000:
            return f"{v:.3g} {unit}"
        v /= 1000
    return f"{v:.3g} EB"


def fleet_table(data):
    by_key = {f["key"]: f["median"] for f in data["figures"]}
    rate, day = HOSTS * EXECS, 86400
    seg, idx, cpu = by_key["bytes_build"], by_key["index_build"], by_key["recorder_cpu"]
    both = seg + idx
    rows = [
        ("processes", f"{EXECS} a second", f"{rate:,} a second"),
        ("processes a day", f"{EXECS * day:,}", f"{rate * day / 1e9:.2f} thousand million"),
        (f"segments written ({number(seg)} bytes a process)", f"{size(EXECS * seg)}/s, {size(EXECS * seg * day)} a day", f"{size(rate * seg)}/s, {size(rate * seg * day)} a day"),
        (f"indexes written ({number(idx)} bytes a process)", f"{size(EXECS * idx * day)} a day", f"{size(rate * idx * day)} a day"),
        ("kept for 30 days", size(EXECS * both * day * 30), size(rate * both * day * 30)),
        (f"recorder CPU ({number(cpu)} us a process)", f"{EXECS * cpu / 1e4:.2g} % of one core", f"{rate * cpu / 1e6:.2g} cores"),
    ]
    questions = [("ancestry_large", "one lineage question, all hosts"), ("sql_large", "one `sql` point question, all hosts")]
    for key, name in questions:
        if key in by_key:
            rows.append((name, f"{number(by_key[key])} ms", f"{by_key[key] * HOSTS / 1e3:,.0f} core seconds"))
    for key, name, amount in (("cache_build", "a day's caches rebuilt", 5), ("text_build", "a day's events as text", 3),
                              ("json_build", "a day's events as JSON", 3), ("reindex", "a day's indexes made anew", 1)):
        if key in by_key:
            host = EXECS * day * amount / by_key[key]
            rows.append((name, f"{number(host)} core seconds", f"{host * HOSTS / 3600:,.1f} core hours"))
    lines = [where(data) + ".", "", f"| | one host | {HOSTS:,} hosts |", "| --- | --- | --- |"]
    return "\n".join(lines + [f"| {a} | {b} | {c} |" for a, b, c in rows]) + "\n"


def put(text, table):
    """The text with what stands between the markers replaced. None: it lacks them."""
    a, b = text.find(BEGIN), text.find(END)
    return None if a < 0 or b < a else text[:a] + BEGIN + "\n" + table + text[b:]


def main():
    if len(sys.argv) != 4:
        print("usage: tables.py BENCH.JSON README.md FLEET.md", file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as f:
        data = json.load(f)
    if not {"bytes_build", "index_build", "recorder_cpu"} <= {f["key"] for f in data["figures"]}:
        print("the bench has not measured recording: run it as root, with all its parts", file=sys.stderr)
        return 1
    for path, table in ((sys.argv[2], readme_table), (sys.argv[3], fleet_table)):
        with open(path, encoding="utf-8") as f:
            text = put(f.read(), table(data))
        if text is None:
            print(f"{path} lacks the markers {BEGIN} and {END}", file=sys.stderr)
            return 1
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
