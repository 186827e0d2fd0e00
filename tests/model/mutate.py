#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""mutate.py: does a test notice when a rule of the decoder or the cache changes?

Breaks the C files one token at a time: turns relations, conditions and bits round, moves constants by one, drops calls,
returns, assignments. All mutants go into one build, which is told by its environment which one to be (mutants.py); the few
that can't are built one by one. Each goes through the tests, the fastest first, until one fails: killed. What all tests
let pass survives, and is either a hole in the tests or, with a reason in mutants-equivalent.txt, no change of behaviour.

  mutate.py                          all mutants of replay/decode and replay/cache
  mutate.py --list                   what would be tried
  mutate.py --only cache.c:120       one file, or one line
  mutate.py --sample 100             a random hundred
  mutate.py --listed                 only those of mutants-equivalent.txt: is one of them killed after all?
  mutate.py --log FILE               keep the results; a second run goes on where the first one stopped

The first test is built in: the streams of compare.py, with the model's answers computed once. The others are commands
(--test, in this order), run in the scratch copy of the tree. Exit status: 0 when nothing survives that is not listed, and a
whole run kills at least 90 %, else 1.
"""
import argparse
import glob
import json
import multiprocessing
import os
import random
import signal
import sys
import time

from mutants import mutants_of, read_equivalents
from trial import HERE, ROOT, Test, Trial

FAST = ["test_" + name for name in ("fields", "decode", "cache", "arguments", "datamap", "audit", "memory", "session", "render")]
MORE = ["test_" + name for name in ("diff", "faults", "gaps", "index", "lineage", "recording", "redact", "timeline", "where")]
RULES = ["known*", "odd*", "audit*", "hostile*", "malformed*", "own*", "settings*", "at*", "select*", "limit*"]
TESTS = [
    Test("streams", "streams", ms=400),
    Test("unit tests", "units", FAST),
    Test("golden cases of the rules", "golden", RULES),
    Test("other golden cases", "golden", but=RULES),
    Test("more unit tests", "units", MORE, ms=15000),
    Test("unit tests, sanitized", "units", FAST, san=True),
    Test("streams, sanitized", "streams", san=True),
    Test("golden cases, sanitized", "golden", ["hostile*", "malformed*", "audit*", "own-frames.*"], san=True),
]

# --where is no rule of the decoder or the cache: it stands there because the recorder may see that folder.
FILES = ["replay/decode/*.[ch]", "replay/cache/*.[ch]", "!replay/cache/where.*", "!replay/cache/expr.*", "!replay/cache/columns.*",
         "!replay/cache/view.h"]

# ---- workers ---------------------------------------------------------------------------------------------------------

_trial = None


def _attempt(job):
    mutant, text = job
    start = time.monotonic()
    try:
        verdict, detail = _trial.attempt(mutant, text)
    except SystemExit as e:  # a pool would start another worker for ever
        raise RuntimeError(str(e))
    return mutant, verdict, detail, time.monotonic() - start


# ---- the whole -------------------------------------------------------------------------------------------------------

def collect(options):
    names = []
    for pattern in options.files:
        found = sorted(os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, pattern.lstrip("!"))))
        names = [n for n in names if n not in found] + (found if pattern[0] != "!" else [])
    if not names:
        sys.exit("mutate.py: no file matches %s" % " ".join(options.files))
    texts, out = {}, []
    for name in names:
        with open(os.path.join(ROOT, name), encoding="utf-8", errors="surrogateescape") as f:
            texts[name] = f.read()
        out += mutants_of(name, texts[name])
    for number, m in enumerate(out, 1):
        m.number = number
    return out, texts


def select(mutants, known, options):
    """Those that the options ask for."""
    if options.listed:
        mutants = [m for m in mutants if m.reason(known)]
    if options.only:
        wanted, _, line = options.only.partition(":")
        mutants = [m for m in mutants if m.path.endswith(wanted) and (not line or m.line == int(line))]
    if options.sample and options.sample < len(mutants):
        mutants = sorted(random.Random(options.seed).sample(mutants, options.sample), key=lambda m: m.number)
    return mutants


def show(mutant, verdict, detail):
    function = mutant.place[len(mutant.path):]
    print("%s:%d:%s %s (%s)%s\n  - %s\n  + %s" % (mutant.path, mutant.line, function and function + ":", verdict, mutant.kind,
                                                 " " + detail if detail else "", mutant.before, mutant.after), flush=True)


def summary(results, options):
    verdicts, files, by = ("killed", "survived", "equivalent", "invalid"), {}, {}
    for m, verdict, detail in results:
        row = files.setdefault(m.path, dict.fromkeys(verdicts, 0))
        row[verdict] += 1
        if verdict == "killed":
            by[detail] = by.get(detail, 0) + 1
    for detail, n in sorted(by.items(), key=lambda x: -x[1]):
        print("%6d killed by %s" % (n, detail))
    for path, row in sorted(files.items()):
        print("%6d mutants of %-26s %4d killed %4d survived %4d equivalent %4d invalid" % ((sum(row.values()), path) + tuple(row.values())))
    count = {v: sum(row[v] for row in files.values()) for v in verdicts}
    judged = count["killed"] + count["survived"] + count["equivalent"]
    share = 100.0 * count["killed"] / judged if judged else 100.0
    print("%d mutants, %d do not compile; of the others %d killed (%.1f %%), %d listed as equivalent, %d survived" %
          (len(results), count["invalid"], count["killed"], share, count["equivalent"], count["survived"]))
    few = share < options.goal and not (options.sample or options.only)
    print("check-mutation: %d passed, %d failed" % (count["killed"], count["survived"] + few))
    return 1 if count["survived"] or few else 0


def arguments():
    p = argparse.ArgumentParser(description="Mutation test of the decoder and the cache.")
    p.add_argument("--files", nargs="+", default=FILES, help="patterns; a ! in front takes away")
    p.add_argument("--only", metavar="FILE[:LINE]")
    p.add_argument("--sample", type=int, default=0)
    p.add_argument("--seed", type=int, default=0, help="of --sample")
    p.add_argument("--streams", type=int, default=40, help="streams in the built-in test")
    p.add_argument("--test", action="append", metavar="CMD", help="test command, repeatable; replaces the default ones")
    p.add_argument("--timeout", type=int, default=120, help="seconds for one test command")
    p.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument("--goal", type=float, default=90.0, help="percent that a whole run must kill")
    p.add_argument("--log", metavar="FILE", help="results, one JSON line each; what is in it is not tried again")
    p.add_argument("--retry", action="store_true", help="with --log: try again what survived")
    p.add_argument("--equivalents", default=os.path.join(HERE, "mutants-equivalent.txt"))
    p.add_argument("--listed", action="store_true", help="try those of the list of equivalents, and nothing else")
    p.add_argument("--list", action="store_true")
    p.add_argument("-v", "--verbose", action="store_true", help="print the killed ones too")
    options = p.parse_args()
    options.tests = TESTS if options.test is None else TESTS[:1] + [Test(t, "command", [t], ms=15000) for t in options.test if t]
    return options


def before(todo, known, options):
    """(what is known already, what is to be tried)"""
    results, jobs, done = [], [], {}
    if options.log and os.path.exists(options.log):
        with open(options.log) as f:
            done = {r["key"]: r for r in map(json.loads, f)}
        if options.retry:
            done = {k: r for k, r in done.items() if r["verdict"] != "survived"}
    for m in todo:
        old = done.get(m.key())
        if m.reason(known) and not options.listed:
            results.append((m, "equivalent", ""))
        elif old:
            results.append((m, old["verdict"], old["detail"]))
            if old["verdict"] == "survived":
                show(m, "survived", "(before)")
        else:
            jobs.append(m)
    return results, jobs


def phases(options):
    """The tests without sanitizers, then those with: few mutants get that far, and only they are built a second time."""
    return [p for p in ([t for t in options.tests if t.san == san] for san in (False, True)) if p]


def try_all(jobs, texts, tests, options):
    """Yields (mutant, verdict, detail, seconds)."""
    global _trial
    start = time.monotonic()
    _trial = Trial(tests, jobs, texts, options.streams, options.timeout)
    print("# %d mutants, %d of them built alone, %s sanitizers: ready after %.0f s" %
          (len(jobs), len(_trial.alone), "with" if tests[0].san else "without", time.monotonic() - start), flush=True)
    pool = multiprocessing.Pool(options.jobs, signal.signal, (signal.SIGINT, signal.SIG_IGN))
    try:
        for n, result in enumerate(pool.imap_unordered(_attempt, [(m, texts[m.path]) for m in jobs]), 1):
            if n % 100 == 0:
                print("# %d of %d, %.0f s" % (n, len(jobs), time.monotonic() - start), flush=True)
            yield result
    finally:
        pool.terminate()
        pool.join()
        _trial.remove()


def run(jobs, texts, results, options):
    numbers = {m.number: m for m in jobs}
    log = open(options.log, "a") if options.log else None
    todo = phases(options)
    for i, tests in enumerate(todo):
        left = []
        for m, verdict, detail, cost in try_all(jobs, texts, tests, options):
            if verdict == "survived" and i + 1 < len(todo):
                left.append(numbers[m.number])
                if options.verbose:
                    show(m, "lives on to the sanitizers", "%s (%.1f s)" % (detail, cost))
                continue
            results.append((m, verdict, detail))
            if log:
                print(json.dumps({"key": m.key(), "line": m.line, "verdict": verdict, "detail": detail, "s": round(cost, 2)}), file=log, flush=True)
            if verdict == ("killed" if options.listed else "survived") or options.verbose:
                show(m, verdict, "%s (%.1f s)" % (detail, cost))
        jobs = sorted(left, key=lambda m: m.number)
        if not jobs:
            return


def main():
    options = arguments()
    known = read_equivalents(options.equivalents)
    mutants, texts = collect(options)
    todo = select(mutants, known, options)
    if options.list:
        for m in todo:
            show(m, "would be tried", "")
        print("%d mutants" % len(todo))
        return 0
    results, jobs = before(todo, known, options)
    if jobs:
        try:
            run(jobs, texts, results, options)
        except KeyboardInterrupt:
            print("mutate.py: interrupted")
        except RuntimeError as e:
            print(e, file=sys.stderr)
            return 2
    if options.listed:
        wrong = sum(verdict == "killed" for _, verdict, _ in results)
        print("%d listed, %d of them killed all the same" % (len(results), wrong))
        return 1 if wrong else 0
    stale = set(known) - {(place, m.before, m.after) for m in mutants for place in (m.path, m.place)}
    for path, _, after in sorted(stale):
        print("mutate.py: %s is listed, but no mutant of %s" % (after, path))
    return summary(results, options)


if __name__ == "__main__":
    sys.exit(main())
