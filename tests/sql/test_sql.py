# SPDX-License-Identifier: BSD-2-Clause
"""
SQL over events, and the extension of SQLite.

test_sql.py PROCREC EXTENSION GEN_TRACE. PRELOAD: a library that must be loaded before the extension. What runs inside of another SQLite runs in a
process of its own: this script again, with the name of a function.
"""

import glob
import hashlib
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROCREC, EXTENSION, GEN = (os.path.abspath(p) for p in sys.argv[1:4])
FEW = bool(os.environ.get("PRELOAD")) # sanitizers make each step dear
CAN_LOAD = hasattr(sqlite3.Connection, "enable_load_extension")
VIEWS = ("events", "processes", "execs", "exits", "gaps", "blocks")
KEYS = {"seq": int, "event_ktime": int, "pid": int, "ktime": int, "time": str}


def run(argv, **kw):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600, check=False, **kw)


def lines(p):
    return [json.loads(line) for line in p.stdout.decode().splitlines()]


def sql(trace, query, *options):
    p = run([PROCREC, "sql", trace, query, "--json", *options])
    assert p.returncode == 0, (trace, query, p.stderr)
    return lines(p)


def loaded():
    env = dict(os.environ, LC_ALL="C", ASAN_OPTIONS="detect_leaks=0")
    if os.environ.get("PRELOAD"):
        env["LD_PRELOAD"] = os.environ["PRELOAD"]
    return env


def shell(script, *args):
    """The sqlite3 shell with the extension loaded."""
    return run(["sqlite3", "-batch", *args, ":memory:", f".load {os.path.splitext(EXTENSION)[0]}", *script], env=loaded())


def inside(function, *args):
    """`function` of this script in a process that may load the extension."""
    p = run([sys.executable, "-B", os.path.abspath(__file__), PROCREC, EXTENSION, GEN, function, *args], env=loaded())
    assert p.returncode == 0, f"{function} {args}: status {p.returncode}\n{p.stdout.decode(errors='replace')}\n{p.stderr.decode(errors='replace')}"
    return p.stdout.decode()


def connect():
    db = sqlite3.connect(":memory:")
    db.enable_load_extension(True)
    db.load_extension(os.path.splitext(EXTENSION)[0])
    return db


# ---- traces -----------------------------------------------------------------------------------------------------------


def make_traces(folder):
    """All fixtures that are or become traces, and a generated one; name to path."""
    traces = {}
    for path in sorted(glob.glob(f"{TREE}/fixtures/src/*.*") + glob.glob(f"{TREE}/fixtures/v1/*.seg") + glob.glob(f"{TREE}/fixtures/corrupt/*.seg")):
        kind, name = path.split("/")[-2:]
        if name == "deep-clones.sh":  # 70,000 times the same, for the time that lineage takes
            continue
        name = f"{kind}-{os.path.splitext(name)[0]}"
        out = f"{folder}/{name}.seg"
        if path.endswith(".sh"):
            made = subprocess.run(f"'{path}' | '{PROCREC}' asm - -o '{out}'", shell=True, check=False).returncode == 0
        elif path.endswith(".frames"):
            made = run([PROCREC, "asm", os.path.basename(path), "-o", out], cwd=os.path.dirname(path)).returncode == 0
        else:
            shutil.copy(path, out)
            made = run([PROCREC, "info", out]).returncode in (0, 1)
        if made:
            traces[name] = out
    for kind in ("build", "servers", "forks"):
        traces[f"made-{kind}"] = f"{folder}/made-{kind}.seg"
        subprocess.run([GEN, traces[f"made-{kind}"], "1500", "700", kind], stdout=subprocess.DEVNULL, check=True)
    return traces


# ---- against replay --json --------------------------------------------------------------------------------------------

# What the cache of an agent shows otherwise, by its rules: the second frame of an identity is dropped; a name counts from its frame on.
OWN_RULES = {
    "src-odd-add-keeps-the-old-value": {3},
}


