# SPDX-License-Identifier: BSD-2-Clause
"""Tests of the bench itself: a figure says what was measured, tables go where they belong, the made-up machines are sound."""

import json
import os
import subprocess
import sys
import tempfile

import tables
from common import Bench, figure_line, number, runs_figures, runs_peers
from replay import KINDS, pid_of

PROCREC, GEN = os.environ["PROCREC"], os.environ["GEN_TRACE"]


def quiet_figure(*args, **kw):
    bench, out = Bench("build", True, "/nonexistent"), sys.stdout
    with open(os.devnull, "w", encoding="ascii") as sys.stdout:
        bench.figure(*args, **kw)
    sys.stdout = out
    return bench.figures[0]


def test_a_goal_is_met_by_the_median():
    f = quiet_figure("k", "n", [3, 1, 2], "ms", 2)
    assert (f["median"], f["low"], f["high"], f["runs"], f["met"]) == (2, 1, 3, 3, True)
    assert quiet_figure("k", "n", [3, 1, 2.5], "ms", 2)["met"] is False
    assert quiet_figure("k", "n", 2, "1/s", 2, True)["met"] is True
    assert quiet_figure("k", "n", 1.9, "1/s", 2, True)["met"] is False
    assert quiet_figure("k", "n", 2, "ms")["met"] is None


def test_a_line_names_goal_and_verdict():
    line = figure_line(quiet_figure("k", "what", [1234.5, 2345.6, 3456.7], "ms", 1000))
    assert "what" in line and "2,346 ms" in line and "1,234 .. 3,457" in line and "<= 1,000" in line and "NOT MET" in line


def test_numbers_have_three_digits():
    assert [number(v) for v in (0, 1234567, 12.34, 1.234, 0.01234, 100)] == ["0", "1,234,567", "12.3", "1.23", "0.0123", "100"]


def test_runs_are_alike_where_their_spreads_overlap():
    def bench(values):
        b = Bench("build", True, "/nonexistent")
        b.figures = [quiet_figure("k", "n", values, "ms", 3)]
        b.peers = [{"name": "p", "rounds": 2, "slowdown": values[0], "slowdown_low": 1, "slowdown_high": values[-1], "load_cpu": None, "cpu_us": 1, "bytes": 2}]
        return b

    one = runs_figures([bench([1, 2, 3]), bench([3, 4, 5]), bench([2, 3, 6])])
    assert len(one) == 1 and one[0]["alike"] and one[0]["medians"] == [2, 4, 3] and (one[0]["median"], one[0]["low"], one[0]["high"]) == (3, 1, 6)
    assert one[0]["met"] is True and one[0]["runs"] == 9
    assert not runs_figures([bench([1, 2, 3]), bench([2, 3, 4]), bench([4, 5, 6])])[0]["alike"], "the first and the last share nothing"
    assert runs_figures([bench([100]), bench([104])])[0]["alike"] and not runs_figures([bench([100]), bench([110])])[0]["alike"]
    assert runs_figures([bench([4, 5]), bench([4, 6])])[0]["met"] is False
    peers = runs_peers([bench([1, 2]), bench([3, 4]), bench([2, 9])])
    assert len(peers) == 1 and (peers[0]["slowdown"], peers[0]["slowdown_high"], peers[0]["rounds"], peers[0]["load_cpu"]) == (2, 9, 6, None)


def test_a_table_replaces_the_one_before():
    text = f"a\n{tables.BEGIN}\nold\n{tables.END}\nb\n"
    assert tables.put(text, "new\n") == f"a\n{tables.BEGIN}\nnew\n{tables.END}\nb\n"
    assert tables.put(tables.put(text, "x\n"), "new\n") == tables.put(text, "new\n")
    assert tables.put("no markers", "new") is None
    assert tables.put(f"{tables.END} {tables.BEGIN}", "new") is None


def test_a_fleet_is_reckoned_from_a_process():
    figures = [{"key": k, "median": v} for k, v in (("bytes_build", 100), ("index_build", 50), ("recorder_cpu", 10))]
    data = {"figures": figures, "machine": {"cpu": "c", "cores": 2, "kernel": "k"}, "date": "2026-01-01T00:00:00Z", "mode": "full", "load": [0, 0]}
    table = tables.fleet_table(data)
    assert "5 MB/s, 432 GB a day" in table and "50,000 a second" in table and "0.5 cores" in table and "0.005 % of one core" in table


def test_the_files_have_markers():
    tree = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for name in ("README.md", "docs/fleet.md"):
        with open(os.path.join(tree, name), encoding="utf-8") as f:
            assert tables.put(f.read(), "") is not None, name


def test_the_made_up_machines_are_sound():
    for kind in KINDS:
        with tempfile.TemporaryDirectory(prefix="procrec-bench-") as d:
            trace = os.path.join(d, "t.seg")
            told = subprocess.check_output([GEN, trace, "1000", "4194303", kind]).split()
            assert subprocess.run([PROCREC, "verify", trace], stdout=subprocess.DEVNULL, check=False).returncode == 0, kind
            stats = json.loads(subprocess.check_output([PROCREC, "stats", "--json", trace]))
            text = json.dumps(stats)
            assert '"clone": 1001,' in text and '"malformed": 0' in text and '"clone_misses": 0' in text, (kind, text)
            lines = subprocess.check_output([PROCREC, "replay", trace]).count(b"\n")
            assert abs(lines - int(told[1]) - 299) <= 1, (kind, lines, told)


def test_pids_of_the_generator():
    with tempfile.TemporaryDirectory(prefix="procrec-bench-") as d:
        trace = os.path.join(d, "t.seg")
        subprocess.run([GEN, trace, "2500", "3000"], stdout=subprocess.DEVNULL, check=True)
        out = subprocess.check_output([PROCREC, "replay", trace, "--json"]).decode().splitlines()
        clones = [e["pid"] for e in map(json.loads, out) if e["type"] == "clone"]
        assert clones == [pid_of(n + 1, 3000) for n in range(len(clones))]


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            passed += 1
        except Exception as e:  # a test that breaks is one that fails
            failed += 1
            print(f"bench: {name}: {type(e).__name__}: {e}")
    print(f"bench: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
