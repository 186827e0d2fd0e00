#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_report.py: the page of `procrec report` as a file: it lets nothing run or load but its own script, strings of the trace stand
in its data alone, and the data are those of the CSV export."""
import base64
import csv
import hashlib
import html.parser
import io
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import PROCREC, ROOT, WRAP, Checks, run, trace_of  # noqa: E402
from secrets_in import TORN, left_of  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = ["hostile-page", "lineage", "own-frames", "hostile-strings", "hostile-items", "hostile-names", "gaps", "exit-statuses", "empty",
            "users", "no-names", "malformed-frames", "known-counts-clone-exec"]
check = Checks("report")


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.csp, self.title, self.inside, self.raw = [], None, "", None, {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.tags.append((tag, a))
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy":
            self.csp = a["content"]
        self.inside = "data" if tag == "script" and a.get("type") == "application/json" else tag if tag in ("script", "style", "title") else None

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.raw.setdefault(self.inside, []).append(data)


def sha(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def check_page(text, page, reference):
    if {k: len(v) for k, v in page.raw.items()} != {"title": 1, "style": 1, "data": 1, "script": 1}:
        return f"elements: { {k: len(v) for k, v in page.raw.items()} }"
    want = f"default-src 'none'; base-uri 'none'; form-action 'none'; script-src {sha(page.raw['script'][0])}; style-src {sha(page.raw['style'][0])}"
    if page.csp != want:
        return f"policy is {page.csp}, and should be {want}"
    loaded = [(t, k) for t, a in page.tags for k in a if k in ("src", "href", "style", "action", "srcset") or k.startswith("on")]
    if loaded:
        return f"{loaded[0][0]} has {loaded[0][1]}"
    if re.search(r"[<>&]", page.raw["data"][0]):
        return "the data have <, > or & as they are"
    if [t for t, _ in page.tags] != [t for t, _ in reference.tags]:
        return "the trace changed the page's elements"
    if any(ord(c) < 32 and c not in "\n\t" or 0x202a <= ord(c) <= 0x202e for c in text):
        return "a raw control character"
    return None


def lives_of(d):
    begin, at = [], 0
    for x in d["begin"]:
        at += x
        begin.append(at)
    return begin


def check_data(d, rows):
    """The columns against the rows of the CSV export."""
    n, begin = len(d["pid"]), lives_of(d)
    for key in ("up", "ppid", "begin", "dur", "end", "status", "certainty", "flags"):
        if len(d[key]) != n:
            return f"{key} has {len(d[key])} values for {n} processes"
    if any(not -1 <= u < i for i, u in enumerate(d["up"])):
        return "a creator behind what it created"
    got = {}
    for i, p in enumerate(d["imageOf"]):
        last = i + 1 == len(d["imageOf"]) or d["imageOf"][i + 1] != p
        if d["imageHow"][i] == 1 and not last:
            continue
        ktime = int(d["startKtime"]) + begin[p] + d["imageFrom"][i] + d["imageKtime"][i]
        exit_ = d["status"][p] if last and d["end"][p] == 1 else None
        got[d["pid"][p], ktime] = (d["ppid"][p], exit_, d["words"][d["imageBinary"][i]])
    binaries = {}
    for r in rows:
        i = base64.b64decode(r["exec_id"]).decode("utf-8", "replace").split(":")
        key = (int(r["pid"]), int(i[-2]))
        binaries[key] = r
        if base64.b64decode(r["exec_id"]) != base64.b64decode(d["hostB64"]) + b":%d:%d" % (key[1], key[0]):
            return f"{key}: the host of {r['exec_id']}"
        if key not in got:
            return f"{key} is missing"
        ppid, exit_, _ = got[key]
        status = None
        if r["exit_code"]:
            status = int(r["exit_code"]) << 8
        elif r["exit_signal"]:
            status = int(r["exit_signal"])
        if ppid != int(r["ppid"] or 0) or (status is None) != (exit_ is None) or (status is not None and (exit_ & 127 or exit_ & 0xff00) != status):
            return f"{key}: {got[key]}, and {r['ppid']}, {status} in CSV"
        if r["argv"]:
            p = next(k for k in range(len(d["imageOf"])) if (d["pid"][d["imageOf"][k]], int(d["startKtime"]) + begin[d["imageOf"][k]] + d["imageFrom"][k] + d["imageKtime"][k]) == key and (d["imageHow"][k] != 1 or k + 1 == len(d["imageOf"]) or d["imageOf"][k + 1] != d["imageOf"][k]))
            argv = [None if w < 0 else d["words"][w] for w in d["argv"][d["imageArgv"][p]]]
            if argv != json.loads(r["argv"]):
                return f"{key}: argv {argv}"
    return None if len(rows) == len(got) else f"{len(got)} images, {len(rows)} in CSV"


def check_options(tmp):
    seg, page = os.path.join(tmp, "own-frames.seg"), os.path.join(tmp, "p.html")
    for name, args, status, text in [
            ("default", ["report", seg], 0, "own-frames.seg.html: 6 processes"),
            ("exists", ["report", seg], None, "--force"),
            ("output", ["report", seg, "-o", page], 0, "6 processes"),
            ("force", ["report", seg, "-o", page, "--force", "--tree", "201"], 0, "3 processes"),
            ("since", ["report", seg, "-o", page, "--force", "--since", "+1.55s"], 0, "3 processes"),
            ("damaged", ["report", os.path.join(ROOT, "fixtures", "corrupt", "two-blocks-damaged.seg"), "-o", "-"], 1, "12 frames lost"),
            ("no-trace", ["report", seg + "x", "-o", page], 4, "own-frames.segx"),
            ("no-args", ["report"], 2, "")]:
        got, _, err = run(*args)
        check(f"option.{name}", None if (got == status or status is None and got) and text in err else f"status {got}: {err}")
    check("option.mode", None if os.stat(page).st_mode & 0o777 == 0o600 else "others can read the page")


# Secrets of bytes that JSON, and what holds JSON in HTML, must write in other ways; in the command line of the recorder, too.
ODD = rb"""host
	hostname="h"
