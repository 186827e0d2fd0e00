# SPDX-License-Identifier: BSD-2-Clause
"""record -o DIR/ --sign: rotation loses nothing, each segment stands alone, and a recorder that is killed leaves proof up to there."""

import json
import os
import re
import subprocess
import time

import live


def keys(d):
    live.equal(live.run(live.PROCREC, "keygen", os.path.join(d, "k")).status, 0, "keygen")
    return os.path.join(d, "k.key"), os.path.join(d, "k.pub")


def segments(folder):
    return sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".seg"))


def verify(path, pub, *options):
    r = live.run(live.PROCREC, "verify", path, "--pubkey", pub, "--json", *options)
    return r.status, json.loads(r.out)


def counted(path):
    r = live.run(live.PROCREC, "replay", path, "--json")
    live.equal(r.status, 0, f"replay ({r.err})")
    kinds = re.findall(r'^{"type":"(\w+)"', r.out, re.M)
    return kinds.count("clone"), kinds.count("exit")


def test_rotation_loses_nothing():
    with live.scratch() as d:
        key, pub = keys(d)
        folder = os.path.join(d, "rec")
        r = live.record(folder + "/", "--sign", key, "--max-segment", "64K", "--sync", "100ms",
                        cmd=[live.WORKLOAD, "storm", "2", "3000"])
        live.equal(r.status, 0, f"exit status ({r.err})")
        clones, exits = map(int, re.search(r"(\d+) clones, (\d+) exits", r.err).groups())
        parts = segments(folder)
        assert len(parts) >= 3, f"{len(parts)} segments"
        live.equal(counted(folder), (clones, exits), "clones and exits in the whole against the summary")
        status, v = verify(folder, pub, "--sealed")
        live.equal((status, v["verdict"], v["signed"]), (0, "whole", "all"), "verify of the whole")
        for p in parts:
            live.equal(live.run(live.PROCREC, "replay", p, "--gaps").out, "", f"gaps in {p} alone")
            live.equal(verify(p, pub, "--sealed")[0], 0, f"verify of {p} alone")
            if live.run("sh", "-c", "command -v minisign").status == 0:
                live.equal(live.run("minisign", "-qVm", p, "-p", pub).status, 0, f"minisign of {p}")
        return f"{len(parts)} segments, {clones} clones, {exits} exits"


def test_a_killed_recorder_and_its_successor():
    with live.scratch() as d:
        key, pub = keys(d)
        folder = os.path.join(d, "rec")
        r = live.Recorder(folder + "/", "--sign", key, "--sync", "50ms")
        subprocess.run(["sh", "-c", "for i in 1 2 3 4 5; do /bin/true; done"], check=True)
        time.sleep(0.3)
        second = live.record(folder + "/", cmd=["true"])
        live.equal(second.status, 4, "a second recorder on the directory")
        assert "another recorder" in second.err and str(r.p.pid) in second.err, second.err
        r.p.kill()
        r.p.wait()
        status, v = verify(folder, pub)
        live.equal((status, v["verdict"], v["signed"]), (0, "open", "partly"), "verify after kill -9")
        live.equal(verify(folder, pub, "--sealed")[0], 1, "verify --sealed after kill -9")
        live.equal(live.record(folder + "/", "--sign", key, cmd=["true"]).status, 0, "the next recorder")
        status, v = verify(folder, pub)
        live.equal((status, v["verdict"], v["segments"]), (0, "whole", 2), "verify of both")
        return "killed, found out, gone on"


def test_retention():
    with live.scratch() as d:
        key, pub = keys(d)
        folder = os.path.join(d, "rec")
        r = live.record(folder + "/", "--sign", key, "--max-segment", "32K", "--keep", "400K", "--sync", "100ms",
                        cmd=[live.WORKLOAD, "storm", "2", "3000"])
        live.equal(r.status, 0, f"exit status ({r.err})")
        parts = segments(folder)
        assert len(parts) >= 2, f"{len(parts)} segments left"  # else none is left when the first one goes
        status, v = verify(folder, pub)
        live.equal((status, v["verdict"]), (0, "whole"), "verify")
        assert v["segments_deleted"] > 0, v
        live.equal(int(os.path.basename(parts[0])[:12]), v["segments_deleted"], "first segment left")
        os.unlink(parts[0])
        live.equal(verify(folder, pub)[0], 1, "verify without a segment that retention had left")
        return f"{v['segments_deleted']} deleted, {len(parts)} left"


def test_a_full_disk_costs_the_oldest():
    if not os.environ.get("PROCREC_LONG"):
        raise live.Skip("a known fault: the recorder at times waits for room for ever at its end; PROCREC_LONG=1 tries it")
    with live.scratch() as d:
        key, pub = keys(d)
        disk = os.path.join(d, "disk")
        os.mkdir(disk)
        if live.run("mount", "-t", "tmpfs", "-o", "size=500k", "none", disk).status:
            raise live.Skip("no tmpfs can be mounted")
        try:
            folder = os.path.join(disk, "rec")
            r = live.record(folder + "/", "--sign", key, "--no-index", "--max-segment", "64K", "--sync", "100ms",
                            cmd=[live.WORKLOAD, "storm", "2", "4000"])
            live.equal(r.status, 0, f"exit status ({r.err})")
            assert "No space left" in r.err and "nothing lost" in r.err, r.err
            status, v = verify(folder, pub)
            live.equal((status, v["verdict"]), (0, "whole"), "verify")
            assert v["segments_deleted"] > 0, v
            return f"{v['segments_deleted']} segments made room"
        finally:
            live.run("umount", disk)


if __name__ == "__main__":
    live.main(globals())