def frame_part(ev):
    out = {k: ev[k] for k in ("type", "seq", "time", "ktime", "pid")}
    if "exit" in ev:
        out.update(exit_code=ev["exit"]["code"], exit_signal=ev["exit"]["signal"], exit_core=int(ev["exit"]["core"]), status=ev["exit"]["status"])
    return out


def both(d, key, name):
    return {name + end: d[key + end] for end in ("", "_b64") if key + end in d}


def process_part(ev):
    out = {"exec_id": ev["exec_id"], "uid": ev["uid"]}
    for key in ("user", "binary", "arguments", "cwd"):
        out.update(both(ev, key, key))
    out.update({f"cap_{k}": ev["cap"][k] for k in ev["cap"]})
    if ev["parent"]:
        p = ev["parent"]
        out.update(ppid=p["pid"], pktime=p["ktime"], parent_uid=p["uid"])
        for key in ("user", "binary", "arguments"):
            if key in p:
                out.update(both(p, key, f"parent_{key}"))
    return out


def part_of(row, wanted):
    return {k: row.get(k) for k in wanted}


def check_replay(traces):
    """Each row of events is the line of `replay --json`, where the agent's cache had the process."""
    compared = 0
    for name, path in traces.items():
        events = [e for e in lines(run([PROCREC, "replay", path, "--json"])) if e["type"] != "gap"]
        if name.startswith("corrupt"): # blocks that stand there twice, or in another order, have one place in the index
            events = [e for _, e in sorted({e["seq"]: e for e in events}.items())]
        rows = sql(path, "SELECT * FROM events")
        assert [r["seq"] for r in rows] == [e["seq"] for e in events], f"{name}: other rows"
        for r, e in zip(rows, events):
            want = frame_part(e)
            if not e.get("miss") and e["seq"] not in OWN_RULES.get(name, ()):
                want.update(process_part(e))
                assert json.loads(r["argv"]) == e["argv"], (name, r["argv"], e["argv"])
                compared += 1
            assert part_of(r, want) == want, f"{name}: {part_of(r, want)}\n{want}"
    assert compared > 4000, compared


def check_processes(traces):
    """A row of events says of its process what `processes` says; what that does not know is null there, and the reference's word here."""
    differs = {c: f"e.{c} IS NOT p.{c}" for c in ("ppid", "pktime", "uid", "user", "exec_id")}
    differs |= {c: f"nullif(e.{c}, 'enomem') IS NOT p.{c}" for c in ("arguments", "cwd")}
    differs["binary"] = "nullif(nullif(e.binary, 'enomem'), '') IS NOT p.binary"
    differs["argv"] = "CASE WHEN p.arguments IS NULL THEN p.argv IS NOT NULL ELSE e.argv IS NOT p.argv END"
    unknown = 0
    for name, path in traces.items():
        rows = sql(path, "SELECT count(*) AS n, sum(p.binary IS NULL AND e.binary IS NOT NULL) AS unknown, " +
                   ", ".join(f"sum({what}) AS {c}" for c, what in differs.items()) +
                   " FROM events AS e JOIN processes AS p USING (pid, ktime) WHERE p.how IS NOT NULL")
        assert not any(rows[0][c] for c in differs), (name, rows)
        unknown += rows[0]["unknown"] or 0
    assert unknown, "no trace has a process whose executable is unknown"


# ---- conditions that lead through the index --------------------------------------------------------------------------


def some_conditions(rng, rows, n):
    """Conditions on the keys with values that are there, near, or of another kind; as pairs: as it stands, and so that nothing can be made of it."""
    for _ in range(n):
        parts = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            key = rng.choice(list(KEYS))
            value = rng.choice(rows)[key] if rows else None
            if value is None:
                value = rng.choice((0, "'2026'"))
            elif KEYS[key] is int:
                value = rng.choice((value, value, value, value + rng.choice((-1, 1, 1000, -1000)), value + 0.5, -1, 2**63 - 1, -2**63, f"'{value}'", "NULL"))
            else:
                value = rng.choice((repr(value), repr(value[:rng.randrange(31)]), repr(value + "x"), "''", "1", "NULL", "X'32'"))
            op = rng.choice(("=", "=", "<", "<=", ">", ">=", "IS", "IN"))
            parts.append((key, op, f"({value}, {value})" if op == "IN" else value))
        glue = rng.choice((" AND ", " AND ", " OR "))
        end = rng.choice(("", "", " ORDER BY seq", " ORDER BY seq DESC", " ORDER BY seq LIMIT 3"))
        yield tuple(glue.join(f"{plus}{k} {op} {v}" for k, op, v in parts) + end.replace("seq", order) for plus, order in (("", "seq"), ("+", "+seq")))


