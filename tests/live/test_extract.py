# SPDX-License-Identifier: BSD-2-Clause
"""Parts of real recordings: a subtree says the same as the whole, and no secret is left in a redacted one."""

import os
import subprocess

import live

SECRET = "hunter2hunter2"


def procrec(*argv, status=0):
    r = live.run(live.PROCREC, *argv)
    live.equal(r.status, status, f"{' '.join(argv)}: {r.err}")
    return r


def processes(trace, view, pid):
    return [{k: v for k, v in e.items() if k != "seq"} for e in live.replay(trace, view, pid)]


def test_extract_subtree():
    with live.scratch() as d:
        t, n = os.path.join(d, "t.seg"), os.path.join(d, "n.seg")
        live.equal(live.record(t, cmd=("sh", "-c", "/bin/true a; sh -c '/bin/true b; (exit 3)'; /bin/true c")).status, 0, "record")
        pid = next(str(e["pid"]) for e in live.replay(t) if e["type"] == "execve" and e["argv"][2:] == ["/bin/true b; (exit 3)"])
        procrec("extract", t, "--pid", pid, "-o", n)
        procrec("verify", n)
        live.equal(procrec("replay", n, "--gaps").out, "", "gaps")
        for view in "--ancestry", "--descendants":
            assert processes(n, view, pid) == processes(t, view, pid), view
        procrec("diff", "--root", pid, t, n)


def test_extract_redacted():
    with live.scratch() as d:
        t, n = os.path.join(d, "t.seg"), os.path.join(d, "n.seg")
        script = (f"/bin/echo --password={SECRET}; /bin/echo $(head -c 32750 /dev/zero | tr '\\0' x) --token={SECRET} {'y' * 9000};"
                  f"exec -a token={SECRET} /bin/true https://bob:{SECRET}@host/")
        r = live.record(t, cmd=("bash", "-c", script))
        live.equal(r.status, 0, "record")
        procrec("extract", t, "--redact", "-o", n)
        procrec("verify", n)
        raw = [subprocess.run([live.PROCREC, "unpack", x], stdout=subprocess.PIPE, check=True).stdout for x in (t, n)]
        assert SECRET.encode() in raw[0] and SECRET.encode() not in raw[1]
        live.equal(procrec("replay", n, "--gaps").out, "", "gaps")
        live.equal([(e["type"], e["pid"], len(e["argv"])) for e in live.replay(n)], [(e["type"], e["pid"], len(e["argv"])) for e in live.replay(t)],
                   "events")


if __name__ == "__main__":
    live.main(globals())
