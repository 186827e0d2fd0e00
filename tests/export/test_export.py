#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_export.py [--update]: `procrec export` against golden files, consumers, published schemas, and against the events.

Golden: tests/export/expect/FIXTURE.FORMAT. Consumers: json, csv, dot, a parser of folded stacks. Schemas: fields.json. Truth: what
`procrec replay --json` says of the same trace, another path through the code. CASE: formats or fixtures to run alone.
"""
import base64
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import PROCREC, ROOT, WRAP, Checks, run, trace_of  # noqa: E402
from secrets_in import TORN, left_of, parts  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = ["lineage", "own-frames", "hostile-strings", "hostile-items", "hostile-names", "gaps", "exit-statuses", "empty", "users",
            "no-names", "known-counts-clone-exec", "known-counts-exec-only", "malformed-frames", "export-order"]
FORMATS = ["perfetto", "folded", "dot", "csv", "ecs", "ocsf"]
FIELDS = json.load(open(os.path.join(HERE, "fields.json")))
check = Checks("export")


def golden(name, got, update):
    path = os.path.join(HERE, "expect", name)
    if update:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(got)
        return None
    if not os.path.exists(path):
        return f"there is no {path}; 'make export-update' writes it"
    want = open(path, "rb").read()
    if want == got:
        return None
    for i, (a, b) in enumerate(zip(want.split(b"\n"), got.split(b"\n"))):
        if a != b:
            return f"line {i + 1}:\n  expected {a[:300]!r}\n  got      {b[:300]!r}"
    return f"{len(want)} bytes expected, {len(got)} are there"


# ---- schemas ---------------------------------------------------------------------------------------------------------

DATE = re.compile(r"^-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
TYPES = {
    "keyword": lambda v: isinstance(v, str),
    "string": lambda v: isinstance(v, str),
    "string or null": lambda v: v is None or isinstance(v, str),
    "long": lambda v: type(v) is int and -2**63 <= v < 2**63,
    "integer": lambda v: type(v) is int and -2**63 <= v < 2**63,
    "timestamp": lambda v: type(v) is int and -2**63 <= v < 2**63,
    "boolean": lambda v: type(v) is bool,
    "date": lambda v: isinstance(v, str) and bool(DATE.match(v)),
}


def leaves(v, path, objects):
    if path in objects:
        yield path, v
    elif isinstance(v, dict):
        for k, w in v.items():
            yield from leaves(w, f"{path}.{k}" if path else k, objects)
    elif isinstance(v, list):
        for w in v:
            yield from leaves(w, path + "[]", objects)
    else:
        yield path, v


def against(v, fields, values, depth=0):
    """What is wrong with v, or None."""
    objects = [p for p, t in fields.items() if t.rstrip("?") == "process"]
    seen = set()
    for path, leaf in leaves(v, "", objects):
        plain = re.sub(r"_b64(\[\])?$", r"\1", path)
        kind = fields.get(plain)
        if not kind:
            return f"{path} is no published field"
        if plain != path:
            continue
        seen.add(path)
        if path in objects:
            problem = against(leaf, FIELDS["ocsf_process"], {}, depth + 1) if depth < 4 else "too deep"
            if problem:
                return f"{path}: {problem}"
        elif not TYPES[kind.rstrip("?")](leaf):
            return f"{path} is {leaf!r}, not a {kind}"
        if path in values and leaf not in values[path]:
            return f"{path} is {leaf!r}"
    missing = [p for p, t in fields.items() if not t.endswith("?") and p not in seen]
    return f"{missing[0]} is missing" if missing else None


def ndjson(out):
    return [json.loads(line) for line in out.decode().splitlines()]


def check_ndjson(out, fields, values):
    text = out.decode()
    bad = [c for c in text if ord(c) < 32 and c != "\n" or 0x202a <= ord(c) <= 0x202e]
    if bad:
        return f"raw {bad[0]!r}"
    for i, v in enumerate(ndjson(out)):
        problem = against(v, fields, values)
        if problem:
            return f"line {i + 1}: {problem}"
    return None


# ---- consumers -------------------------------------------------------------------------------------------------------

def consume_ecs(out, truth):
    problem = check_ndjson(out, FIELDS["ecs"], FIELDS["ecs_values"])
    if problem:
        return problem
    events = ndjson(out)
    ids = {e["process"]["entity_id"] for e in events}
    got = {a: sum(e["event"]["action"] == a for e in events) for a in ("exec", "end", "already_running", "fork")}
    execs = {e["exec_id"] for e in truth if e["type"] == "execve"}
    told = {e["procrec"]["exec_id"] for e in events if e["event"]["action"] in ("exec", "already_running")}
    if not told <= execs or not execs <= {e["procrec"]["exec_id"] for e in events}:
        return "the exec_ids of execs are not those of the events"
    if got["end"] != len({(e["pid"], e["ktime"]) for e in truth if e["type"] == "exit"}):
        return f"{got['end']} ends"
    # A parent that is no process of the trace has no name either.
    lost = [e for e in events if "parent" in e["process"] and "executable" in e["process"]["parent"] and e["process"]["parent"]["entity_id"] not in ids]
    return f"parent.entity_id {lost[0]['process']['parent']['entity_id']} names no process" if lost else None


def consume_ocsf(out, truth):
    problem = check_ndjson(out, FIELDS["ocsf"], FIELDS["ocsf_values"])
    if problem:
        return problem
    for e in ndjson(out):
        if e["type_uid"] != e["class_uid"] * 100 + e["activity_id"]:
            return "type_uid is not class_uid * 100 + activity_id"
        if e["activity_id"] == 2 and "exit_code" not in e:
            return "a Terminate without exit_code"
    return None


def consume_perfetto(out, truth):
    doc = json.loads(out)
    flows, tracks = {}, {}
    for e in doc["traceEvents"]:
        want = FIELDS["chrome"].get(e["ph"])
        if want is None or any(k not in e for k in want):
            return f"{e} lacks a field of its phase"
        if any(type(e[k]) is not int or not 0 <= e[k] < 2**32 for k in ("pid", "tid") if k in e):
            return f"{e['pid']}: a track's number does not fit 32 bits"
        if e["ph"] in "sf":
            flows.setdefault(e["id"], []).append(e)
        if e["ph"] == "X":
            if e["ts"] < 0 or e["dur"] < 0:
                return f"{e['name']} lies before the trace"
            tracks.setdefault(e["pid"], []).append(e)
    for pair in flows.values():
        if [p["ph"] for p in pair] != ["s", "f"]:
            return "an arrow without its other end"
        if not any(t["ts"] <= pair[0]["ts"] <= t["ts"] + t["dur"] + 0.0011 for t in tracks.get(pair[0]["pid"], [])):
            return f"the arrow {pair[0]['id']} begins outside of its creator's slices"
    # trace_processor takes events in the order of their times, and of the file where these are equal: an arrow needs its slice by then.
    open_tracks = set()
    for e in sorted((e for e in doc["traceEvents"] if "ts" in e), key=lambda e: e["ts"]):
        if e["ph"] in "sf" and e["pid"] not in open_tracks:
            return f"the arrow {e['id']} stands before the slice that it belongs to"
        if e["ph"] == "X":
            open_tracks.add(e["pid"])
    for slices in tracks.values():
        slices.sort(key=lambda t: t["ts"])
        if any(a["ts"] + a["dur"] > b["ts"] for a, b in zip(slices, slices[1:]) if a["dur"]):
            return "two images of a process at one time"
    return None


# ---- catapult: the importer of chrome://tracing -------------------------------------------------------------------------

def fetch_catapult():
    """Where it is, or why it isn't: npm's lighthouse 1.6.5 has it, as the last one that runs without a browser."""
    folder = os.environ.get("CATAPULT", os.path.join(ROOT, "build", "tests", "catapult"))
    if not shutil.which("node") or not shutil.which("npm"):
        return None, "no node with npm"
    if not os.path.exists(os.path.join(folder, "package", "lighthouse-core")) or not os.path.exists(os.path.join(folder, "node_modules", "gl-matrix")):
        os.makedirs(folder, exist_ok=True)
        for command in (["npm", "pack", "--silent", "lighthouse@1.6.5"], ["tar", "xzf", "lighthouse-1.6.5.tgz"],
                        ["npm", "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", ".", "gl-matrix@2.3.2"]):
            try:
                p = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120, check=False)
            except subprocess.TimeoutExpired:
                return None, f"{command[0]} takes too long"
            if p.returncode:
                return None, f"lighthouse and gl-matrix cannot be had from npm ({p.stderr.decode()[:100].strip()})"
    return folder, None


def ask_catapult(folder, paths):
    p = subprocess.run(["node", os.path.join(HERE, "catapult.cjs"), folder, *paths], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if p.returncode:
        raise ValueError(f"node: {p.stderr.decode()[:500]}")
    return [json.loads(line) for line in p.stdout.decode().split("\n") if line]


def against_catapult(text, got):
    """What it sees of a file, against what is written there."""
    events = json.loads(text)["traceEvents"]
    slices = [e for e in events if e["ph"] == "X"]
    end = max((e["ts"] + e["dur"] for e in slices), default=0)
    # Slices are half-open: what the very last frame tells of has no width, and its arrow leads to nothing.
    arrows = {e["id"] for e in events if e["ph"] == "s" and e["ts"] < end - 0.0005}
    last = {e["id"] for e in events if e["ph"] == "s"} - arrows
    warnings = [w for w in got["warnings"] if not any(f"id {i} " in w or f"id: {i} " in w for i in last)]
    names = {e["pid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "process_name"}
    parents = {e["args"]["exec_id"]: e["args"].get("parent_exec_id") for e in slices}
    if warnings:
        return f"it warns: {warnings[0]}"
    if {t["track"]: t["process"] for t in got["tracks"]} != names or len(got["tracks"]) != len(names):
        return f"{len(got['tracks'])} tracks, {len(names)} are written, or other names"
    seen = sorted((t["track"], s["name"], s["exec_id"]) for t in got["tracks"] for s in t["slices"])
    if seen != sorted((e["pid"], e["name"], e["args"]["exec_id"]) for e in slices):
        return f"{len(seen)} slices, {len(slices)} are written, or other ones"
    if got["instants"] != sum(e["ph"] == "i" for e in events):
        return f"{got['instants']} instants"
    if {f["id"] for f in got["flows"]} - last != arrows or len(got["flows"]) > len(arrows) + len(last):
        return f"{len(got['flows'])} arrows, {len(arrows)} are written"
    for f in got["flows"]:
        if f["to"]["certainty"] == "observed" and f["to"]["how"] == "clone" and f["from"] != parents[f["to"]["exec_id"]]:
            return f"the arrow {f['id']} comes from {f['from']}, the parent is {parents[f['to']['exec_id']]}"
    return None


def check_catapult(tmp, traces):
    folder, why = fetch_catapult()
    if why:
        check.skip(f"catapult: {why}")
        return
    paths = {}
    for name, seg in traces:
        for fmt in ("perfetto", "chrome"):
            paths[f"{name}.{fmt}"] = os.path.join(tmp, f"{name}.{fmt}.json")
            run("export", seg, "-f", fmt, "-o", paths[f"{name}.{fmt}"], "--force")
    flows = 0
    for (name, path), got in zip(paths.items(), ask_catapult(folder, list(paths.values()))):
        check(f"{name}.catapult", against_catapult(open(path, encoding="utf-8").read(), got))
        flows += len(got["flows"])
    check("catapult.flows", None if flows > 40000 else f"only {flows} arrows in all")


def consume_dot(out, truth):
    if not shutil.which("dot"):
        check.skip("dot: it is not installed")
        return None
    p = subprocess.run(["dot", "-Tplain"], input=out, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if p.returncode or p.stderr:
        return f"dot: {p.stderr.decode()[:300]}"
    nodes = sum(line.startswith(b"node ") for line in p.stdout.splitlines())
    want = len(re.findall(rb"^\tp\d+ \[label=", out, re.M))
    return None if nodes == want else f"dot sees {nodes} nodes, {want} are written"


def consume_csv(out, truth):
    text = out.decode()
    if "\n" in text.replace("\r\n", ""):
        return "a line that does not end in CRLF"
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for row in rows:
        if None in row or any(v is None for v in row.values()):
            return "a row of another length"
        if any(v[:1] in "=+-@\t\r" and v for v in row.values()):
            return f"a formula: {row}"
        if row["argv"]:
            json.loads(row["argv"])
    want = {e["exec_id"] for e in truth if e["type"] == "execve"}
    got = {r["exec_id"] for r in rows if r["how"] in ("exec", "clone+exec", "snapshot")}
    return None if got <= want <= {r["exec_id"] for r in rows} else f"exec_ids differ: {sorted(want ^ got)[:3]}"


def consume_folded(out, truth):
    for line in out.decode().splitlines():
        stack, sep, n = line.rpartition(" ")
        if not sep or not stack or not n.isdigit() or any(not f for f in stack.split(";")):
            return f"no stack: {line!r}"
    return None


# ---- sums ------------------------------------------------------------------------------------------------------------

def ns(date):
    whole, frac = date[:-1].split(".")
    y, mo, d, h, mi, s = (int(x) for x in re.match(r"(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)", whole).groups())
    y -= mo <= 2
    days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * (mo + (-3 if mo > 2 else 9)) + 2) // 5 + d - 1
    return ((days * 24 + h) * 60 + mi) * 60 * 10**9 + s * 10**9 + int(frac)


def total_of(ecs):
    """The time in which each process lived without a child, all added up, out of start, end and parent of each, in ns."""
    lives = {}
    first = min((ns(e["@timestamp"]) for e in ecs), default=0)
    last = max((ns(e["@timestamp"]) for e in ecs), default=0)
    for e in ecs:
        p = e["process"]
        life = lives.setdefault(p["entity_id"], [max(ns(p["start"]), first), last, None])
        life[2] = p.get("parent", {}).get("entity_id")
        if "end" in p:
            life[1] = ns(p["end"])
    total = 0
    for me, (a, b, _) in lives.items():
        covered, at = 0, a
        for c, d in sorted((max(c, a), min(d, b)) for c, d, parent in lives.values() if parent == me):
            covered += max(0, d - max(c, at))
            at = max(at, d)
        total += b - a - covered
    return total


def check_sum(name, folded, ecs):
    lines = folded.decode().splitlines()
    got = sum(int(line.rpartition(" ")[2]) for line in lines) * 1000
    want = total_of(ndjson(ecs))
    check(f"{name}.sum", None if abs(got - want) <= 500 * len(lines) + 500 else f"{got} ns in stacks, {want} ns by the events")


# ---- the index, which joins facts in another way ----------------------------------------------------------------------

def key_of(exec_id):
    if not exec_id:
        return (0, 0)
    parts = base64.b64decode(exec_id).decode("utf-8", "replace").split(":")
    return int(parts[-1]), int(parts[-2])


def check_index(seg, out):
    rows = [json.loads(line) for line in run("sql", seg, "SELECT * FROM processes ORDER BY pid, ktime", "--json")[1].decode().splitlines()]
    known = {(r["pid"], r["ktime"]): r for r in rows}
    for row in csv.DictReader(io.StringIO(out.decode(), newline="")):
        key = key_of(row["exec_id"])
        r = known.get(key)
        if not r:
            return f"{key} is not in the index"
        parent = (r["ppid"], r["pktime"]) if r["ppid"] else (0, 0)
        want = {"parent": parent, "how": r["how"] or "unknown", "certainty": r["certainty"], "exit": r["exit_code"] if r["exit_signal"] == 0 else None,
                "signal": r["exit_signal"] or None, "end": r["end_ktime"] if r["ended_by"] else None}
        got = {"parent": key_of(row["parent_exec_id"]), "how": row["how"], "certainty": row["certainty"],
               "exit": int(row["exit_code"]) if row["exit_code"] else None, "signal": int(row["exit_signal"]) if row["exit_signal"] else None,
               "end": int(row["end_ktime"]) if row["end_ktime"] else None}
        for column, value in want.items():
            if got[column] != value:
                return f"{key}: {column} is {got[column]}, in the index {value}"
    return None


# ---- all -------------------------------------------------------------------------------------------------------------

def check_fixture(name, tmp, wanted, update):
    seg = trace_of(name, HERE, tmp)
    if not seg:
        return check(name, "cannot be assembled")
    truth = [json.loads(line) for line in run("replay", seg, "--json", "--cache-max-age", "1000000h", "--cache-max-entries", "1000000000")[1].decode().splitlines()]
    truth = [e for e in truth if e["type"] in ("execve", "clone", "exit")]
    outs = {}
    for fmt in FORMATS:
        if wanted and fmt not in wanted and name not in wanted:
            continue
        status, out, err = run("export", seg, "--format", fmt)
        outs[fmt] = out
        expect_status = 1 if name in ("gaps",) else 0
        check(f"{name}.{fmt}.status", None if status == expect_status else f"status {status}: {err}")
        check(f"{name}.{fmt}.golden", golden(f"{name}.{fmt}", out, update))
        try:
            problem = globals()["consume_" + fmt](out, truth)
        except (ValueError, KeyError) as e:
            problem = repr(e)
        check(f"{name}.{fmt}.consumer", problem)
    if "csv" in outs:
        check(f"{name}.csv.index", check_index(seg, outs["csv"]))
    if "folded" in outs and "ecs" in outs:
        check_sum(name, outs["folded"], outs["ecs"])


def check_options(tmp):
    seg = trace_of("own-frames", HERE, tmp)
    out = os.path.join(tmp, "out.csv")
    for name, args, status, text in [
            ("no-format", ["export", seg], 2, "--format"),
            ("near-format", ["export", seg, "-f", "dott"], 2, "did you mean 'dot'"),
            ("no-trace", ["export", os.path.join(tmp, "none.seg"), "-f", "csv"], 4, "none.seg"),
            ("not-a-trace", ["export", __file__, "-f", "csv"], 3, ""),
            ("output", ["export", seg, "-f", "csv", "-o", out], 0, ""),
            ("output-exists", ["export", seg, "-f", "csv", "-o", out], None, "--force"),
            ("output-force", ["export", seg, "-f", "csv", "-o", out, "--force"], 0, ""),
            ("pid-and-tree", ["export", seg, "-f", "csv", "--pid", "1", "--tree", "1"], 2, "--tree"),
            ("damaged", ["export", os.path.join(ROOT, "fixtures", "corrupt", "two-blocks-damaged.seg"), "-f", "csv"], 1, "12 frames lost"),
            ("no-clock", ["export", trace_of("lineage", HERE, tmp), "-f", "ecs"], 0, "no clock")]:
        got, _, err = run(*args)
        check(f"option.{name}", None if (got == status or status is None and got) and text in err else f"status {got}: {err}")
    check("option.output.same", None if open(out, "rb").read() == run("export", seg, "-f", "csv")[1] else "-o writes something else")

    stacks = {line.split(b";")[0].split(b" ")[0] for line in run("export", seg, "-f", "folded", "--tree", "201")[1].splitlines()}
    check("select.tree.folded", None if stacks == {b"make", b"gen.sh"} else stacks)

    def pids(*args):
        return [int(r["pid"]) for r in csv.DictReader(io.StringIO(run("export", seg, "-f", "csv", *args)[1].decode()))]
    for name, args, want in [("pid", ["--pid", "201"], [201]), ("tree", ["--tree", "201"], [202, 201, 203]),
                             ("since", ["--since", "+1.55s"], [200, 1, 100]), ("until", ["--until", "+0.5s"], [1, 100]),
                             ("both", ["--since", "+1.3s", "--until", "+1.35s", "--tree", "201"], [202, 201, 203])]:
        got = pids(*args)
        check(f"select.{name}", None if got == want else f"{got}, not {want}")


def check_redact(tmp):
    """What `extract --redact` leaves, exported, is what `export --redact` gives; and no part of a secret is in either."""
    key = os.path.join(tmp, "key")
    open(key, "w").write("a key for the tests\n")
    torn = os.path.join(tmp, "torn.seg")
    subprocess.run([*WRAP, PROCREC, "asm", "-", "-o", torn], input=TORN, check=True)
    # Behind frame 23, marks make a list of arguments too long for its frame: extract cuts it, an export need not.
    for seg, upto, secrets in [(trace_of("secrets", HERE, tmp), "23", [b"sesame", b"AKIAIOSFODNN7EXAMPLE", b"ghp_abcdefghijklmnopqrstuvwxyz0123456789"]),
                               (torn, "100", [b"hunter2zebra", b"quaggaquagga", b"okapi-okapi"])]:
        name = "redact." + os.path.basename(seg)[:-4]
        clean = seg + ".clean"
        run("extract", seg, "--redact", "--redact-key", key, "-o", clean)
        for fmt in FORMATS + ["chrome"]:
            status, out, err = run("export", seg, "-f", fmt, "--redact", "--redact-key", key)
            same = out if upto == "100" else run("export", seg, "-f", fmt, "--redact", "--redact-key", key, "--until-frame", upto)[1]
            check(f"{name}.{fmt}.status", None if not status and "secrets replaced: " in err else f"status {status}: {err}")
            check(f"{name}.{fmt}.extract", None if same == run("export", clean, "-f", fmt, "--until-frame", upto)[1] else "extract leaves something else")
            plain = run("export", seg, "-f", fmt)[1]
            if fmt != "folded":  # which shows no arguments
                check(f"{name}.{fmt}.plain", None if any(p in plain for s in secrets for p in parts(s, 5)) else "the test's secrets are not in it")
            left = left_of(secrets, out)
            check(f"{name}.{fmt}.left", f"{left} is left" if left else None)
        marks = [set(re.findall(rb"REDACTED:[0-9a-f]{8}", run("export", seg, "-f", "csv", "--redact", *k)[1])) for k in (["--redact-key", key], [], [])]
        check(f"{name}.keys", None if marks[0] and not (marks[0] & marks[1]) and not (marks[1] & marks[2]) else "marks do not hang on the key")
    rules = os.path.join(tmp, "rules")
    open(rules, "w").write("arg (select 1)\n")
    secrets = trace_of("secrets", HERE, tmp)
    for name, args in [("rules", ["--redact=" + rules]), ("rules-option", ["--redact-rules", rules])]:
        out = run("export", secrets, "-f", "csv", *args)[1]
        check(f"redact.{name}", None if b"select" not in out and b"sesame" not in out else "a rule was not used")
    status, _, err = run("export", secrets, "-f", "csv", "--redact-key", key)
    check("redact.key-alone", None if status == 2 and "--redact" in err else f"status {status}: {err}")
    open(rules, "w").write("arg (\n")
    status, out, err = run("export", secrets, "-f", "csv", "--redact=" + rules)
    check("redact.bad-rule", None if status == 2 and not out and "rules" in err else f"status {status}: {err}")


def check_large(tmp):
    """A trace of 20,000 processes that share 600 pids, against the index; and in the memory that a small one takes."""
    seg = os.path.join(tmp, "large.seg")
    subprocess.run([os.environ["GEN_TRACE"], seg, "20000", "2600"], check=True)
    status, out, err = run("export", seg, "-f", "csv")
    check("large.index", err if status else check_index(seg, out))
    doc = json.loads(run("export", seg, "-f", "perfetto")[1])
    check_catapult(tmp, [("large", seg), *((name, trace_of(name, HERE, tmp)) for name in FIXTURES)])
    check("large.tracks", None if len({e["pid"] for e in doc["traceEvents"] if e["ph"] == "X"}) == 20000 + 300 + 10 else "a track for two processes")
    peak = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    kib = [int(subprocess.run([sys.executable, "-c", peak, *WRAP, PROCREC, "export", s, "-f", "csv"], check=True, stdout=subprocess.PIPE,
                              env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}).stdout)
           for s in (seg, trace_of("lineage", HERE, tmp))]
    check("large.memory", None if kib[0] < kib[1] + 8192 else f"{kib[0]} KiB, and {kib[1]} KiB for a small trace")


def main():
    update = "--update" in sys.argv
    wanted = os.environ.get("CASE", "").split()
    with tempfile.TemporaryDirectory(prefix="procrec-export.") as tmp:
        for name in FIXTURES:
            check_fixture(name, tmp, wanted, update)
        if not wanted and not update:
            check_options(tmp)
            check_redact(tmp)
            check_large(tmp)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