def check_conditions(traces):
    """A condition gives the same rows whether it can be looked up or not, of all traces, with and without an index beside them."""
    rng = random.Random(7)
    for name, path in traces.items():
        rows = sql(path, "SELECT * FROM events")
        pairs = list(some_conditions(rng, rows, (20 if FEW else 60) if name.startswith("made") else 2 if FEW else 6))
        union = " UNION ALL ".join(f"SELECT * FROM (SELECT {i}, {k}, count(*), group_concat(seq) FROM (SELECT seq FROM events WHERE {c}))"
                                   for i, pair in enumerate(pairs) for k, c in enumerate(pair))
        for _ in range(2):
            got = [list(r.values()) for r in sql(path, union)]
            for (i, _, n, seqs), (_, _, m, others) in zip(got[::2], got[1::2]):
                a, b = (s.split(",") if s else [] for s in (seqs, others))
                if "ORDER" not in pairs[i][0]:
                    a, b = sorted(a), sorted(b)
                assert (n, a) == (m, b), (name, pairs[i], n, m)
            if run([PROCREC, "reindex", "-q", path]).returncode:
                break
        if os.path.exists(path + ".idx"):
            os.unlink(path + ".idx")


def check_twins(folder):
    """Frames that tell the same thing twice are each a row, also where the row of their process names only one."""
    path = f"{folder}/twins.seg"
    frames = "".join(f"clone pid=9@{900 + k} parent=1@1\nexit pid=7@700 time=800 code=exit:0\nexit pid=7@700 time=800 code=exit:0\n" for k in range(2))
    frames = "execve pid=1@1 parent=0@1 flags=PROCFS\n\tfilename=\"/sbin/init\"\n" + frames + "clone pid=9@900 parent=1@1\n"
    p = subprocess.run([PROCREC, "asm", "-", "-o", path], input=frames.encode(), stderr=subprocess.PIPE, check=False)
    assert p.returncode == 0, p.stderr
    for _ in range(2):
        for pid, n in ((7, 4), (9, 3)):
            for plus in "", "+":
                got = sql(path, f"SELECT count(*) AS n FROM events WHERE {plus}pid = {pid}")
                assert got == [{"n": n}], (pid, plus, got)
        subprocess.run([PROCREC, "reindex", "-q", path], check=True)


def check_bounded(traces):
    """Reading blocks counts: a query that SQLite takes for cheap is stopped as well."""
    p = run([PROCREC, "sql", traces["made-build"], "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100000000) "
             "SELECT sum(n) FROM (SELECT x, (SELECT count(*) FROM events WHERE event_ktime > x) AS n FROM c)", "--max-steps", "3"])
    assert p.returncode == 4 or p.returncode == 1, (p.returncode, p.stderr)
    assert b"stopped after 3 million steps" in p.stderr, p.stderr


def check_late_damage(traces, folder):
    """A block that was damaged after its index was made: its rows are not silently left out, and --no-index gives the others."""
    path = f"{folder}/late.seg"
    shutil.copy(traces["made-build"], path)
    subprocess.run([PROCREC, "reindex", "-q", path], check=True)
    block = sql(path, "SELECT * FROM blocks ORDER BY frames DESC LIMIT 1")[0]
    other = sql(path, f"SELECT count(*) AS n, max(seq) AS last FROM events WHERE seq NOT BETWEEN {block['first_seq']} AND {block['first_seq'] + block['frames'] - 1}")
    with open(path, "r+b") as f:
        f.seek(block["offset"] + 2000)
        f.write(b"damage")
    p = run([PROCREC, "sql", path, "SELECT count(*) FROM events"])
    assert p.returncode == 1 and path.encode() in p.stderr and b"--no-index answers" in p.stderr, p
    assert sql(path, f"SELECT max(seq) AS last FROM events WHERE seq >= {other[0]['last']}") == [{"last": other[0]["last"]}]
    assert sql(path, "SELECT count(*) AS n, max(seq) AS last FROM events", "--no-index") == other
    os.unlink(path)
    os.unlink(path + ".idx")


