# SPDX-License-Identifier: BSD-2-Clause
"""procrec dump: a piece of a recording that goes on: the very frames, and the state that /proc shows at its beginning."""

import os
import struct
import subprocess
import time

import frames
import live
import truth

ORIGIN, ENDED = 217, 218
BEFORE, RETENTION = 6, 7
PF_EXITING = 0x4


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def processes():
    """pid -> (start time in ticks, cmdline), of all that is there, but for those that are ending, or have and were not waited for."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", "rb") as f:
                stat = f.read().rpartition(b")")[2].split()
            if stat[0] in (b"Z", b"X") or int(stat[6]) & PF_EXITING:
                continue
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                found[int(pid)] = (stat[19], f.read())
        except OSError:
            continue
    return found


def split(path):
    """Frames of a piece: those of the keyframe that was made for it, and those that were recorded."""
    all_frames = [f for f in frames.frames(path) if not f.flags & frames.META]
    return [f for f in all_frames if f.flags & frames.REPEAT], [f for f in all_frames if not f.flags & frames.REPEAT]


def same(f):
    return f.cpu, f.stream, f.flags, f.seq, f.data


def check_exact(piece, whole, since):
    """The recorded frames of the piece stand so, one behind the other, in the whole; the first of the time is the first."""
    got = [same(f) for f in split(piece)[1]]
    want = [same(f) for f in whole]
    first = next(n for n, f in enumerate(whole) if f.ktime >= since)
    live.equal(len(got) > 0 and got[0] == want[first], True, "the first frame of the piece is the first of the time")
    live.equal(got, want[first:first + len(got)], "frames of the piece, against the whole")
    return len(got)


def state_of(piece):
    """Key -> execs of the keyframe, of what lives then; and how many have ended."""
    t = frames.Trace(piece)
    ended = {frames.key_at(f.data, 16) for f in t.frames if f.op == ENDED}
    repeat = {n for n, f in enumerate(t.frames) if f.flags & frames.REPEAT}
    execs = {e.key: e for e in t.execs if e.n in repeat}
    clones = {c["key"]: c for c in t.clones if c["n"] in repeat}
    lives = {k: execs.get(k) for k in list(execs) + list(clones) if k not in ended}
    return lives, ended


def check_state(piece, before, after, since):
    """What was there before the cut and still after it is what the piece says, with its arguments."""
    lives, ended = state_of(piece)
    by_pid = {}
    for k in lives:
        assert k.pid not in by_pid, f"{k} and {by_pid[k.pid]} both live"
        by_pid[k.pid] = k
    stable = {p for p in before if after.get(p) == before[p]}
    # A frame of another CPU may stand behind the cut though it is older: then it stands there in the piece, too.
    late = {struct.unpack_from("<I", f.data, 32)[0] for f in split(piece)[1] if f.op == frames.CLONE and f.ktime < since}
    missing = stable - set(by_pid) - late
    live.equal(missing, set(), "processes of /proc that the piece does not know")
    checked = 0
    for p in stable - late:
        e, cmdline = lives[by_pid[p]], before[p][1]
        if e and cmdline and e.argc == cmdline.count(b"\0"):
            live.equal(b"\0".join(e.argv) + b"\0", cmdline, f"arguments of {p}")
            checked += 1
    return len(stable), checked, ended


def check_living(piece, folder, since):
    """What lives at the cut by the frames before it, one after the other, is what the piece says."""
    t = frames.Trace(folder)
    first = next(n for n, f in enumerate(t.frames) if f.ktime >= since)
    events = [(e.n, e.key, e.cleanup) for e in t.execs] + [(c["n"], c["key"], None) for c in t.clones] + [(x["n"], None, x["key"]) for x in t.exits]
    lives = {}
    for n, begun, ended in sorted(events, key=lambda e: e[0]):
        if n >= first:
            break
        if ended and lives.get(ended.pid) == ended:
            del lives[ended.pid]
        if begun:
            lives[begun.pid] = begun
    live.equal(set(state_of(piece)[0]) ^ set(lives.values()), set(), "what lives, by the piece or by the frames before it alone")


def dump(folder, piece, *options, status=(0,)):
    r = live.run(live.PROCREC, "dump", folder, "-o", piece, "-f", *options)
    assert r.status in status, f"dump {options}: status {r.status}: {r.err}"
    return r


def orphan(d):
    """A process whose parent has ended: the pid of both."""
    out = os.path.join(d, "orphan")
    subprocess.run(["sh", "-c", f"sleep 300 & echo $$ $! >{out}; exit 7"], check=False, stdout=subprocess.DEVNULL)
    with open(out, encoding="ascii") as f:
        return map(int, f.read().split())


def test_a_piece_while_recording_goes_on():
    with live.scratch() as d:
        folder, piece, log = (os.path.join(d, n) for n in ("rec", "p.seg", "truth"))
        open(log, "w", encoding="ascii").close()
        r = live.Recorder(folder + "/", "--max-segment", "32K", "--sync", "50ms")
        parent, child = orphan(d)
        long = subprocess.Popen(["perl", "-e", "sleep 300", "x" * 100000, *map(str, range(2000))])
        try:
            live.equal(live.run(live.WORKLOAD, "storm", "2", "300", cwd=d).status, 0, "storm")
            # Between the two listings lies the cut. What begins behind it is not told as alive.
            before = live.wait_for(lambda: {p: v for p, v in processes().items() if p != os.getpid()} if long.poll() is None else None, "what lives")
            since = now()
            after = processes()
            live.equal(live.run(live.WORKLOAD, "run", log, "300", "3", cwd=d).status, 0, "workload")
            root = truth.Truth(log).root

            def whole_run():
                dump(folder, piece, "--since", str(since))
                return any(x["key"].pid == root for x in frames.Trace(piece).exits)

            live.wait_for(whole_run, "the whole run")
            dump(folder, piece, "--since", str(since))
        finally:
            live.equal(r.stop(), 0, f"exit status ({r.err})")
            long.kill()
            long.wait()
            os.kill(child, 9)
        live.equal(live.run(live.PROCREC, "verify", piece).status, 0, "verify")
        n = check_exact(piece, frames.frames(folder), since)
        stable, checked, ended = check_state(piece, before, after, since)
        check_living(piece, folder, since)
        assert checked > 3 and long.pid in before, (checked, stable)
        chain = live.replay(piece, "--ancestry", str(child), "--at", str(since + 1))
        live.equal([(p["pid"], p["exit"] and p["exit"]["code"]) for p in chain[:2]], [(child, None), (parent, 7)], "the orphan and its parent")
        assert parent in {k.pid for k in ended}, ended
        live.equal(live.replay(piece, "--ancestry", str(long.pid))[0]["argv"][-1], "1999", "a long list of arguments")
        t, tr = frames.Trace(piece), truth.Truth(log)
        note = truth.compare(tr, truth.from_frames(t, tr.root), root_status=0)
        return f"{n} frames; of {stable} processes, {checked} with arguments, agree with /proc; {note}"


def test_retention_deletes_meanwhile():
    with live.scratch() as d:
        folder, piece = os.path.join(d, "rec"), os.path.join(d, "p.seg")
        r = live.Recorder(folder + "/", "--max-segment", "16K", "--keep", "256K", "--no-index", "--sync", "20ms")
        load = subprocess.Popen([live.WORKLOAD, "storm", "2", "4000"], stdout=subprocess.DEVNULL)
        cuts = deleted = 0
        try:
            live.wait_for(lambda: frames.frames(folder), "the first frames")
            while load.poll() is None:
                out = dump(folder, piece, "--last", "1h", status=(0, 1))
                if "nothing was recorded" in out.err:  # a segment just begun is all that retention has left
                    continue
                losses = [struct.unpack_from("<I", f.data, 16)[0] for f in frames.frames(piece) if f.op == frames.LOSS]
                live.equal(losses, [RETENTION] * len(losses), "reasons of what is missing")
                live.equal("deleted" in out.err, bool(losses), f"deleted, as it is said ({out.err})")
                live.equal(live.run(live.PROCREC, "verify", piece).status, 0, f"verify ({out.err})")
                got = split(piece)[1]
                jumps = [(a.cpu, a.stream, a.seq) for a in got if a.seq != expected(a, got)]
                live.equal(jumps, [], "numbers that are jumped over")
                cuts, deleted = cuts + 1, deleted + bool(losses)
        finally:
            load.wait()
            live.equal(r.stop(), 0, f"exit status ({r.err})")
        assert deleted, f"{cuts} pieces, and retention took nothing of any"
        return f"{cuts} pieces cut, {deleted} after retention had deleted"


def expected(f, got, memo={}):  # pylint: disable=dangerous-default-value
    """The number that f should have, by the frame of its stream before it; its own where it is the first."""
    if memo.get("of") is not got:
        memo.clear()
        memo["of"] = got
        last = {}
        for g in got:
            memo[id(g)] = last.get((g.cpu, g.stream), g.seq - 1) + 1
            last[(g.cpu, g.stream)] = g.seq
    return memo[id(f)]


def test_a_whole_segment_file_and_rubbish():
    with live.scratch() as d:
        trace, piece = os.path.join(d, "t.seg"), os.path.join(d, "p.seg")
        live.equal(live.record(trace, cmd=["sh", "-c", "true; sleep 0.3; true; false"]).status, 1, "status of the command")
        whole = frames.frames(trace)
        out = dump(trace, piece, "--last", "200ms")
        since = max(f.ktime for f in whole) - 200_000_000
        n = check_exact(piece, whole, since)
        assert 0 < n < len(whole), (n, out.out)
        with open(piece, "rb") as f:
            before, names = f.read(), sorted(os.listdir(d))
        for options, status in ((["--since", "x"], 2), (["--last", "-1s"], 2), (["--since", str(2**63)], 1), (["--last", "1s", "--since", "+1s"], 2)):
            live.equal(live.run(live.PROCREC, "dump", trace, "-o", piece, "-f", *options).status, status, f"{options}")
            live.equal(sorted(os.listdir(d)), names, f"{options}: files")
            with open(piece, "rb") as f:
                live.equal(f.read() == before, True, f"{options}: the piece from before is still there")
        for k in range(0, os.path.getsize(trace), 997):
            cut = os.path.join(d, "cut.seg")
            with open(trace, "rb") as f, open(cut, "wb") as g:
                g.write(f.read()[:k])
            r = live.run(live.PROCREC, "dump", cut, "-o", piece, "-f", "--last", "200ms")
            assert r.status in (0, 1, 3), f"cut at {k}: {r.status}: {r.err}"
            if r.status == 0:
                live.equal(live.run(live.PROCREC, "verify", piece).status, 0, f"verify of a piece of a trace cut at {k}")
        return f"{n} of {len(whole)} frames"


if __name__ == "__main__":
    live.main(globals())