clock time=1000000000 realtime=1700000000000000000
recorder time=1000000000
	cmdline="procrec\0record\0--\0deploy\0--token\0<oryx>&\"addax\""
	root_pid="7"
execve pid=7@2000001000 parent=1@1 flags=EXECVE|CLONE
	filename="/usr/bin/deploy"
	args=["--token", "<oryx>&\"addax\"", "--password=\xffkudu-kudu\xfe", "plain"]
	cwd="/"
exit pid=7@2000001000 time=3000000000 code=exit:0
"""


def check_redact(tmp):
    """No part of a secret is in a page's bytes, nor in what its script makes of them; all else is what the page of `extract --redact` has."""
    key, page = os.path.join(tmp, "key"), os.path.join(tmp, "r.html")
    open(key, "w").write("a key for the tests\n")
    traces = [(trace_of("secrets", HERE, tmp), [b"sesame", b"AKIAIOSFODNN7EXAMPLE", b"ghp_abcdefghijklmnopqrstuvwxyz0123456789"])]
    for name, text, secrets in [("torn", TORN, [b"hunter2zebra", b"quaggaquagga", b"okapi-okapi"]), ("odd", ODD, [b'<oryx>&"addax"', b"kudu-kudu"])]:
        traces.append((os.path.join(tmp, name + ".seg"), secrets))
        subprocess.run([*WRAP, PROCREC, "asm", "-", "-o", traces[-1][0]], input=text, check=True)
    for seg, secrets in traces:
        name = "redact." + os.path.basename(seg)[:-4]
        plain = run("report", seg, "-o", "-")[1]
        check(f"{name}.plain", None if all(left_of([s], plain) for s in secrets) else "the test's secrets are not found in the page with them")
        status, out, err = run("report", seg, "-o", "-", "--redact", "--redact-key", key)
        check(f"{name}.status", None if not status and re.search("secrets replaced: [1-9]", err) else f"status {status}: {err}")
        left = left_of(secrets, out) or left_of(secrets, strings_of(json.loads(Page(out.decode()).raw["data"][0])))
        check(f"{name}.left", f"{left} is left" if left else None)
        run("extract", seg, "--redact", "--redact-key", key, "-o", seg + ".clean", "--force")
        of_clean = [marks_of(x) for x in (out, run("report", seg + ".clean", "-o", "-")[1])]
        check(f"{name}.marks", None if of_clean[0] and of_clean[0] == of_clean[1] else f"marks {of_clean[0]}, and of extract {of_clean[1]}")
    seg = traces[0][0]
    drawn = [marks_of(run("report", seg, "-o", "-", "--redact")[1]) for _ in range(2)]
    check("redact.keys", None if drawn[0] and not drawn[0] & drawn[1] else "marks do not hang on the key")
    rules = os.path.join(tmp, "rules")
    open(rules, "w").write("arg (select 1)\n")
    for args in (["--redact=" + rules], ["--redact-rules", rules]):
        out = run("report", seg, "-o", "-", *args)[1]
        check(f"redact.{args[0]}", "a rule was not used" if b"select 1" in out or b"sesame" in out else None)
    open(rules, "w").write("arg (\n")
    for args in (["--redact-key", key], ["--redact=" + rules], ["--redact-rules", rules + "x"]):
        status, _, err = run("report", seg, "-o", page, *args)
        check(f"redact.bad{args[0]}", None if status in (2, 4) and not os.path.exists(page) else f"status {status}: {err}")


def strings_of(v):
    if isinstance(v, dict):
        return b"\n".join(strings_of(x) for x in v.values())
    if isinstance(v, list):
        return b"\n".join(strings_of(x) for x in v)
    return v.encode() if isinstance(v, str) else b""


def marks_of(page):
    return set(re.findall(rb"REDACTED:[0-9a-f]{8}", page))


def main():
    with tempfile.TemporaryDirectory(prefix="procrec-report.") as tmp:
        reference = None
        for name in FIXTURES:
            seg = trace_of(name, HERE, tmp)
            status, out, err = run("report", seg, "-o", "-")
            check(f"{name}.status", None if status == (1 if name == "gaps" else 0) else f"status {status}: {err}")
            check(f"{name}.same", None if run("report", seg, "-o", "-")[1] == out else "differs from run to run")
            text = out.decode()
            page = Page(text)
            reference = reference or Page(run("report", trace_of("lineage", HERE, tmp), "-o", "-")[1].decode())
            check(f"{name}.page", check_page(text, page, reference))
            rows = list(csv.DictReader(io.StringIO(run("export", seg, "-f", "csv")[1].decode(), newline="")))
            try:
                check(f"{name}.data", check_data(json.loads(page.raw["data"][0]), rows))
            except (KeyError, ValueError, IndexError, StopIteration) as e:
                check(f"{name}.data", repr(e))
        check_options(tmp)
        check_redact(tmp)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