def check_columns(traces):
    """Each column of events can be asked with --where, and no other can but those of an agent's cache."""
    columns = set(sql(traces["src-lineage"], "SELECT * FROM events LIMIT 1")[0])
    for c in columns | {"ref", "miss"}:
        assert run([PROCREC, "replay", traces["src-lineage"], "--where", f"{c} IS NULL"]).returncode == 0, c
    with open(f"{TREE}/replay/cache/columns.c", encoding="utf-8") as f:
        table = set(re.findall(r'^\t\{"([a-z_]+)", get_', f.read(), re.M))
    assert table == columns | {"ref", "miss"}, table ^ columns


# ---- the extension ----------------------------------------------------------------------------------------------------


def rows_of(db, query):
    cursor = db.execute(query)
    return [[c[0] for c in cursor.description], *map(list, cursor)]


def in_same_rows(*paths):
    """In a process that may load the extension: all views of the traces, row by row, as JSON; bytes as hex."""
    db = connect()
    for path in paths:
        for view in VIEWS:
            rows = rows_of(db, f"SELECT * FROM procrec_{view}('{path}')")
            print(json.dumps([os.path.basename(path), view, [[v.hex() if isinstance(v, bytes) else v for v in r] for r in rows]]))


def check_same_rows(traces):
    """The tables of the extension are the views of `procrec sql`, row by row."""
    names = sorted(traces)
    n = 0
    for line in inside("in_same_rows", *(traces[name] for name in names)).splitlines():
        base, view, (columns, *rows) = json.loads(line)
        path = traces[base[:-4]]
        quoted = ", ".join(f'CASE typeof("{c}") WHEN \'blob\' THEN lower(hex("{c}")) ELSE "{c}" END AS "{c}"' for c in columns)
        want = sql(path, f"SELECT {quoted} FROM {view}")
        assert rows == [[r[c] for c in columns] for r in want], (base, view)
        n += len(rows)
    assert n > 10000, n


def in_conditions(path, seed):
    db = connect()
    rng = random.Random(seed)
    db.execute(f"CREATE VIRTUAL TABLE temp.t USING procrec('{path}')")
    db.execute(f"CREATE VIRTUAL TABLE temp.p USING procrec(\"{path}\", Processes)")
    names, *rows = rows_of(db, "SELECT * FROM t")
    rows = [dict(zip(names, r)) for r in rows]
    db.execute("CREATE TEMP TABLE copy AS SELECT * FROM t")
    db.execute("CREATE TEMP TABLE pcopy AS SELECT * FROM p")
    for plain, _ in some_conditions(rng, rows, 150):
        want = db.execute(f"SELECT seq FROM copy WHERE {plain}").fetchall()
        for table in "t", f"procrec_events('{path}')":
            got = db.execute(f"SELECT seq FROM {table} WHERE {plain}").fetchall()
            assert (got == want if "ORDER" in plain else sorted(got) == sorted(want)), (table, plain, len(got), len(want))
    for how in ("e.pid = p.pid AND e.ktime = p.ktime", "e.seq = p.seq OR e.seq = p.end_seq", "e.pid = CAST(p.pid AS TEXT) AND e.ktime = p.ktime"):
        q = f"SELECT e.seq, p.pid, p.binary FROM {{}} AS p JOIN {{}} AS e ON {how} WHERE p.pid BETWEEN 100 AND 140 ORDER BY 1, 2"
        assert db.execute(q.format("p", "t")).fetchall() == db.execute(q.format("pcopy", "copy")).fetchall(), how
    print("done")


