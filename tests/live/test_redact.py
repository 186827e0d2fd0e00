# SPDX-License-Identifier: BSD-2-Clause
"""record --redact: known secrets in real arguments; none of them, and no part of one, reaches the disk, and all else is as without it."""

import glob
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time

import frames
import live
from test_resume import Bpffs

MARK = re.compile(r"\[REDACTED:[0-9a-f]{8}\]")
PART = 12  # bytes of a secret that must not be found; fewer may stand there by chance
INLINE, PAYLOAD = 1024, 32736
SPAWN = """
import json, os, sys
for marker, argv in json.load(open(sys.argv[1])):
    pid = os.posix_spawn("/bin/true", ["true", marker, *argv], {"PATH": "/bin"})
    os.waitpid(pid, 0)
"""


class Secrets:
    """Draws secrets, hexadecimal digits, and keeps them."""

    def __init__(self):
        self.all = []

    def new(self, n=32):
        self.all.append(secrets.token_hex(n)[:n])
        return self.all[-1]

    def found(self, data):
        parts = {s[i:i + PART].encode() for s in self.all for i in range(0, len(s) - PART + 1)}
        runs = {run for run in re.findall(rb"[0-9a-f]{%d,}" % PART, data)}
        return sorted({run[i:i + PART] for run in runs for i in range(0, len(run) - PART + 1)} & parts)


def cases(s):
    same = s.new()
    c = [[f"--password={same}"], [f"--token={same}", "after"], ["--password", s.new(), "after"], ["--api-key", same],
         [f"https://bob:{s.new()}@host/path", "x"], [f"FOO_TOKEN={s.new()}", "make"], [f"-DDB_PASSWORD='{s.new()}'"], ["", "", f"--secret={s.new()}", ""],
         ["-c", f"curl --token {s.new()} x; FOO_SECRET={s.new()} y"], ["-H", f"Authorization: Bearer {s.new()}"], [f'{{"password": "{s.new()}"}}']]
    for border in (INLINE, PAYLOAD, 2 * PAYLOAD):
        for shift in (-33, -31, -16, -9, -8, -4, -1, 0, 1, 30, 60):
            # arguments are put one behind the other with a NUL between: the secret begins at border + shift, or ends near it
            pad = border + shift - 12 - 1
            c.append(["p" * pad, f"--token={s.new()}", "t" * 100])
            c.append(["p" * pad, "--token", s.new(), "t" * 100])
    c.append(["p" * 100000, f"--token={s.new(70000)}", "t"])
    c.append(["p" * 100000, "--token", s.new(110000)])
    return [(f"marker-{i}", argv) for i, argv in enumerate(c)]


def spawner(d, listed):
    path = os.path.join(d, "cases.json")
    with open(path, "w", encoding="ascii") as f:
        json.dump(listed, f)
    return [sys.executable, "-c", SPAWN, path]


def by_marker(events):
    return {e["argv"][1]: e for e in events if e["type"] == "execve" and len(e["argv"]) > 1 and str(e["argv"][1]).startswith("marker-")}


def masked(argv, drawn):
    """The list as it is to be recorded; the marks as #."""
    whole = "\0".join(argv)
    for x in sorted(drawn, key=len, reverse=True):
        whole = whole.replace(x, "#")
    return whole.split("\0")


