# SPDX-License-Identifier: BSD-2-Clause
"""Recorders started in the middle of a storm of forks: every process is present exactly once, with one beginning and one end."""

import os
import signal
import subprocess
import time

import frames
import live

STARTS = int(os.environ.get("LIVE_STARTS", "12"))
PF_EXITING = 0x4
TICKS = os.sysconf("SC_CLK_TCK")


def alive():
    """(pid, start in clock ticks) of every process that is no zombie and has not begun to end."""
    out = set()
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                rest = f.read().rpartition(b") ")[2].split()
        except OSError:
            continue
        if rest[0] not in (b"Z", b"X") and not int(rest[6]) & PF_EXITING:
            out.add((int(name), int(rest[19])))
    return out


def describe(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            return f.read()[:60].decode("ascii", "replace")
    except OSError as e:
        return e.strerror


def trail(t, pid):
    """All that the trace tells of a pid, for the report of a failure."""
    out = [f"recorded from {t.frames[0].ktime} to {t.frames[-1].ktime}"]
    out += [f"{'snapshot' if e.procfs else 'exec'} {e.key} of {e.cleanup} at {e.frame.ktime}" for e in t.execs if e.key.pid == pid]
    out += [f"clone {c['key']}" for c in t.clones if c["key"].pid == pid]
    out += [f"exit {x['key']}" for x in t.exits if x["key"].pid == pid]
    out += [f"parent of {c['key']}" for c in t.clones if c["parent"].pid == pid]
    return ", ".join(out)


def follow(t):
    """Walks through the trace; returns identities alive at its end as {key: start}, and what was wrong."""
    live_keys, wrong, begun = {}, [], set()
    # The ring and the snapshot are not ordered among each other: a process of the snapshot may exec or exit later in the ring
    # only, and a clone is never also in the snapshot. So the order of the trace is right for each process.
    events = [(e.n, "proc" if e.procfs else "exec", e) for e in t.execs]
    events += [(c["n"], "clone", c) for c in t.clones] + [(x["n"], "exit", x) for x in t.exits]
    for _, kind, e in sorted(events, key=lambda v: v[0]):
        key = e.key if kind in ("proc", "exec") else e["key"]
        if kind in ("proc", "clone"):
            if key in begun:
                wrong.append(f"{key} begins twice ({kind})")
            begun.add(key)
            live_keys[key] = key.ktime
        elif kind == "exec":
            # Some sandbox kernels hide pid 1, and with it the clones that it makes.
            if e.cleanup not in live_keys and e.parent.pid != 1:
                wrong.append(f"exec of {key} ({e.filename}, flags {e.flags:#x}): {e.cleanup} is not alive")
            live_keys[key] = live_keys.pop(e.cleanup, 0)
        elif live_keys.pop(key, None) is None:
            wrong.append(f"exit of {key}, which is not alive")
    return live_keys, wrong


def one_start(d, storm_options):
    trace = os.path.join(d, "t.seg")
    storm = subprocess.Popen([live.WORKLOAD, "storm", *storm_options], stdout=subprocess.DEVNULL,
                             start_new_session=True)
    try:
        time.sleep(0.05)
        r = live.Recorder(trace, "--force")
        time.sleep(0.05)
        before = alive()
        time.sleep(0.02)
        status = r.stop()
        after = alive()
        seen_as = {p: describe(p[0]) for p in before & after}
    finally:
        os.killpg(storm.pid, signal.SIGKILL)
        storm.wait()
    live.equal(status, 0, f"exit status ({r.err})")
    t = frames.Trace(trace)
    keys, wrong = follow(t)
    # pid 1 may be hidden from tools by the kernel, the idle task always is.
    known = {(k.pid, start * TICKS // 10**9) for k, start in keys.items()}
    steady = before & after
    wrong += [f"missing: {p} {seen_as[p]}; {trail(t, p[0])}" for p in steady if not any((p[0], p[1] + x) in known for x in (-1, 0, 1))]
    mine = {pid for pid, _ in known} - {pid for pid, _ in before | after}
    late = {c["key"].pid for c in t.clones}
    wrong += [f"alive in the trace alone: {pid}" for pid in mine if pid not in late]
    assert not wrong, f"{len(wrong)} wrong: {wrong[:4]}"
    return len(t.snapshot()), len(t.clones)


def test_start_in_a_storm():
    snap = clones = 0
    with live.scratch() as d:
        for i in range(STARTS):
            a, b = one_start(d, [str(1 + i % 6), "20000"] + ["orphans"] * (i % 2))
            snap, clones = snap + a, clones + b
    return f"{STARTS} starts, {snap} processes alive at them, {clones} clones after"


if __name__ == "__main__":
    live.main(globals())
