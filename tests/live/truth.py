# SPDX-License-Identifier: BSD-2-Clause
"""What the workload program says that it did, and how a trace compares with it, process by process."""

from collections import defaultdict


def unhex(word):
    return b"" if word == "-" else bytes.fromhex(word)


class Truth:
    def __init__(self, path):
        self.creator, self.status, self.images = {}, {}, defaultdict(list)
        self.root = None
        with open(path, encoding="ascii") as f:
            for line in f:
                kind, pid, *rest = line.rstrip("\n").split(" ")
                pid = int(pid)
                if kind == "F":
                    assert pid not in self.creator, f"pid {pid} was used twice: run the test again"
                    self.creator[pid] = int(rest[0])
                elif kind == "W":
                    self.status[pid] = int(rest[0])
                else:
                    self.root = self.root or pid
                    self.images[pid].append((unhex(rest[0]), [unhex(w) for w in rest[1:]]))


class Seen:
    """A trace reduced to the same shape: per pid (of the tree below root) its creator, images and wait status."""

    def __init__(self):
        self.creator, self.status, self.images = {}, {}, defaultdict(list)
        self.twice = []

    def clone(self, pid, creator):
        if pid in self.creator:
            self.twice.append(("clone", pid))
        self.creator[pid] = creator

    def exit(self, pid, status):
        if pid in self.status:
            self.twice.append(("exit", pid))
        self.status[pid] = status


def from_frames(trace, root):
    """Frames in the order of the trace, through keys: a parent is a key, and only keys of the tree count."""
    seen, keys = Seen(), {}
    events = [(e.n, "exec", e) for e in trace.execs if not e.procfs]
    events += [(c["n"], "clone", c) for c in trace.clones] + [(x["n"], "exit", x) for x in trace.exits]
    wrong = []
    for _, kind, e in sorted(events, key=lambda t: t[0]):
        if kind == "clone":
            if e["parent"] in keys:
                keys[e["key"]] = e["key"].pid
                seen.clone(e["key"].pid, e["parent"].pid)
        elif kind == "exec":
            if e.key.pid == root and root not in seen.images:
                keys[e.key] = root
            elif e.cleanup not in keys:
                if e.key.pid in seen.creator:
                    wrong.append(f"exec of {e.key} with cleanup {e.cleanup}")
                continue
            keys[e.key] = e.key.pid
            seen.images[e.key.pid].append((e.cwd, e.argv))
        elif e["key"] in keys:
            seen.exit(e["key"].pid, e["code"])
        elif e["key"].pid in seen.creator:
            wrong.append(f"exit of {e['key']}")
    assert not wrong, wrong[:5]
    return seen


def compare(truth, seen, root_status=None):
    """Raises with the first differences; returns a sentence."""
    problems = [f"twice: {t}" for t in seen.twice]
    problems += [f"lost: {p}" for p in truth.creator if p not in seen.creator]
    problems += [f"invented: {p}" for p in seen.creator if p not in truth.creator]
    problems += [f"parent of {p}: {seen.creator.get(p)}, is {c}" for p, c in truth.creator.items()
                 if seen.creator.get(p, c) != c]
    for pid in set(truth.images) | set(seen.images):
        got, want = seen.images.get(pid, []), truth.images.get(pid, [])
        if got != want:
            problems.append(f"images of {pid}: got {str(got)[:300]}, want {str(want)[:300]}")
    want_status = dict(truth.status)
    if root_status is not None:
        want_status[truth.root] = root_status
    for pid, status in want_status.items():
        if seen.status.get(pid) != status:
            problems.append(f"status of {pid}: got {seen.status.get(pid)}, want {status}")
    problems += [f"exit invented: {p}" for p in seen.status if p not in want_status]
    assert not problems, f"{len(problems)} differences: " + "; ".join(problems[:4])
    images = sum(len(v) for v in truth.images.values())
    return f"{len(truth.creator)} processes, {images} images, {len(truth.status)} statuses agree"
