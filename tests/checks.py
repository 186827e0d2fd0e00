# SPDX-License-Identifier: BSD-2-Clause
"""checks.py: what tests of a command share that are more than golden files: the program, traces, verdicts."""
import os
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PROCREC = os.path.abspath(os.environ.get("PROCREC", os.path.join(ROOT, "build", "procrec")))
WRAP = os.environ.get("WRAP", "").split()


def run(*args, cwd=None):
    """(status, stdout as bytes, stderr as text)"""
    p = subprocess.run([*WRAP, PROCREC, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, cwd=cwd)
    return p.returncode, p.stdout, p.stderr.decode()


def trace_of(name, here, tmp):
    """The segment of NAME.frames, which stands in the test's own folder or among the fixtures; None: procrec can't make it."""
    seg = os.path.join(tmp, name + ".seg")
    if os.path.exists(seg):
        return seg
    folder = here if os.path.exists(os.path.join(here, name + ".frames")) else os.path.join(ROOT, "fixtures", "src")
    return None if run("asm", name + ".frames", "-o", seg, cwd=folder)[0] else seg


class Checks:
    """Verdicts, counted. Called with a name and the problem; without one it passed."""

    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, 0

    def __call__(self, name, problem):
        if problem:
            self.failed += 1
            print(f"FAILED {name}: {problem}")
        else:
            self.passed += 1

    def skip(self, why):
        self.skipped += 1
        print(f"skipped {why}")

    def end(self):
        """The last line, and the exit status."""
        print(f"{self.name}: {self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else ""))
        return 1 if self.failed else 0