def check_extension_conditions(traces):
    for i, name in enumerate(("made-build", "made-forks", "src-lineage", "corrupt-hole-of-garbage")):
        assert inside("in_conditions", traces[name], str(i)) == "done\n"


def in_life(path, other):
    """Connections come and go; a trace that changes is read anew; a statement that is in the middle keeps what it has."""
    for _ in range(3):
        db = connect()
        assert db.execute(f"SELECT count(*) FROM procrec_events('{path}')").fetchone()[0] > 0
        db.close()
    a, b = connect(), connect()
    count = f"SELECT count(*) FROM procrec_events('{path}')"
    before = a.execute(count).fetchone()
    assert before == b.execute(count).fetchone()
    half = a.execute(f"SELECT seq FROM procrec_events('{path}')")
    first = half.fetchone()
    shutil.copy(other, path + ".new")
    os.rename(path + ".new", path)
    assert len([first, *half]) == before[0]
    after = a.execute(count).fetchone()
    assert after != before and after == b.execute(count).fetchone()
    # More traces than are kept open, then more in one statement than can be.
    for i in range(20):
        shutil.copy(other, f"{path}.{i}")
        assert a.execute(f"SELECT count(*) FROM procrec_events('{path}.{i}')").fetchone() == after
    try:
        a.execute(" UNION ALL ".join(f"SELECT seq FROM procrec_events('{path}.{i}')" for i in range(20))).fetchall()
        a.execute("SELECT count(*) FROM " + ", ".join(f"procrec_events('{path}.{i}') AS e{i}" for i in range(20))).fetchall()
        raise AssertionError("20 at once")
    except sqlite3.OperationalError as e:
        assert "more than 16 traces" in str(e), e
    # A table in a database on disk is there again with the next connection; without the extension it only is not.
    disk = sqlite3.connect(path + ".db")
    disk.enable_load_extension(True)
    disk.load_extension(os.path.splitext(EXTENSION)[0])
    disk.execute(f"CREATE VIRTUAL TABLE t USING procrec('{path}')")
    disk.close()
    disk = sqlite3.connect(path + ".db")
    disk.enable_load_extension(True)
    disk.load_extension(os.path.splitext(EXTENSION)[0])
    assert disk.execute("SELECT count(*) FROM t").fetchone() == after
    disk.execute("DROP TABLE t")
    print("done")


def check_life(traces, folder):
    path = f"{folder}/life.seg"
    shutil.copy(traces["made-build"], path)
    assert inside("in_life", path, traces["src-lineage"]) == "done\n"


def check_shell(traces):
    """`.load procrec` in the sqlite3 shell, by its name alone where it lies in a folder of libraries."""
    p = shell([f"SELECT count(*), max(seq) FROM procrec_events('{traces['made-build']}')"])
    want = sql(traces["made-build"], "SELECT count(*) AS a, max(seq) AS b FROM events")[0]
    assert (p.returncode, p.stdout.decode()) == (0, f"{want['a']}|{want['b']}\n"), p
    env = dict(loaded(), LD_LIBRARY_PATH=os.path.dirname(EXTENSION))
    p = run(["sqlite3", "-batch", ":memory:", ".load procrec", f"SELECT pid FROM procrec_execs('{traces['src-lineage']}') LIMIT 1"], env=env, cwd="/")
    assert p.returncode == 0 and p.stdout.strip().isdigit(), p


