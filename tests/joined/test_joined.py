# SPDX-License-Identifier: BSD-2-Clause
"""
A directory of several segments is answered from its segments' indexes just as from its frames.

test_joined.py PROCREC SPLIT SAME GEN_TRACE SEEDS [short]: fixtures, a generated build and random streams become rotations of many shapes: cut at any frame, with
frames lost, recorders restarted, the last segment open, segments deleted by retention or by hand, cut short and damaged, indexes missing, stale,
damaged and exchanged. Each is asked everything there is to ask (same.c), and all views are compared byte for byte. short: of each trace a part of the
shapes, each of which comes up all the same, and fewer questions.
"""

import glob
import os
import random
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile

PROCREC, SPLIT, SAME, GEN = (os.path.abspath(p) for p in sys.argv[1:5])
SEEDS = int(sys.argv[5])
SHORT = sys.argv[6:] == ["short"]
KEYS = "80" if SHORT else "400"
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TREE, "tests", "model"))
import gen  # noqa: E402

ENV = dict(os.environ, LC_ALL="C", ASAN_OPTIONS="exitcode=99", UBSAN_OPTIONS="exitcode=99:print_stacktrace=1")


def run(*argv):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, timeout=600, check=False)
    return p.stdout, p.stderr, p.returncode


def segments(folder):
    return sorted(glob.glob(os.path.join(folder, "*.seg")))


# ---- what may have become of a rotation. Each takes the folder and a random.Random, and returns whether there was anything to do.

def as_written(folder, rnd):
    return True


