# SPDX-License-Identifier: BSD-2-Clause
"""The whole way: a recorded workload as `replay` shows it, against what the programs said; and the same bytes every time."""

import base64
import os
import random

import live
import truth


def argv_of(e):
    exact = e.get("argv_b64") or [None] * len(e["argv"])
    return [None if a is None else base64.b64decode(b) if b is not None else a.encode() for a, b in zip(e["argv"], exact)]


def bytes_of(e, key):
    return base64.b64decode(e[key + "_b64"]) if key + "_b64" in e else e[key].encode()


def from_replay(events, root):
    """As truth.from_frames, from the JSON events."""
    seen, keys = truth.Seen(), set()
    for e in events:
        key = (e["pid"], e["ktime"])
        parent = e.get("parent") and (e["parent"]["pid"], e["parent"]["ktime"])
        if e["type"] == "clone" and parent in keys:
            keys.add(key)
            seen.clone(e["pid"], parent[0])
        elif e["type"] == "execve" and (e["pid"] == root or parent in keys or e["pid"] in seen.creator):
            if e["pid"] == root and not seen.images and argv_of(e)[1:2] != [b"run"]:
                continue  # the snapshot's view of the process that is to become CMD
            keys.add(key)
            seen.images[e["pid"]].append((bytes_of(e, "cwd"), argv_of(e)))
        elif e["type"] == "exit" and key in keys:
            seen.exit(e["pid"], e["exit"]["status"])
            assert e["exit"]["code"] == e["exit"]["status"] >> 8 and e["exit"]["signal"] == e["exit"]["status"] & 127, e["exit"]
            assert e["exit"]["core"] == bool(e["exit"]["status"] & 128), e["exit"]
    return seen


def record_workload(d, count):
    log, trace = os.path.join(d, "truth"), os.path.join(d, "t.seg")
    open(log, "w", encoding="ascii").close()
    r = live.run(live.PROCREC, "record", "-o", trace, "--", live.WORKLOAD, "run", log, str(count), cwd=d)
    live.equal(r.status, 0, f"exit status ({r.err})")
    return trace, truth.Truth(log)


def check_ancestry(trace, tr, pid, extra=()):
    """From pid upward: each image of each process once, newest first, through the true creators, to pid 1 or to who has no parent."""
    chain = live.replay(trace, "--ancestry", str(pid), *extra)
    live.equal([p["depth"] for p in chain], list(range(len(chain))), "depths")
    for up, p in zip(chain[1:], chain):
        live.equal(p["parent_exec_id"], up["exec_id"], f"link from {p['pid']} to {up['pid']}")
    assert chain[-1]["pid"] == 1 or chain[-1]["parent_exec_id"] is None, f"ends at {chain[-1]['pid']}"
    got = []
    for p in chain:
        if not got or got[-1] != p["pid"]:
            got.append(p["pid"])
    want = [pid]
    while want[-1] in tr.creator:
        want.append(tr.creator[want[-1]])
    live.equal(got[:len(want)], want, f"the creators of {pid}")
    mine = [p for p in chain if p["pid"] == pid]
    images = tr.images.get(pid, [])
    # The images themselves, and the clone where the process lived on as its creator's copy or was a chain of images.
    live.equal([argv_of(p) for p in mine][:len(images)], [argv for _, argv in reversed(images)], f"images of {pid}")
    assert all(p["certainty"] == "observed" for p in chain[:len(got[:len(want)]) - 1]), [p["certainty"] for p in chain]
    if pid in tr.status:
        live.equal(mine[0]["exit"]["status"], tr.status[pid], f"status of {pid}")
    return chain


def test_replay_workload():
    with live.scratch() as d:
        trace, tr = record_workload(d, 2000)
        # The reference's cache forgets everything at 3,000 entries, which such a workload reaches; events come from the cache.
        events = live.replay(trace, "--cache-max-clone-entries", "1000000")
        live.equal([e for e in events if e.get("miss") and e["type"] != "exit"], [], "events that the cache does not hold")
        note = truth.compare(tr, from_replay(events, tr.root), root_status=0)
        pids = random.Random(1).sample(sorted(tr.creator), 60)
        for pid in pids:
            with_index = check_ancestry(trace, tr, pid)
        live.equal(live.replay(trace, "--ancestry", str(pids[-1]), "--no-index"), with_index, "ancestry without the index")
        return f"{note}; {len(pids)} ancestries"


def test_replay_is_deterministic():
    elsewhere = ["unshare", "-mu"]
    if live.run(*elsewhere, "true").status:
        raise live.Skip("no mount namespace can be made here (in a chroot)")
    with live.scratch() as d:
        trace, tr = record_workload(d, 200)
        pid = str(max(tr.creator))
        views = ([], ["--json"], ["--ancestry", pid], ["--ancestry", pid, "--json"], ["--cache", "--json"], ["--stats"])
        changed = dict(os.environ, TZ="Asia/Kathmandu", LC_ALL="de_DE.UTF-8", LANG="tr_TR", COLUMNS="40", HOME="/nowhere")
        for view in views:
            a = live.run(live.PROCREC, "replay", trace, *view)
            b = live.run(live.PROCREC, "replay", trace, *view, env=changed, cwd="/")
            # Without names of users and hosts: in a namespace whose /etc is empty and whose host has another name.
            c = live.run(*elsewhere, "sh", "-c", 'hostname elsewhere; mount -t tmpfs none /etc; exec "$@"', "sh", live.PROCREC, "replay",
                         trace, *view)
            live.equal(b.out, a.out, f"{view} in another environment")
            live.equal(c.out, a.out, f"{view} without user database and under another host name")
            assert a.status == 0 and a.out, f"{view}: {a.err}"
        os.rename(trace + ".idx", trace + ".away")
        for view in views:
            a = live.run(live.PROCREC, "replay", trace, *view)
            os.rename(trace + ".away", trace + ".idx")
            b = live.run(live.PROCREC, "replay", trace, *view)
            os.rename(trace + ".idx", trace + ".away")
            live.equal(a.out, b.out, f"{view} with and without index")
        return f"{len(views)} views, 4 ways each"


if __name__ == "__main__":
    live.main(globals())