def check_refused(traces, folder):
    """What cannot be answered is said; nothing can be written; views of others cannot name files."""
    t = traces["src-lineage"]
    with open(f"{folder}/text", "w", encoding="ascii") as f:
        f.write("no trace\n")
    for query, why in (
            (f"SELECT * FROM procrec_events('{folder}/missing.seg')", "No such file"),
            (f"SELECT * FROM procrec_events('{folder}/text')", "not a procrec trace"),
            ("SELECT * FROM procrec_events('/proc/self/mem')", "procrec: "),
            ("SELECT * FROM procrec_events('/dev/zero')", "not a regular file"),
            ("SELECT * FROM procrec_events", "which trace?"),
            ("SELECT * FROM procrec_events(NULL)", "null"),
            (f"SELECT * FROM procrec_events('{t}', 2)", "too many arguments"),
            (f"INSERT INTO procrec_events VALUES(1)", "may not be modified"),
            (f"CREATE VIRTUAL TABLE t USING procrec('{t}'); DELETE FROM t", "may not be modified"),
            (f"CREATE VIRTUAL TABLE t USING procrec('{t}'); UPDATE t SET pid = 1", "may not be modified"),
            ("CREATE VIRTUAL TABLE t USING procrec", "wants a trace"),
            ("CREATE VIRTUAL TABLE t USING procrec('')", "wants a trace"),
            (f"CREATE VIRTUAL TABLE t USING procrec('{t}', nothing)", "there is no view 'nothing'"),
            (f"CREATE VIRTUAL TABLE t USING procrec('{folder}/missing.seg')", "No such file"),
            (f"CREATE VIEW v AS SELECT * FROM procrec_events('{t}'); SELECT * FROM v", "unsafe use"),
    ):
        p = shell([query])
        assert p.returncode != 0 and why in p.stderr.decode(), (query, p)
    names = sorted(os.listdir(folder))
    with open(t, "rb") as f:
        before = hashlib.sha256(f.read()).digest()
    shell([f"SELECT * FROM procrec_{v}('{t}')" for v in VIEWS])
    with open(t, "rb") as f:
        assert hashlib.sha256(f.read()).digest() == before
    assert sorted(os.listdir(folder)) == names


def in_rubbish(path, seed):
    """Damaged bytes, cut ends, and indexes of the same: an answer or an error, and the connection goes on."""
    rng = random.Random(seed)
    with open(path, "rb") as f:
        whole = f.read()
    with open(path + ".idx", "rb") as f:
        index = f.read()
    db = connect()
    said = answered = 0
    for _ in range(40):
        at = f"{path}.rubbish"
        for name, data in ((at, whole), (at + ".idx", index)):
            data = bytearray(data)
            if rng.random() < 0.7:
                for _ in range(rng.choice((1, 3, 100))):
                    data[rng.randrange(len(data))] = rng.randrange(256)
            if rng.random() < 0.2:
                del data[rng.randrange(len(data)):]
            with open(name + "~", "wb") as f:
                f.write(data)
            os.rename(name + "~", name)
        for query in ("SELECT * FROM procrec_events('{0}')", "SELECT * FROM procrec_events('{0}') WHERE pid = 110",
                      "SELECT * FROM procrec_processes('{0}') AS p JOIN procrec_events('{0}') AS e USING (pid, ktime)"):
            try:
                db.execute(query.format(at)).fetchall()
                answered += 1
            except sqlite3.DatabaseError as e:
                assert str(e).startswith("procrec: "), e
                said += 1
    assert said and answered, (said, answered)
    print("done")


def check_rubbish(traces, folder):
    path = f"{folder}/rubbish.seg"
    subprocess.run([GEN, path, "400", "700", "build"], stdout=subprocess.DEVNULL, check=True)
    subprocess.run([PROCREC, "reindex", "-q", path], check=True)
    for seed in range(1 if FEW else 3):
        assert inside("in_rubbish", path, str(seed)) == "done\n"
    for name, trace in sorted(traces.items()):
        p = shell([f"SELECT count(*) FROM procrec_events('{trace}')"])
        assert p.returncode in (0, 1), (name, p)


def check_symbols():
    """It shows the program that loads it nothing but the entry point."""
    p = run(["nm", "-D", "--defined-only", EXTENSION])
    assert [line.split()[-1] for line in p.stdout.decode().splitlines()] == ["sqlite3_procrec_init"], p.stdout


