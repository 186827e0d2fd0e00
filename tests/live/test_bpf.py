# SPDX-License-Identifier: BSD-2-Clause
"""What the kernel side emits, case by case, against what the acting program itself did: tests/live/bpf_cases.c, without recorder and replay."""

import concurrent.futures
import os

import live


def run_cases(*options):
    r = live.run(os.path.join(live.BIN, "bpf_cases"), *options)
    bad = [line for line in r.out.splitlines() if not line.startswith("ok")]
    live.equal(r.status, 0, "\n".join(bad) + r.err)
    return bad[-1]


def test_bpf_cases():
    return run_cases()


def test_bpf_cases_plain_tracepoints():
    return run_cases("-w")


def test_bpf_cases_beside_each_other():
    """Each run has its files for itself."""
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        notes = list(pool.map(run_cases, ["exec: setuid"] * 6))
    return f"{len(notes)} runs"


def test_bpf_pinned_capture_survives_kills():
    r = live.run(os.path.join(live.BIN, "bpf_pin"), "60")
    if r.status == 77:
        raise live.Skip(r.err.strip())
    live.equal(r.status, 0, r.out + r.err)
    return r.out.strip()


if __name__ == "__main__":
    live.main(globals())
