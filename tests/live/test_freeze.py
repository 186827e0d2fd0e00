# SPDX-License-Identifier: BSD-2-Clause
"""record --trigger, SIGUSR1: the history as it was then, which retention does not touch; what a storm of triggers may cost."""

import json
import os
import signal
import subprocess
import time

import frames
import live


def sets(folder):
    return sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.startswith("frozen-") and not n.endswith(".part"))


def segments(folder):
    return sorted(n for n in os.listdir(folder) if n.endswith(".seg"))


def verify(path, *options):
    r = live.run(live.PROCREC, "verify", path, "--json", *options)
    live.equal(r.status, 0, f"verify {path}: {r.err}")
    return json.loads(r.out)


def crash():
    """The pid of a process that a signal ended."""
    p = subprocess.Popen(["sh", "-c", "kill -SEGV $$"])
    live.equal(p.wait(), -signal.SIGSEGV, "how the process ended")
    return p.pid


def storm(n=400):
    live.equal(live.run(live.WORKLOAD, "storm", "2", str(n)).status, 0, "storm")


def test_a_trigger_keeps_what_retention_deletes():
    with live.scratch() as d:
        folder = os.path.join(d, "rec")
        r = live.Recorder(folder + "/", "--max-segment", "16K", "--keep", "600K", "--sync", "20ms", "--trigger",
                          "exit_signal = 11 AND binary LIKE '%sh'")
        storm()
        pid = crash()
        frozen = live.wait_for(lambda: sets(folder), "a frozen set")[0]
        for _ in range(200):
            if not set(segments(frozen)) & set(segments(folder)):
                break
            storm()
        else:
            raise AssertionError(f"retention has not deleted what was frozen: {segments(folder)}")
        later = crash()  # too soon after the first
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        live.equal(sets(folder), [frozen], "sets")
        live.equal("nothing lost" in r.err and f"process {pid}" in r.err and "too soon" in r.err, True, r.err)
        whole = verify(frozen)
        live.equal((whole["verdict"], whole["segments"]), ("whole", len(segments(frozen))), "the set")
        live.equal(verify(folder)["verdict"], "whole", "what is left in the directory")
        seen = live.replay(frozen, "--where", "exit_signal = 11")
        live.equal([e["pid"] for e in seen], [pid], "what the set shows")
        live.equal([e["pid"] for e in live.replay(folder, "--where", "exit_signal = 11")], [later], "what is left of the directory")
        live.equal(frames.Trace(frozen).gaps()[0].keys() - {0}, set(), "gaps") if segments(frozen)[0] == "000000000000.seg" else None
        live.equal(live.run(live.PROCREC, "replay", frozen, "--gaps").out, "", "gaps of the set")
        with open(os.path.join(frozen, "why"), encoding="ascii") as f:
            why = f.read()
        assert f"exit of process {pid}," in why and why.endswith("/sh\n"), why
        chain = live.replay(frozen, "--ancestry", str(pid))
        live.equal((chain[0]["pid"], chain[1]["pid"], chain[-1]["pid"]), (pid, os.getpid(), 1), "who started it")
        for name in segments(frozen):
            live.equal(os.path.exists(os.path.join(frozen, name + ".idx")), True, f"index of {name}")
        return f"{len(segments(frozen))} segments frozen, {len(segments(folder))} left"


def test_a_signal_freezes_a_signed_recording():
    with live.scratch() as d:
        folder, key = os.path.join(d, "rec"), os.path.join(d, "k")
        live.equal(live.run(live.PROCREC, "keygen", key).status, 0, "keygen")
        r = live.Recorder(folder + "/", "--max-segment", "16K", "--sign", key + ".key", "--sync", "10s")
        storm()
        before = subprocess.Popen(["sh", "-c", "exit 3", "just-before"])
        before.wait()
        r.p.send_signal(signal.SIGUSR1)
        frozen = live.wait_for(lambda: sets(folder), "a frozen set")[0]
        after = subprocess.Popen(["true"])
        after.wait()
        r.p.send_signal(signal.SIGUSR1)
        live.wait_for(lambda: len(sets(folder)) == 2, "the second set")
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        v = verify(frozen, "--pubkey", key + ".pub", "--sealed")
        live.equal((v["verdict"], v["signed"], v["key_trusted"]), ("whole", "all", True), "the set")
        live.equal(verify(folder, "--pubkey", key + ".pub")["verdict"], "whole", "the directory")
        live.equal(verify(sets(folder)[1], "--pubkey", key + ".pub")["signed"], "all", "the second set")
        pids = [{e["pid"] for e in live.replay(s) if e["type"] == "exit"} for s in sets(folder)]
        live.equal([before.pid in p for p in pids], [True, True], "what ended just before the first signal")
        live.equal([after.pid in p for p in pids], [False, True], "what ended between the two")
        live.equal(r.err.count("SIGUSR1"), 4, f"said when it is done, and at the end ({r.err})")
        if live.run("sh", "-c", "command -v minisign").status == 0:
            one = os.path.join(frozen, segments(frozen)[0])
            live.equal(live.run("minisign", "-qVm", one, "-p", key + ".pub").status, 0, "minisign")
        return f"{v['segments']} segments frozen"