def check_manual(traces, folder):
    """What the manual shows to be typed into the sqlite3 shell can be."""
    with open(f"{TREE}/man/procrec-sql.1", encoding="utf-8") as f:
        examples = re.findall(r"^sqlite> (.*(?:\n  .*)*)", f.read(), re.M)
    assert len(examples) >= 3, examples
    shutil.copy(traces["src-lineage"], f"{folder}/trace.seg")
    shutil.copy(traces["src-lineage"], f"{folder}/yesterday.seg")
    script = "\n".join(e.replace("\\e", "\\") for e in examples) + "\n"
    env = dict(loaded(), LD_LIBRARY_PATH=os.path.dirname(EXTENSION))
    p = subprocess.run(["sqlite3", "-batch", "-bail"], input=script.encode(), env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert p.returncode == 0 and p.stdout and not p.stderr, p


def manual_query(about):
    """The query that the manual shows below a line."""
    with open(f"{TREE}/man/procrec-sql.1", encoding="utf-8") as f:
        found = re.search(rf"^{re.escape(about)}\n\.Bd .*\n\$ procrec sql trace.seg '([^']*)'", f.read(), re.M)
    assert found, about
    return found.group(1)


def replay_keys(trace, *view):
    p = run([PROCREC, "replay", trace, *view, "--json"])
    return [(x["pid"], x["ktime"]) for x in lines(p) if x.get("seq") is not None]


def check_manual_lineage(traces):
    """The manual's queries for ancestors and for what ran at a time give what --ancestry and --tree --at do."""
    up, at = manual_query("The ancestors of a process:"), manual_query("What ran at a time:")
    at = at.replace("SELECT pid,", "SELECT pid, CASE WHEN ktime <= 2450 THEN ktime ELSE cloned_ktime END AS ktime,")
    for name in ("src-lineage", "src-forked-before-exec", "src-own-frames"):
        trace = traces[name]
        images = sql(trace, "SELECT pid, ktime, cloned_ktime, end_ktime FROM processes")
        known = {(i["pid"], k) for i in images for k in (i["ktime"], i["cloned_ktime"])}
        for pid in sorted({i["pid"] for i in images}):
            got = [(r["pid"], r["ktime"]) for r in sql(trace, up.replace("32", str(pid)))]
            want = replay_keys(trace, "--ancestry", str(pid))
            assert [k for k in got if k in known] == want, (name, pid, got, want)
        for time in sorted({t for i in images for t in (i["ktime"], i["cloned_ktime"], i["end_ktime"]) if t}):
            got = [(r["pid"], r["ktime"]) for r in sql(trace, at.replace("2450", str(time)))]
            want = replay_keys(trace, "--tree", "--at", str(time))
            assert sorted(got) == sorted(want), (name, time, got, want)


def main():
    passed = failed = skipped = 0
    folder = tempfile.mkdtemp(prefix="procrec-sql.")
    try:
        traces = make_traces(folder)
        checks = [("replay", check_replay, traces), ("processes", check_processes, traces), ("conditions", check_conditions, traces),
                  ("twins", check_twins, folder), ("bounded", check_bounded, traces), ("late-damage", check_late_damage, traces, folder),
                  ("columns", check_columns, traces), ("symbols", check_symbols), ("manual-lineage", check_manual_lineage, traces)]
        if shutil.which("sqlite3"):
            checks += [("shell", check_shell, traces), ("refused", check_refused, traces, folder), ("manual", check_manual, traces, folder)]
        else:
            skipped += 3
            print("sql: SKIPPED shell, refused, manual: there is no sqlite3 shell")
        if CAN_LOAD:
            checks += [("same-rows", check_same_rows, traces), ("extension-conditions", check_extension_conditions, traces),
                       ("life", check_life, traces, folder), ("rubbish", check_rubbish, traces, folder)]
        else:
            skipped += 4
            print(f"sql: SKIPPED same-rows, extension-conditions, life, rubbish: the sqlite3 of {sys.executable} cannot load extensions")
        for name, check, *args in checks:
            if os.environ.get("CASE", name) not in name:
                continue
            try:
                check(*args)
                passed += 1
            except AssertionError as e:
                failed += 1
                print(f"sql: FAILED {name}: {e}")
    finally:
        shutil.rmtree(folder)
    print(f"sql: {passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0


if __name__ == "__main__":
    if len(sys.argv) > 4:
        globals()[sys.argv[4]](*sys.argv[5:])
    else:
        sys.exit(main())