def retention(folder, rnd):
    """The oldest are gone."""
    s = segments(folder)
    for path in s[:rnd.randint(1, max(1, len(s) // 2))] if len(s) > 1 else []:
        delete(path)
    return len(s) > 1


def delete(path):
    os.unlink(path)
    if os.path.exists(path + ".idx"):
        os.unlink(path + ".idx")


def one_lost(folder, rnd):
    s = segments(folder)
    if len(s) < 3:
        return False
    delete(rnd.choice(s[1:-1]))
    return True


def no_index(folder, rnd):
    for path in rnd.sample(segments(folder), 1):
        if os.path.exists(path + ".idx"):
            os.unlink(path + ".idx")
    return True


def few_indexes(folder, rnd):
    """All but some are missing."""
    for path in segments(folder):
        if rnd.random() < 0.7 and os.path.exists(path + ".idx"):
            os.unlink(path + ".idx")
    return True


def exchanged(folder, rnd):
    """Two segments have each other's index."""
    idx = glob.glob(os.path.join(folder, "*.idx"))
    if len(idx) < 2:
        return False
    a, b = rnd.sample(sorted(idx), 2)
    os.rename(a, a + "x")
    os.rename(b, a)
    os.rename(a + "x", b)
    return True


def damaged_index(folder, rnd):
    path = rnd.choice(sorted(glob.glob(os.path.join(folder, "*.idx"))) or [None])
    return path is not None and flip(path, rnd)


def flip(path, rnd):
    with open(path, "r+b") as f:
        data = bytearray(f.read())
        at = rnd.randrange(len(data))
        data[at] ^= 1 << rnd.randrange(8)
        f.seek(0)
        f.write(data)
    return True


def cut_short(folder, rnd):
    """A recorder was killed: one segment has no end, nor an index."""
    path = rnd.choice(segments(folder))
    with open(path, "r+b") as f:
        size = os.path.getsize(path)
        f.truncate(rnd.randint(min(size, 200), size))
    if os.path.exists(path + ".idx"):
        os.unlink(path + ".idx")
    return True


def damaged(folder, rnd):
    """A place of one segment was damaged, and its index made anew."""
    path = rnd.choice(segments(folder))
    with open(path, "r+b") as f:
        size = os.path.getsize(path)
        f.seek(rnd.randint(min(size - 1, 400), size - 1))
        f.write(b"\x55" * 3)
    run(PROCREC, "reindex", "-q", path)
    return True


def one_index(folder, rnd):
    """One of the whole, and then it is older than that."""
    run(PROCREC, "reindex", "-q", folder)
    if rnd.random() < 0.5 and len(segments(folder)) > 2:
        delete(segments(folder)[0])
    return True


SHAPES = [as_written, retention, one_lost, no_index, few_indexes, exchanged, damaged_index, cut_short, damaged, one_index]


# ---- an index that lies: what it says about its own segment is made up, its checksums are right -----------------------------

MASK = (1 << 64) - 1
PAGE, RESERVE = 4096, 8 # schema/index_vfs.h
JOINT = {"fact": 18, "old": 3, "step": 8, "lead": 3, "image": 12, "meta": 0}


def checksum(page, number):
    """As in schema/index_vfs.c."""
    a, b = (number * 0x9e3779b97f4a7c15 + 1) & MASK, 0x70726f63
    for i in range(0, PAGE - RESERVE, 8):
        a = ((a ^ int.from_bytes(page[i:i + 8], "little")) * 0xa0761d6478bd642f) & MASK
        a ^= a >> 32
        b = (b + a) & MASK
    return ((a ^ b) | 1).to_bytes(8, "little")


def a_lie(rnd, value):
    if not isinstance(value, int):
        return value
    return rnd.choice([0, 1, -1, value + 1, value - 1, value * 2, 1 << 31, (1 << 62) - 1, (1 << 63) - 1, -(1 << 63), rnd.getrandbits(20), ~value]) % (1 << 63)


def tell_lies(path, rnd):
    db = sqlite3.connect(path)
    names = [r[0] for r in db.execute("SELECT name FROM meta WHERE name NOT IN ('uuid', 'last_link', 'link', 'complete')")]
    for _ in range(rnd.randint(1, 6)):
        table = rnd.choice(sorted(JOINT))
        if table == "meta":
            name = rnd.choice(names)
            value = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()[0]
            db.execute("UPDATE meta SET value = ? WHERE name = ?", (a_lie(rnd, value), name))
            continue
        columns = [r[1] for r in db.execute(f"PRAGMA table_info({table})")]
        rows = db.execute(f"SELECT * FROM {table}").fetchall()
        row = list(rnd.choice(rows)) if rows else [rnd.getrandbits(12) for _ in columns]
        for k in range(len(row)):
            if rnd.random() < 0.4:
                row[k] = a_lie(rnd, row[k])
        try:
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES({','.join('?' * len(row))})", row)
        except (sqlite3.Error, OverflowError):
            pass
    db.commit()
    db.close()
    with open(path, "r+b") as f:
        data = bytearray(f.read())
        for n in range(len(data) // PAGE):
            data[n * PAGE + PAGE - RESERVE:(n + 1) * PAGE] = checksum(data[n * PAGE:(n + 1) * PAGE], n)
        f.seek(0)
        f.write(data)


def lying(scratch, tally, rounds):
    """Whatever an index says, questions end, and nothing breaks; that its page was taken for good is seen by how it is spoken of."""
    trace, folder, used = os.path.join(scratch, "build.seg"), os.path.join(scratch, "d"), 0
    for seed in range(rounds):
        rnd = random.Random(seed)
        shutil.rmtree(folder, ignore_errors=True)
        run(SPLIT, trace, folder, "150", str(seed))
        for path in rnd.sample(sorted(glob.glob(os.path.join(folder, "*.idx"))), 2):
            tell_lies(path, rnd)
        for argv in questions(folder, rnd):
            out, err, status = run(PROCREC, *argv)
            used += b"malformed" not in err and b"damaged" not in err
            if status not in (0, 1, 3) or (status == 3 and not err):
                tally.problems.append(f"a lying index (seed {seed}): {' '.join(argv)}: status {status}: {err.decode('utf-8', 'replace')[-300:]}")
        tally.passed += 1
    if not used:
        tally.problems.append("no lying index was read")


def all_of(folder, rnd):
    for shape in rnd.sample([s for s in SHAPES if s not in (one_index, all_of)], 3):
        shape(folder, rnd)
    return True


SHAPES.append(all_of)

# ---- comparing ---------------------------------------------------------------------------------------------------------------


def questions(folder, rnd):
    """Command lines, without --no-index."""
    out, _, _ = run(PROCREC, "sql", folder, "SELECT pid, ktime, end_ktime FROM processes", "--no-header", "--no-index")
    rows = [line.split(b"\t") for line in out.splitlines()]
    pids = sorted({r[0].decode() for r in rows if r[0].isdigit()})
    times = sorted({t.decode() for r in rows for t in r[1:] if t.isdigit()})
    ask = [["--tree"], ["--tree", "--json"], ["--gaps"]]
    for pid in rnd.sample(pids, min(3, len(pids))):
        ask += [["--ancestry", pid], ["--ancestry", pid, "--json"], ["--descendants", pid], ["--why", pid, "--json"]]
        if times:
            ask += [["--ancestry", pid, "--at", rnd.choice(times)], ["--descendants", pid, "--at", rnd.choice(times)]]
    for t in rnd.sample(times, min(3, len(times))):
        ask += [["--tree", "--at", t], ["--tree", "--at", t, "--json"]]
    return [["replay", folder, *a] for a in ask] + [["sql", folder, "SELECT * FROM " + view] for view in ("processes", "gaps", "blocks")]


# Notes on which index was used are no part of the answer.
INDEX_NOTE = re.compile(rb"^procrec: [^\n]*\.idx: [^\n]*\n|^procrec: [^\n]*(answering from the frames instead|built from the frames instead)[^\n]*\n", re.M)


def views(folder, rnd):
    problems = []
    for argv in questions(folder, rnd):
        a, b = run(PROCREC, *argv), run(PROCREC, *argv, "--no-index")
        for what, x, y in zip(("another output", "other messages", "another status"), (a[0], INDEX_NOTE.sub(b"", a[1]), a[2]), (b[0], INDEX_NOTE.sub(b"", b[1]), b[2])):
            if what == "other messages": # asked again, it says them again
                x, y = sorted(set(x.splitlines())), sorted(set(y.splitlines()))
            if x != y:
                problems.append(f"{' '.join(argv)}: {what} than with --no-index")
    return problems


def everything(folder, count, rnd, may_break):
    out, err, status = run(SAME, folder, KEYS)
    word = out.split(b" ")[0].strip().decode("latin-1")
    if word == "apart":
        reason = re.sub(r"\S+/|[0-9]{12}", "", out.decode("latin-1")).strip()
        count[reason] = count.get(reason, 0) + 1
    count[word] = count.get(word, 0) + 1
    if status == 2 and b"same: " + folder.encode() in err: # no readable segment: for both ways
        return [] if run(PROCREC, "replay", folder, "--tree", "--no-index")[2] > 1 else [err.decode("latin-1")]
    if status == 3 and may_break: # found only when it was read: the program then asks the frames
        return views(folder, rnd)
    return [] if status == 0 else [(out + err).decode("latin-1")]


def traces(scratch):
    """(name, file, frames to a segment)"""
    for path in sorted(glob.glob(os.path.join(TREE, "fixtures", "v1", "*.seg"))):
        if os.path.basename(path) != "empty.seg":
            yield os.path.basename(path), path, 7
    path = os.path.join(scratch, "build.seg")
    run(GEN, path, "250", "60") # pids are used again and again
    yield "build", path, 60
    for seed in range(SEEDS):
        raw, seg = os.path.join(scratch, "raw"), os.path.join(scratch, f"random-{seed}.seg")
        with open(raw, "wb") as f:
            f.write(gen.stream(seed, 40 + seed * 37 % 400))
        run(PROCREC, "pack", raw, "-o", seg, "--hostname", "h", "--user", "0=root")
        yield f"random-{seed}", seg, 30


MODES = [[], ["groups"], ["lose"], ["restart"], ["open"], ["lose", "restart", "open"], ["groups", "lose", "open"]]


def plan(n, name):
    """(mode, shapes) for the n-th trace."""
    modes = [MODES[(n * 3 + k) % len(MODES)] for k in range(3)] if SHORT else MODES
    for m, mode in enumerate(modes):
        if SHORT:
            yield mode, [SHAPES[0], SHAPES[1 + (n * 3 + m) % (len(SHAPES) - 1)]]
        else:
            yield mode, [SHAPES[0], *random.Random(n * 10 + m).sample(SHAPES[1:], 1 if name == "build" else 3)]


class Tally:
    def __init__(self):
        self.passed, self.problems, self.count, self.tried = 0, [], {}, set()

    def one(self, folder, name, mode, shape, seed):
        rnd = random.Random(seed)
        copy = os.path.join(os.path.dirname(folder), "c")
        shutil.rmtree(copy, ignore_errors=True)
        if os.path.exists(copy + ".idx"):
            os.unlink(copy + ".idx")
        shutil.copytree(folder, copy)
        if not shape(copy, rnd):
            return
        before = self.count.get("same", 0)
        bad = everything(copy, self.count, rnd, shape in (damaged_index, all_of))
        # Falling back always would be the same as well.
        if shape == as_written and name == "build" and self.count.get("same", 0) == before:
            bad.append("it was not joined")
        if seed % 23 == 0:
            bad += views(copy, rnd)
        self.passed += not bad
        self.tried |= {shape.__name__, " ".join(mode)}
        self.problems += [f"{name} {' '.join(mode)} {shape.__name__} (seed {seed}): {b}" for b in bad]
        if bad and "KEEP" in os.environ:
            shutil.copytree(copy, os.path.join(os.environ["KEEP"], f"{name}-{seed}-{shape.__name__}"))

    def all_were_tried(self):
        for what in [*(s.__name__ for s in SHAPES), *(" ".join(m) for m in MODES)]:
            if what not in self.tried:
                self.problems.append(f"nothing was {what or 'split plainly'}")


def few_descriptors(scratch, tally):
    """A directory of more segments than a process usually may open files: as many as it may be allowed, then the frames, then a clear word."""
    trace, folder = os.path.join(scratch, "build.seg"), os.path.join(scratch, "d")
    shutil.rmtree(folder, ignore_errors=True)
    run(SPLIT, trace, folder, "4", "1")
    n, want = len(segments(folder)), run(PROCREC, "replay", folder, "--tree")
    for soft, hard, ok in ((n // 2, 2 * n + 100, True), (n // 2, n + n // 2, True), (n // 2, n, False)):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, FILES[1]))
        got = run("/bin/sh", "-c", f"ulimit -Hn {hard} && exec \"$@\"", "sh", PROCREC, "replay", folder, "--tree")
        resource.setrlimit(resource.RLIMIT_NOFILE, FILES)
        good = got[::2] == want[::2] if ok else got[2] == 4 and b"ulimit -n" in got[1]
        tally.passed += good
        if n < 150 or not good:
            tally.problems.append(f"{n} segments, {hard} files at most: status {got[2]}, {got[1].decode()}")


def main():
    scratch = tempfile.mkdtemp(prefix="procrec-joined.")
    tally = Tally()
    try:
        for n, (name, trace, frames) in enumerate(traces(scratch)):
            for m, (mode, shapes) in enumerate(plan(n, name)):
                folder = os.path.join(scratch, "d")
                shutil.rmtree(folder, ignore_errors=True)
                _, err, status = run(SPLIT, trace, folder, str(frames), str(n * 10 + m), *mode)
                if status:
                    tally.problems.append(f"{name} {mode}: {err.decode()}")
                for k, shape in enumerate(shapes if os.path.isdir(folder) else []):
                    tally.one(folder, name, mode, shape, n * 1000 + m * 100 + k)
        few_descriptors(scratch, tally)
        lying(scratch, tally, 3 if SHORT else 100)
    finally:
        shutil.rmtree(scratch)
    tally.all_were_tried()
    for p in tally.problems[:20]:
        print(p)
    print(f"  asked: {tally.count}")
    print(f"joined: {tally.passed} passed, {len(tally.problems)} failed")
    return bool(tally.problems)


if __name__ == "__main__":
    sys.exit(main())
