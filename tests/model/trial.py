# SPDX-License-Identifier: BSD-2-Clause
"""trial.py: one mutant through the tests of mutate.py. Scratch trees, the build that holds all mutants, which test meets which.

Before anything is changed each test runs once; every function with mutants says then which test came by. A mutant is put
only through the tests that meet its function: no other can tell a difference.
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile

import compare
import gen
from mutants import SELECTOR, blamed, instrument

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FLAGS = "BPF=0 OPT=-O0 CFLAGS_EXTRA=-w "
MAKE = {False: "make -s --no-print-directory " + FLAGS, True: "make -s --no-print-directory O=build/san SAN=address,undefined " + FLAGS}
BUILD = {False: "build", True: "build/san"}
SHM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Test:
    """kind: streams, units (what: programs), golden (what, but: patterns of cases), command (what: [a shell command])."""

    def __init__(self, label, kind, what=("*",), but=(), san=False, ms=1500):
        self.label, self.kind, self.what, self.san = label, kind, list(what), san
        self.ms = 30 * ms if san else ms  # the CPU time that one process may take: endless loops end here
        self.wanted, self.but = [re.compile("|".join(p.replace(".", r"\.").replace("*", ".*") for p in ps) or "-") for ps in (what, but)]

    def wants(self, case):
        return self.wanted.fullmatch(case) and not self.but.fullmatch(case)


class Tree:
    """A scratch copy of the tree."""

    def __init__(self, folder):
        self.dir = folder
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard"], stdout=subprocess.PIPE, check=True)
        for name in filter(None, listed.stdout.decode().split("\0")):
            source, target = os.path.join(ROOT, name), os.path.join(self.dir, name)
            if os.path.exists(source):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)

    def write(self, path, text):
        with open(os.path.join(self.dir, path), "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write(text)

    def run(self, command, timeout, env=None, cwd=None):
        """(exit status, output) of a shell command; a run past the timeout is ended with all its children and counts as failed."""
        env = dict(compare.ENV, **(env or {}))
        env["ASAN_OPTIONS"] += ":hard_rss_limit_mb=4000"
        p = subprocess.Popen(["sh", "-c", command], cwd=cwd or self.dir, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, start_new_session=True)
        try:
            text = p.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.communicate()
            return 124, "timeout"
        return p.returncode, text.decode("utf-8", "replace")

    def build(self, targets, san=False):
        status, text = self.run(MAKE[san] + targets, 1800)
        if status:
            raise SystemExit("mutate.py: the tree does not build (%s):\n%s" % (targets, text[-3000:]))


class Streams:
    """The built-in test: streams packed once, with the answers of the model."""

    def __init__(self, tree, count):
        self.parts, folder = [], os.path.join(tree.dir, "streams")
        os.mkdir(folder)
        for i in range(count):
            long = i % 10 in (4, 5)  # the default limits, and enough frames for every table to grow
            raw, settings = gen.stream(i, 3000 if long else 400), gen.settings_of(i)
            base = os.path.join(folder, str(i))
            with open(base + ".raw", "wb") as f:
                f.write(raw)
            pack, replay, alone = [" ".join(shlex.quote(os.fsdecode(o)) for o in opts) for opts in gen.options(settings)]
            status, text = tree.run("build/procrec pack %s.raw -o %s.seg %s; [ $? -le 1 ]" % (base, base, pack), 60)
            if status:
                raise SystemExit("mutate.py: the unchanged program can't pack a stream:\n" + text)
            lines = compare.model_of(raw, settings)[1]
            for view, command in compare.VIEWS.items():
                shell = "GOLDEN_CASE=stream.%s $P %s %s %s >%s 2>/dev/null || [ $? -eq 1 ] || exit 9" % (
                    view, command.format(b=base, n=compare.until_of(raw)), replay, "" if view == "au" else alone, view + str(i))
                self.parts.append((shell, view, view + str(i), "".join(line + "\n" for line in lines[view]).encode()))

    def wrong(self, tree, views, san, ms, env):
        """None, or what is wrong. Some runs at a time, so that most mutants cost little."""
        parts = [p for p in self.parts if p[1] in views]
        with tempfile.TemporaryDirectory(prefix="procrec-mutate-", dir=SHM) as out:
            for at in range(0, len(parts), 24):
                part = parts[at:at + 24]
                script = ["P=%s/%s/procrec" % (tree.dir, BUILD[san]), "ulimit -t 60" + ("" if san else " -v 4000000")] + [p[0] for p in part]
                status, text = tree.run("\n".join(script), 600 if san else 60, dict(env, PR_MUTANT_MS=str(ms)), out)
                if status:
                    return "exit status %d %s" % (status, text[-200:])
                for _, view, name, want in part:
                    if compare.answer(view, compare.slurp(os.path.join(out, name))) != want:
                        return "%s %s" % (compare.NAMES[view], name)
        return None


class Trial:
    """The build that holds most mutants, and for each worker a tree of its own for those that it does not hold."""

    def __init__(self, tests, mutants, texts, streams, timeout):
        self.tests, self.timeout, self.home = tests, timeout, tempfile.mkdtemp(prefix="procrec-mutate-")
        self.all, self.one = Tree(os.path.join(self.home, "all")), None
        self.invalid, self.alone, self.reach = set(), set(), {0: set()}  # reach: 0 any function
        try:
            self.prepare(mutants, texts, streams)
        except BaseException:
            self.remove()
            raise

    def remove(self):
        shutil.rmtree(self.home, ignore_errors=True)

    def prepare(self, mutants, texts, streams):
        self.all.write("base/mutant.c", SELECTOR)
        self.all.build("build/libprocrec-base.a")
        with open(os.path.join(self.all.dir, "build", ".flags")) as f:
            self.compiler = f.read() + " -fmax-errors=0 -fsyntax-only -x c "
        for path in sorted({m.path for m in mutants}, key=lambda p: (p[-1] == "c", p)):
            self.put(path, texts[path], [m for m in mutants if m.path == path])
        self.all.build("-j2 build/procrec")
        self.streams = Streams(self.all, streams)
        log = os.path.join(self.all.dir, "reached")
        for test in self.tests:
            wrong = self.failed(self.all, test, None, {"PR_MUTANT_REACH": log}, 1800)
            if wrong:
                raise SystemExit("mutate.py: the unchanged tree fails the %s:\n%s" % (test.label, wrong[-3000:]))
        with open(log) as f:
            for line in f:
                function, test = line.split()
                self.reach.setdefault(int(function), set()).add(test)
                self.reach[0].add(test)

    def put(self, path, text, mutants):
        """All mutants of a file into the tree, without those that do not compile."""
        while True:
            new, left = instrument(path, text, [m for m in mutants if m.number not in self.invalid])
            self.all.write(path, new)
            status, errors = self.all.run(self.compiler + path, 300)
            if not status:
                self.alone.update(m.number for m in left)
                return
            found = blamed(errors) - self.invalid
            if not found:
                raise SystemExit("mutate.py: %s does not compile with its mutants in it:\n%s" % (path, errors[:3000]))
            self.invalid |= found

    def failed(self, tree, test, met, env, timeout):
        """None, or what is wrong. met: the names of the tests that come by; None: all."""
        make, build = MAKE[test.san], BUILD[test.san]
        if test.kind == "streams":
            views = [v for v in compare.VIEWS if met is None or "stream." + v in met]
            if views:
                tree.build(build + "/procrec", test.san)
            return self.streams.wrong(tree, views, test.san, test.ms, env) if views else None
        if test.kind == "units":
            programs = " ".join("%s/tests/unit/%s" % (build, t) for t in test.what if met is None or t in met)
            command = "%s -j2 %s && tests/run-unit.sh %s" % (make, programs, programs) if programs else ""
        elif test.kind == "golden":
            cases = test.what if met is None else sorted(filter(test.wants, met))
            env, command = dict(env, CASE=" ".join(cases), FIRST="1"), make + "check-golden" if cases else ""
        else:
            command = test.what[0]
        if not command:
            return None
        status, text = tree.run("ulimit -t 900; " + command, timeout, dict(env, PR_MUTANT_MS=str(test.ms)))
        return (text or "exit status %d" % status) if status else None

    def judge(self, tree, met, env):
        for test in self.tests:
            # A sanitizer that gets no memory from a busy machine fails too: only what fails again is a kill.
            if all(self.failed(tree, test, met, env, self.timeout) for _ in range(1 + test.san)):
                return "killed", test.label
        return "survived", "" if met else "no test comes by"

    def attempt(self, mutant, text):
        """(verdict, detail): 'killed' by a test, 'survived', or 'invalid' when it does not compile."""
        if mutant.number in self.invalid:
            return "invalid", ""
        if mutant.number not in self.alone:
            return self.judge(self.all, self.reach.get(mutant.function, set()), {"PR_MUTANT": str(mutant.number)})
        if not self.one:
            self.one = Tree(os.path.join(self.home, str(os.getpid())))
            self.one.build("build/procrec")
        self.one.write(mutant.path, mutant.apply(text))
        try:
            if self.one.run(MAKE[False] + "build/procrec", 300)[0]:
                return "invalid", ""
            return self.judge(self.one, self.reach[0], {})
        finally:
            self.one.write(mutant.path, text)