def test_a_set_where_retention_leaves_one_segment():
    """Each segment is larger than what is kept, so there is none before the current one, which may hold no event yet."""
    with live.scratch() as d, live.crowd():
        folder = os.path.join(d, "rec")
        r = live.Recorder(folder + "/", "--max-segment", "16K", "--keep", "64K", "--no-index", "--sync", "20ms")
        for n in range(1, 5):
            storm(50)
            time.sleep(0.2)  # what was recorded is written now, and the next segment begun
            r.p.send_signal(signal.SIGUSR1)
            live.wait_for(lambda: live.run("true") and len(sets(folder)) == n, "a frozen set")
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        assert "nothing lost" in r.err and "could not" not in r.err and "deleted" in r.err, r.err
        for s in sets(folder):
            live.equal(verify(s)["verdict"], "whole", s)
            chain = live.replay(s, "--ancestry", str(os.getpid()))
            live.equal((chain[0]["pid"], chain[-1]["pid"]), (os.getpid(), 1), "who lived then")
        own = [sum(bool(f.stream) and not f.flags & frames.REPEAT for f in frames.Trace(s).frames) for s in sets(folder)]
        live.equal([n > 0 for n in own], [True] * 4, "each set has frames of its own")
        return f"{own} frames in the sets, {[len(segments(s)) for s in sets(folder)]} segments"


def test_a_signal_without_a_rotation_ends_nothing():
    with live.scratch() as d:
        t = os.path.join(d, "t.seg")
        r = live.Recorder(t)
        r.p.send_signal(signal.SIGUSR1)
        storm(20)
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        assert "nothing lost" in r.err, r.err
        live.equal(verify(t, "--sealed")["verdict"], "whole", "the file")
        live.equal(sorted(os.listdir(d)), ["t.seg", "t.seg.idx"], "files")


def test_an_event_at_the_very_end():
    with live.scratch() as d:
        folder = os.path.join(d, "rec")
        r = live.record(folder + "/", "--sync", "1h", "--trigger", "exit_signal = 6", cmd=["sh", "-c", "kill -ABRT $$"])
        live.equal(r.status, 128 + 6, f"exit status ({r.err})")
        live.equal(len(sets(folder)), 1, f"sets ({r.err})")
        v = verify(sets(folder)[0], "--sealed")
        live.equal((v["verdict"], v["segments"]), ("whole", 1), "the set")
        live.equal([e["exit"]["signal"] for e in live.replay(sets(folder)[0], "--where", "exit_signal = 6")], [6], "what it shows")


def test_a_storm_of_triggers_is_bounded():
    with live.scratch() as d:
        folder = os.path.join(d, "rec")
        os.makedirs(os.path.join(folder, "frozen-000004.part"))  # of a recorder that was killed while it froze
        with open(os.path.join(folder, "frozen-000004.part", "why"), "w", encoding="ascii") as f:
            f.write("cut")
        os.mkdir(os.path.join(folder, "frozen-000003"))  # of an earlier recording: counts
        r = live.record(folder, "--max-segment", "64K", "--keep", "256K", "--sync", "10ms", "--trigger", "type = 'exit'", "--trigger-every",
                        "1ms", "--freezes", "3", cmd=[live.WORKLOAD, "storm", "2", "2000"])
        live.equal(r.status, 0, f"exit status ({r.err})")
        names = [os.path.basename(s) for s in sets(folder)]
        live.equal(names, ["frozen-000003", "frozen-000004", "frozen-000005"], "sets")
        assert "nothing lost" in r.err and "could not be frozen" in r.err and "as many as there may be" in r.err, r.err
        for s in sets(folder)[1:]:
            live.equal(verify(s)["verdict"], "whole", f"{s}")
        live.equal(verify(folder)["verdict"], "whole", "the directory")


def test_no_room_for_a_set():
    with live.scratch() as d:
        small = os.path.join(d, "small")
        os.mkdir(small)
        if live.run("mount", "-t", "tmpfs", "-o", "size=600k", "none", small).status:
            raise live.Skip("no tmpfs can be mounted")
        try:
            folder = os.path.join(small, "rec")
            r = live.Recorder(folder + "/", "--max-segment", "64K", "--no-index", "--sync", "20ms")
            for _ in range(30):
                storm(200)
                if sum(os.path.getsize(os.path.join(folder, n)) for n in segments(folder)) > 310 << 10:
                    break
            r.p.send_signal(signal.SIGUSR1)
            live.wait_for(lambda: "no room" in r.said(), "the refusal")
            live.equal(r.stop(), 0, f"exit status ({r.err})")
            assert "could not be frozen: 1 time" in r.err and "nothing lost" in r.err, r.err
            live.equal(sets(folder), [], "sets")
        finally:
            live.run("umount", small)


def test_rubbish():
    with live.scratch() as d:
        folder = os.path.join(d, "rec")
        for options in (["--trigger", "no such thing"], ["--trigger", ""], ["--trigger", "time > 'x'"], ["--trigger", "1; DROP TABLE x"],
                        ["--trigger-every", "1s"], ["--trigger", "1", "--trigger-every", "x"],
                        ["--freezes", "-1"]):
            live.equal(live.record(folder + "/", *options, cmd=["true"]).status, 2, f"{options}")
        live.equal(os.path.exists(folder), False, "nothing was made")
        live.equal(live.record(os.path.join(d, "t.seg"), "--trigger", "1", cmd=["true"]).status, 2, "a trigger for a file")
        r = live.record(folder + "/", "--trigger", "json_extract(binary, '$')", "--freezes", "0", cmd=["true"])
        live.equal(r.status, 0, r.err)
        assert "the trigger failed for" in r.err and "nothing lost" in r.err, r.err


if __name__ == "__main__":
    live.main(globals())
