#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""mutate.py: does a test notice when a rule of the decoder or the cache changes?

Breaks the C files one token at a time: turns relations and logic round, moves constants by one, drops calls, returns,
assignments. Each mutant is built in a scratch copy of the tree (one object file and a link) and put through the tests,
the fastest first, until one fails: killed. What all tests let pass survives, and is either a hole in the tests or, with
a reason in mutants-equivalent.txt, no change of behaviour at all.

  mutate.py                          all mutants of replay/decode and replay/cache
  mutate.py --list                   what would be tried
  mutate.py --only cache.c:120       one file, or one line
  mutate.py --sample 100             a random hundred
  mutate.py --log FILE               keep the results; a second run goes on where the first one stopped

The first test is built in: the streams of compare.py, with the model's answers computed once. The others are commands
(--test, in this order), run in the scratch copy. Exit status: 0 when no more than 10 % survive, else 1.
"""
import argparse
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import compare
import gen

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MAKE = ["make", "-s", "--no-print-directory", "BPF=0", "OPT=-O0", "CFLAGS_EXTRA=-Wno-error"]
PLAIN = " ".join(MAKE) + " "
SAN = "make -s --no-print-directory O=build/san SAN=address,undefined BPF=0 OPT=-O0 CFLAGS_EXTRA=-Wno-error "
UNITS = " ".join("build{0}/tests/unit/test_" + name for name in ("fields", "decode", "cache", "datamap", "audit", "session", "render"))
CASES = "CASE='known* odd* audit* hostile* malformed* own* settings* at* select* v1*' "
TESTS = [
    "%s %s && tests/run-unit.sh %s" % (PLAIN, UNITS.format(""), UNITS.format("")),
    CASES + PLAIN + "check-golden",
    "%s %s && tests/run-unit.sh %s" % (SAN, UNITS.format("/san"), UNITS.format("/san")),
    SAN + "MODEL_SEEDS=40 check-model",
    CASES + SAN + "check-golden",
    PLAIN + "check-unit check-golden",
]
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else", "case", "goto"}

# ---- finding mutants -------------------------------------------------------------------------------------------------

MASK = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', re.S | re.M)
RELATIONS = {"==": ["!="], "!=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
             "&&": ["||"], "||": ["&&"]}
TOKEN = re.compile(r"<<=|>>=|->|<<|>>|\+\+|--|[-+*/%&|^=!<>]=|&&|\|\||[<>!]|(?<=[\w)\]] )[-+](?= )")
NUMBER = re.compile(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)(?![\w.])")
MACRO = re.compile(r"\b(?!PR_E[A-Z]+\b)(?!NULL\b|UINT|INT|SIZE_MAX)[A-Z][A-Z0-9]*_[A-Z0-9_]+\b(?!\()")
CALL = re.compile(r"^(\t+)((?:\(void\))?([A-Za-z_]\w*)(?:(?:->|\.)\w+)*\((?:[^;{}])*\);)", re.M)
ASSIGN = re.compile(r"^(\t+)(\*?[A-Za-z_][\w.\[\]]*(?:->[\w.\[\]]+)*(?: [-+|&^*]?= [^;{}]*|\+\+|--);)", re.M)
PREFIX = re.compile(r"^(\t+)((?:\+\+|--)[^;{}]*;)", re.M)
JUMP = re.compile(r"^(\t+)((?:return\b[^;{}]*|break|continue);)(?!\s*\n\})", re.M)


def masked(text):
    """The text with comments, strings, characters and preprocessor lines blanked, offsets unchanged."""
    return MASK.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


class Mutant:
    def __init__(self, path, text, start, end, new, kind):
        self.path, self.start, self.end, self.new, self.kind = path, start, end, new, kind
        self.line = text.count("\n", 0, start) + 1
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        self.before = " ".join(text[first:last].split())
        self.after = " ".join((text[first:start] + new + text[end:last]).split())
        self.column = start - first + 1

    def key(self):
        return "%s|%s|%s|%d" % (self.path, self.before, self.after, self.column)

    def apply(self, text):
        return text[:self.start] + self.new + text[self.end:]


def mutants_of(path, text):
    clean, out = masked(text), []

    def add(start, end, new, kind):
        out.append(Mutant(path, text, start, end, new, kind))

    for m in TOKEN.finditer(clean):
        t = m.group()
        for new in RELATIONS.get(t, ()):
            add(m.start(), m.end(), new, "relation")
        if t == "!":
            add(m.start(), m.end(), "", "not")
        elif t in "+-":
            add(m.start(), m.end(), "-" if t == "+" else "+", "arithmetic")
        elif t in ("+=", "-="):
            add(m.start(), m.end(), "-=" if t == "+=" else "+=", "arithmetic")
        elif t in ("++", "--"):
            add(m.start(), m.end(), "--" if t == "++" else "++", "arithmetic")
    for m in NUMBER.finditer(clean):
        digits, suffix = m.groups()
        value = int(digits, 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" and len(digits) > 1 else 10)
        for new in (value + 1, value - 1):
            if new >= 0:
                add(m.start(), m.end(), str(new) + suffix, "constant")
    for m in MACRO.finditer(clean):
        add(m.start(), m.end(), "(%s + 1)" % m.group(), "constant")
    for pattern, kind in ((CALL, "call"), (ASSIGN, "assignment"), (PREFIX, "assignment"), (JUMP, "jump")):
        for m in pattern.finditer(clean):
            if kind == "call" and m.group(3) in KEYWORDS:
                continue
            add(m.start(2), m.end(2), ";", kind)
    out.sort(key=lambda x: (x.start, x.end, x.new))
    return out


def read_equivalents(path):
    """{(file, before, after): reason}; blocks of `file`, `- line`, `+ line`, `= reason`."""
    known, name, before, after = {}, None, None, None
    if not os.path.exists(path):
        return known
    with open(path) as f:
        for line in f:
            line = " ".join(line.split())
            if not line or line[0] == "#":
                continue
            if line.startswith("- "):
                before = line[2:]
            elif line.startswith("+ "):
                after = line[2:]
            elif line.startswith("= "):
                known[(name, before, after)] = line[2:]
            else:
                name = line
    return known


# ---- trying one ------------------------------------------------------------------------------------------------------

class Scratch:
    """A copy of the tree that is built once; each mutant changes one file of it and rebuilds what hangs on that."""

    def __init__(self, options):
        self.options = options
        self.dir = tempfile.mkdtemp(prefix="procrec-mutate-")
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard"], stdout=subprocess.PIPE, check=True)
        for name in filter(None, listed.stdout.decode().split("\0")):
            source = os.path.join(ROOT, name)
            if os.path.exists(source):
                target = os.path.join(self.dir, name)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        self.procrec = os.path.join(self.dir, "build", "procrec")
        status, text = self.run(MAKE + ["-j2", "build/procrec"], 600)
        if status:
            self.fail("mutate.py: the unchanged tree does not build:\n" + text[-3000:])
        self.prepare()
        self.check_unchanged()

    def prepare(self):
        """The streams of the built-in test: packed once, with the answers of the model."""
        self.streams, script = [], []
        folder = os.path.join(self.dir, "streams")
        os.mkdir(folder)
        for i, seed in enumerate(range(self.options.streams)):
            long = i % 10 in (4, 5)  # the default limits, and enough frames for every table to grow
            raw, settings = gen.stream(seed, 3000 if long else 400), gen.settings_of(seed)
            base = os.path.join(folder, str(i))
            with open(base + ".raw", "wb") as f:
                f.write(raw)
            commands = compare.commands("$P", settings, compare.until_of(raw), base).replace("'$P'", "$P").split("\n")
            script.append(commands[0] + "; [ $(tail -1 %s.rc) -le 1 ] || exit 9" % base)
            _, lines = compare.model_of(raw, settings)
            want = [("".join(line + "\n" for line in lines[view])).encode() for view in compare.VIEWS]
            self.streams.append((base, commands[2:-1], want))
        status, text = self.run(["sh", "-c", "P=%s\n" % self.procrec + "\n".join(script)], 600)
        wrong = text if status else self.quick(self.procrec, self.streams)
        if wrong:
            self.fail("mutate.py: the unchanged tree fails the built-in test:\n" + wrong[-3000:])

    def run(self, command, timeout, shell=False):
        """(exit status, output); a run past the timeout is ended with all its children and counts as failed."""
        p = subprocess.Popen(command, shell=shell, cwd=self.dir, env=compare.ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True)
        try:
            text = p.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.communicate()
            return 124, "timeout"
        return p.returncode, text.decode("utf-8", "replace")

    def quick(self, procrec, streams):
        """None, or what is wrong. Eight streams at a time, so that most mutants cost a few milliseconds."""
        for at in range(0, len(streams), 8):
            part, script = streams[at:at + 8], ["P=%s; ulimit -t 1 -v 4000000" % procrec]
            for _, commands, _ in part:
                script += [re.sub(r"; echo \$\? >>\S+$", " || [ $? -eq 1 ] || exit 9", c) for c in commands]
            status, text = self.run(["sh", "-c", "\n".join(script)], 20)
            if status:
                return "exit status %d %s" % (status, text[-200:])
            for base, _, want in part:
                for view, expected in zip(compare.VIEWS, want):
                    if compare.answer(view, compare.slurp(base + "." + view)) != expected:
                        return "%s of %s" % (compare.NAMES[view], base)
        return None

    def write(self, path, text):
        with open(os.path.join(self.dir, path), "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write(text)

    def fail(self, message):
        shutil.rmtree(self.dir, ignore_errors=True)
        sys.exit(message)

    def check_unchanged(self):
        for command in self.options.test:
            status, text = self.run(command, 1200, True)  # the first time it builds everything
            if status:
                self.fail("mutate.py: the unchanged tree fails `%s`:\n%s" % (command, text[-3000:]))

    def attempt(self, mutant, text):
        """(verdict, detail): 'killed' by a test, 'survived', or 'invalid' when it does not compile."""
        self.write(mutant.path, mutant.apply(text))
        try:
            status, out = self.run(MAKE + ["build/procrec"], 120)
            if status:
                return "invalid", out.strip().split("\n")[-1][:200]
            if self.quick(self.procrec, self.streams):
                return "killed", "streams"
            for command in self.options.test:
                if self.run(command, self.options.timeout, True)[0]:
                    return "killed", command
            return "survived", ""
        finally:
            self.write(mutant.path, text)


_scratch, _broken = None, None


def _start(options):
    """A worker that cannot start says so with its first job: a pool would replace it for ever."""
    global _scratch, _broken
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _scratch = Scratch(options)
    except SystemExit as e:
        _broken = str(e)


def _attempt(job):
    mutant, text = job
    if _broken:
        raise RuntimeError(_broken)
    start = time.monotonic()
    verdict, detail = _scratch.attempt(mutant, text)
    return mutant, verdict, detail, time.monotonic() - start


def _stop(_):
    """The scratch copy goes with its worker."""
    global _scratch
    if _scratch:
        shutil.rmtree(_scratch.dir, ignore_errors=True)
        _scratch = None
    time.sleep(0.2)  # so that each worker gets one of these


# ---- the whole -------------------------------------------------------------------------------------------------------

def collect(options):
    import glob
    names = []
    for pattern in options.files:
        names += sorted(os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, pattern)))
    if not names:
        sys.exit("mutate.py: no file matches %s" % " ".join(options.files))
    texts, out = {}, []
    for name in names:
        with open(os.path.join(ROOT, name), encoding="utf-8", errors="surrogateescape") as f:
            texts[name] = f.read()
        out += mutants_of(name, texts[name])
    if options.only:
        wanted, _, line = options.only.partition(":")
        out = [m for m in out if m.path.endswith(wanted) and (not line or m.line == int(line))]
    if options.sample and options.sample < len(out):
        out = random.Random(options.seed).sample(out, options.sample)
        out.sort(key=lambda m: (m.path, m.start))
    return out, texts


def show(mutant, verdict, detail):
    print("%s:%d: %s (%s)%s\n  - %s\n  + %s" % (mutant.path, mutant.line, verdict, mutant.kind, " " + detail if detail else "",
                                               mutant.before, mutant.after), flush=True)


def summary(results, options):
    count = {v: sum(1 for _, verdict, _ in results if verdict == v) for v in ("killed", "survived", "equivalent", "invalid")}
    judged = count["killed"] + count["survived"]
    share = 100.0 * count["killed"] / judged if judged else 100.0
    by = {}
    for _, verdict, detail in results:
        if verdict == "killed":
            by[detail] = by.get(detail, 0) + 1
    for detail, n in sorted(by.items(), key=lambda x: -x[1]):
        print("%6d killed by %s" % (n, detail))
    print("%d mutants: %d killed, %d survived, %d equivalent (listed), %d did not compile: %.1f %% killed" %
          (len(results), count["killed"], count["survived"], count["equivalent"], count["invalid"], share))
    return 0 if share >= options.goal else 1


def main():
    p = argparse.ArgumentParser(description="Mutation test of the decoder and the cache.")
    p.add_argument("--files", nargs="+", default=["replay/decode/*.c", "replay/cache/*.c"])
    p.add_argument("--only", metavar="FILE[:LINE]")
    p.add_argument("--sample", type=int, default=0)
    p.add_argument("--seed", type=int, default=0, help="of --sample")
    p.add_argument("--streams", type=int, default=40, help="streams in the built-in test")
    p.add_argument("--test", action="append", metavar="CMD", help="test command, repeatable; replaces the default ones")
    p.add_argument("--timeout", type=int, default=120, help="seconds for one test command")
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--goal", type=float, default=90.0, help="percent that must be killed")
    p.add_argument("--log", metavar="FILE", help="results, one JSON line each; what is in it is not tried again")
    p.add_argument("--retry", action="store_true", help="with --log: try again what survived")
    p.add_argument("--equivalents", default=os.path.join(HERE, "mutants-equivalent.txt"))
    p.add_argument("--list", action="store_true")
    p.add_argument("-v", "--verbose", action="store_true", help="print the killed ones too")
    options = p.parse_args()
    options.test = [t for t in (TESTS if options.test is None else options.test) if t]
    todo, texts = collect(options)
    if options.list:
        for m in todo:
            show(m, "would be tried", "")
        print("%d mutants" % len(todo))
        return 0
    known, results, jobs, done = read_equivalents(options.equivalents), [], [], {}
    if options.log and os.path.exists(options.log):
        with open(options.log) as f:
            done = {r["key"]: r for r in map(json.loads, f)}
        if options.retry:
            done = {k: r for k, r in done.items() if r["verdict"] != "survived"}
    for m in todo:
        old = done.get(m.key())
        if (m.path, m.before, m.after) in known:
            results.append((m, "equivalent", ""))
        elif old:
            results.append((m, old["verdict"], old["detail"]))
            if old["verdict"] == "survived":
                show(m, "survived", "(before)")
        else:
            jobs.append((m, texts[m.path]))
    start = time.monotonic()
    log = open(options.log, "a") if options.log else None
    with multiprocessing.Pool(options.jobs, _start, (options,)) as pool:
        try:
            for n, (m, verdict, detail, cost) in enumerate(pool.imap(_attempt, jobs), 1):
                results.append((m, verdict, detail))
                if log:
                    print(json.dumps({"key": m.key(), "line": m.line, "verdict": verdict, "detail": detail}), file=log, flush=True)
                if verdict == "survived" or options.verbose:
                    show(m, verdict, "%s (%.1f s)" % (detail, cost))
                if n % 100 == 0:
                    print("# %d of %d, %.0f s" % (n, len(jobs), time.monotonic() - start), flush=True)
        except KeyboardInterrupt:
            print("mutate.py: interrupted")
        except RuntimeError as e:
            print(e, file=sys.stderr)
            return 2
        pool.map(_stop, range(options.jobs), 1)
    return summary(results, options)


if __name__ == "__main__":
    sys.exit(main())
