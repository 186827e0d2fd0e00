# SPDX-License-Identifier: BSD-2-Clause
"""What the live tests share: running procrec, scratch folders, verdicts. A test file calls live.main(globals())."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
PROCREC = os.environ.get("PROCREC", os.path.join(TREE, "build", "procrec"))
BIN = os.environ.get("LIVE_BIN", os.path.join(TREE, "build", "tests", "live"))
WORKLOAD = os.path.join(BIN, "workload")


class Skip(Exception):
    pass


def scratch():
    """A folder that goes away with the test; its name is a bytes-safe absolute path."""
    return tempfile.TemporaryDirectory(prefix="procrec-live-")


class Result:
    def __init__(self, p, seconds):
        self.status = p.returncode
        self.out = p.stdout.decode("utf-8", "replace")
        self.err = p.stderr.decode("utf-8", "replace")
        self.seconds = seconds


def run(*argv, timeout=120, **kw):
    start = time.monotonic()
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, **kw)
    return Result(p, time.monotonic() - start)


def record(trace, *options, cmd=(), **kw):
    """--plain, so that frames.py can read the blocks. Tests of the default encoding look at it through replay."""
    argv = [PROCREC, "record", "--plain", "-o", trace, *options]
    if cmd:
        argv += ["--", *cmd]
    return run(*argv, **kw)


class Recorder:
    """A recorder without CMD, running until stop(). Starting waits until everything is attached."""

    def __init__(self, trace, *options, prefix=()):
        self.p = subprocess.Popen([*prefix, PROCREC, "record", "--plain", "-o", trace, *options], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
        line = self.p.stderr.readline().decode()
        if "recording into" not in line:
            rest = self.p.stderr.read().decode()
            self.p.wait()
            raise AssertionError(f"the recorder did not start: {line}{rest}")

        os.set_blocking(self.p.stderr.fileno(), False)
        self.err = ""

    def said(self):
        """What it has said so far."""
        self.err += (self.p.stderr.read() or b"").decode("utf-8", "replace")
        return self.err

    def stop(self, sig=2):
        self.p.send_signal(sig)
        os.set_blocking(self.p.stderr.fileno(), True)
        self.said()
        self.status = self.p.wait(60)
        return self.status


def wait_for(what, name, limit=60):
    """What what() gives, as soon as that is true; the limit is only there to end a test that can't."""
    end = time.monotonic() + limit
    while True:
        got = what()
        if got:
            return got
        assert time.monotonic() < end, f"{name}: not within {limit} s"
        time.sleep(0.02)


@contextlib.contextmanager
def crowd(n=40, size=2000):
    """So many processes live, each with an argument of so many bytes that no compression makes smaller by more than half."""
    ps = [subprocess.Popen(["sh", "-c", "read x", os.urandom(size // 2).hex()], stdin=subprocess.PIPE) for _ in range(n)]
    try:
        yield
    finally:
        for p in ps:
            p.stdin.close()
            p.wait()


def replay(trace, *options):
    """The JSON lines of a view."""
    r = run(PROCREC, "replay", trace, *options, "--json")
    assert r.status == 0, f"replay {' '.join(options)}: status {r.status}: {r.err}"
    return [json.loads(line) for line in r.out.splitlines()]


def has_replay():
    return run(PROCREC, "replay", "--help").status == 0


def equal(got, want, what):
    assert got == want, f"{what}: got {got!r}, want {want!r}"


MARK = "PROCREC_LIVE_TEST"  # in the environment of all that a test starts


def left_running(mark):
    """{pid: command line} of what a test has started and not ended: it would hold the output open, and the folder of the test."""
    found = {}
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if pid == os.getpid() or f"{MARK}={mark}".encode() not in f.read().split(b"\0"):
                    continue
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                found[pid] = f.read(60).replace(b"\0", b" ").decode("utf-8", "replace").strip()
        except OSError:
            pass
    return found


def end_left_running(mark):
    """The same, once what was killed has had the time to end. Nothing of it survives."""
    end = time.monotonic() + 3
    while left_running(mark) and time.monotonic() < end:
        time.sleep(0.02)
    left = left_running(mark)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return left


def run_test(fn):
    """What the test says. It fails when it leaves something running."""
    mark = os.environ[MARK] = f"{os.getpid()}:{fn.__name__}"
    try:
        note = fn()
    finally:
        left = end_left_running(mark)
    assert not left, f"left running: {left}"
    return note


def main(names):
    wanted = sys.argv[1:]
    failed = 0
    for name, fn in list(names.items()):
        if not name.startswith("test_") or not callable(fn):
            continue
        if wanted and not any(w in name for w in wanted):
            continue
        start = time.monotonic()
        try:
            note = run_test(fn)
            verdict = "ok"
        except Skip as e:
            note, verdict = str(e), "skip"
        except Exception as e:  # pylint: disable=broad-except
            note, verdict = f"{type(e).__name__}: {e}", "not ok"
            failed += 1
            if not isinstance(e, AssertionError) or os.environ.get("V"):
                traceback.print_exc(limit=-3, file=sys.stdout)
        took = time.monotonic() - start
        print(f"{verdict} {name[5:]} ({took:.1f} s){': ' + str(note) if note else ''}", flush=True)
    sys.exit(1 if failed else 0)