def everything(folder):
    """All files, and what the segments hold when they are unpacked."""
    out = b""
    for path in glob.glob(os.path.join(folder, "**", "*"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                out += f.read()
        if path.endswith(".seg"):
            out += subprocess.run([live.PROCREC, "unpack", path], stdout=subprocess.PIPE, check=False).stdout
            out += subprocess.run(["lz4", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
    return out


def other_fields(e):
    keys = ("type", "uid", "user", "binary", "cwd", "cap", "arguments", "argv")
    return {k: json.loads(MARK.sub("#", json.dumps(e[k]))) for k in keys}


def test_secrets_in_arguments():
    s = Secrets()
    with live.scratch() as d, tempfile.TemporaryDirectory() as work:
        listed = cases(s)
        traces = {}
        for name, options in (("plain", ()), ("redacted", ["--redact"])):
            os.mkdir(os.path.join(d, name))
            traces[name] = os.path.join(d, name, "t.seg")
            r = live.record(traces[name], *options, cmd=spawner(work, listed))
            live.equal(r.status, 0, f"record: {r.err}")
            live.equal(live.run(live.PROCREC, "verify", traces[name]).status, 0, "verify")
        live.equal(len(s.found(everything(os.path.join(d, "plain")))) > 1000, True, "parts of secrets that a plain recording holds")
        live.equal(s.found(everything(os.path.join(d, "redacted"))), [], "parts of secrets on the disk")
        live.equal(live.run(live.PROCREC, "replay", traces["redacted"], "--gaps").out, "", "gaps")
        plain, redacted = (by_marker(live.replay(traces[n])) for n in ("plain", "redacted"))
        live.equal(sorted(redacted), sorted(plain), "execs")
        marks = {}
        for marker, argv in listed:
            got = redacted[marker]
            live.equal(MARK.sub("#", "\0".join(got["argv"][2:])).split("\0"), masked(argv, s.all), marker)
            want = dict(plain[marker], argv=["true", marker, *masked(argv, s.all)])
            want["arguments"] = masked([plain[marker]["arguments"]], s.all)[0]
            live.equal(other_fields(got), other_fields(want), f"{marker}: all but the secrets")
            for secret in s.all:
                if secret in "\0".join(argv) and len(MARK.findall("\0".join(got["argv"][2:]))) == 1:
                    marks.setdefault(secret, set()).update(MARK.findall("\0".join(got["argv"][2:])))
        live.equal([m for m in marks.values() if len(m) != 1], [], "marks of the same secret")
        live.equal(len(set.union(*marks.values())), len(marks), "different marks of different secrets")
        return f"{len(listed)} lists, {len(s.all)} secrets"


def test_own_command_line_snapshot_and_failures():
    s = Secrets()
    with live.scratch() as d, tempfile.TemporaryDirectory() as work:
        for name in ("mysql", "sleeper"):
            os.symlink("/bin/sleep" if name == "sleeper" else "/bin/true", os.path.join(work, name))
        old = subprocess.Popen(["perl", "-e", "sleep 1000", "--", f"--token={s.new()}", "x" * 40000, f"--token={s.new()}"])
        try:
            own = [f"--password={s.new()}", f"-p{s.new()}"]
            script = f"import subprocess, os\ntry: os.execv('/nonexistent', ['x', '--token={s.new()}'])\nexcept OSError: pass\n"
            script += f"subprocess.call(['{work}/mysql', '-p' + open('{work}/secret').read()])"
            with open(os.path.join(work, "secret"), "w", encoding="ascii") as f:
                f.write(s.new())
            r = live.record(os.path.join(d, "t.seg"), "--redact", "--failed-exec", cmd=["env", os.path.join(work, "mysql"), *own])
            live.equal(r.status, 0, f"record: {r.err}")
            # without --: what is CMD is not told by it
            r = live.run(live.PROCREC, "record", "--redact", "--failed-exec", "-o", os.path.join(d, "u.seg"), "python3", "-c", script, *own)
            live.equal(r.status, 0, f"record: {r.err}")
        finally:
            old.kill()
            old.wait()
        # -p is an option of mysql alone, and python3 is another program
        allowed = own[1][2:]
        s.all.remove(allowed)
        live.equal(s.found(everything(d)), [], "parts of secrets on the disk")
        for name in ("t.seg", "u.seg"):
            t = frames.Trace(os.path.join(d, name)) if name == "t.seg" else None
            info = json.loads(live.run(live.PROCREC, "info", "--json", os.path.join(d, name)).out)
            assert re.fullmatch("[0-9a-f]{64}", info["redact_rules"]), info
            assert re.fullmatch("[0-9a-f]{16}", info["redact_key"]), info
            live.equal(t is None or t.gaps()[0], t is None or {}, "gaps")
        snap = [e for e in live.replay(os.path.join(d, "t.seg"), "--cache") if e.get("pid") == old.pid]
        live.equal(len(MARK.findall(snap[0]["arguments"])), 2, "secrets of a process that was alive")


def test_rules_and_keys():
    with live.scratch() as d:
        rules, key = os.path.join(d, "rules"), os.path.join(d, "key")
        with open(rules, "w", encoding="ascii") as f:
            f.write("arg ^colour:(.*)$\n")
        with open(key, "wb") as f:
            f.write(os.urandom(32))
        seen, infos = [], []
        for i in range(2):
            t = os.path.join(d, f"{i}.seg")
            r = live.record(t, f"--redact={rules}", "--redact-key", key, cmd=["/bin/true", "colour:blue", "--token=abcdefgh"])
            live.equal(r.status, 0, r.err)
            infos.append({k: v for k, v in json.loads(live.run(live.PROCREC, "info", "--json", t).out).items() if k.startswith("redact")})
            seen.append([e["argv"] for e in live.replay(t) if e["type"] == "execve" and e["argv"][0] == "/bin/true"])
        live.equal(seen[0], seen[1], "the same key gives the same marks")
        live.equal(infos[0], infos[1], "and the same label")
        live.equal([MARK.sub("#", a) for a in seen[0][0]], ["/bin/true", "colour:#", "--token=#"], "own rules behind the default ones")
        want = live.run("sha256sum", rules).out.split()[0]
        live.equal(infos[0]["redact_rules"].split(" ")[1], want, "the hash of the rules")
        for argv, what in ((["--redact-key", key], "is for --redact"), (["--password-file", key], "is for --sign"),
                           (["--redact", "--resume"], "--redact-key"), ([f"--redact={d}/none"], "none"),
                           (["--redact", "--redact-key", "/dev/null"], "16 bytes")):
            r = live.record(os.path.join(d, "no.seg"), *argv, cmd=[] if "--resume" in argv else ["true"])
            assert r.status in (2, 3, 4) and what in r.err, f"{argv}: {r.status} {r.err}"
            live.equal(os.path.exists(os.path.join(d, "no.seg")), False, "a trace that was not begun")


def test_rotation():
    """Keyframes of later segments repeat what was written, and nothing else."""
    s = Secrets()
    with live.scratch() as d, tempfile.TemporaryDirectory() as work:
        listed = [(f"marker-{i}", [secrets.token_urlsafe(300), f"--token={s.new()}", "y" * 40000]) for i in range(150)]
        argv = spawner(work, listed)
        old = subprocess.Popen(["perl", "-e", "sleep 1000", "--", f"--token={s.new()}"])
        try:  # CMD itself lives through all segments
            r = live.run(live.PROCREC, "record", "--redact", "-o", d + "/rec/", "--max-segment", "16K", "--sync", "20ms", "--", *argv,
                         f"--token={s.new()}")
        finally:
            old.kill()
            old.wait()
        live.equal(r.status, 0, r.err)
        segments = glob.glob(d + "/rec/*.seg")
        assert len(segments) > 2, segments
        live.equal(s.found(everything(d)), [], "parts of secrets on the disk")
        live.equal(live.run(live.PROCREC, "replay", d + "/rec", "--gaps").out, "", "gaps")
        live.equal(len(by_marker(live.replay(d + "/rec"))), len(listed), "execs")
        for seg in segments:
            info = json.loads(live.run(live.PROCREC, "info", "--json", seg).out)
            assert info.get("redact_rules"), f"{seg}: does not say that it is redacted"
        return f"{len(segments)} segments"


def test_resume():
    """Recorders that are killed between the data of an exec and its end."""
    s = Secrets()
    with Bpffs() as b, live.scratch() as d, tempfile.TemporaryDirectory() as work:
        trace, key = os.path.join(d, "t.seg"), os.path.join(work, "key")
        with open(key, "wb") as f:
            f.write(os.urandom(32))
        listed = [(f"marker-{i}", ["x" * 30000, f"--token={s.new()}", "y" * 30000, f"--token={s.new()}"]) for i in range(150)]
        options = ["--resume", "--pin", b.pins, "--sync", "20ms", "--redact", "--redact-key", key]
        r = live.Recorder(trace, *options)
        p = subprocess.Popen(spawner(work, listed))
        for _ in range(8):
            time.sleep(0.03)
            r.p.kill()
            r.p.wait()
            r = live.Recorder(trace, *options)
        live.equal(p.wait(300), 0, "workload")
        live.wait_for(lambda: frames.frames(trace), "the first frames: they say that it is redacted")
        r.p.kill()
        r.p.wait()
        x = live.record(trace, "--resume", "--pin", b.pins)
        live.equal(x.status, 4, f"going on without --redact: {x.err}")
        assert "is redacted" in x.err, x.err
        with open(key + "2", "wb") as f:
            f.write(os.urandom(32))
        x = live.record(trace, *options[:-1], key + "2")
        assert x.status == 4 and "another key" in x.err, x.err
        r = live.Recorder(trace, *options)
        live.equal(r.stop(), 0, f"exit status ({r.err})")
        live.equal(s.found(everything(d)), [], "parts of secrets on the disk")
        live.equal(live.run(live.PROCREC, "replay", trace, "--gaps").out, "", "gaps")
        got = by_marker(live.replay(trace))
        for marker, argv in listed:
            live.equal(MARK.sub("#", "\0".join(got[marker]["argv"][2:])).split("\0"), masked(argv, s.all), marker)


def test_loss():
    """A ring that is far too small: parts of lists are lost, at any place; what is left of them tells nothing."""
    s = Secrets()
    with live.scratch() as d, tempfile.TemporaryDirectory() as work:
        listed = [(f"marker-{i}", ["x" * 20000, f"--token={s.new(50000)}", "y" * 60000]) for i in range(100)]
        r = live.record(os.path.join(d, "t.seg"), "--redact", "--ring", "128K", "--read-delay", "50ms", cmd=spawner(work, listed))
        assert "LOST" in r.err, f"nothing was lost, so that nothing was tested: {r.err}"
        live.equal(s.found(everything(d)), [], "parts of secrets on the disk")
        return r.err.splitlines()[1]


if __name__ == "__main__":
    live.main(globals())
