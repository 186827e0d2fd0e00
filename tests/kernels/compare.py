# SPDX-License-Identifier: BSD-2-Clause
"""compare.py FILE.tar.gz: what a guest recorded, against what its workload says that it did, and the loss equation; see init.sh."""

import os
import re
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "live"))

import frames  # pylint: disable=wrong-import-position
import live  # pylint: disable=wrong-import-position
import test_loss  # pylint: disable=wrong-import-position
import test_workload  # pylint: disable=wrong-import-position
import truth  # pylint: disable=wrong-import-position


def workload(d):
    return test_workload.check_frames(os.path.join(d, "t.seg"), truth.Truth(os.path.join(d, "truth")))[1]


def text(d, name):
    with open(os.path.join(d, name), encoding="utf-8") as f:
        return f.read()


def loss(d):
    r = live.Result.__new__(live.Result)
    r.status, r.out, r.err = int(text(d, "loss.status")), text(d, "loss.out"), text(d, "loss.err")
    forks, execs = map(int, re.match(r"forks (\d+) execs (\d+)", r.out).groups())
    lost = test_loss.check(frames.Trace(os.path.join(d, "loss.seg")), r, forks, execs)
    assert lost, "nothing was lost: this tests nothing"
    return f"{forks} forks, {lost} frames lost and counted"


def main():
    notes = []
    with tempfile.TemporaryDirectory() as d:
        with tarfile.open(sys.argv[1]) as t:
            t.extractall(d)
        for name, check in (("truth", workload), ("loss.seg", loss)):
            if os.path.exists(os.path.join(d, name)):
                notes.append(check(d))
    assert notes, "there is nothing in it"
    print("; ".join(notes))


try:
    main()
except (AssertionError, OSError, EOFError, tarfile.TarError) as e:
    sys.exit(f"{type(e).__name__}: {e}")
