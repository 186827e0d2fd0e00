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

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
PROCREC = os.path.abspath(os.environ.get("PROCREC", os.path.join(ROOT, "build", "procrec")))
WRAP = os.environ.get("WRAP", "").split()
FIXTURES = ["hostile-page", "lineage", "own-frames", "hostile-strings", "hostile-items", "hostile-names", "gaps", "exit-statuses", "empty",
            "users", "no-names", "malformed-frames", "known-counts-clone-exec"]
passed = failed = 0


def run(*args, cwd=None):
    p = subprocess.run([*WRAP, PROCREC, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, cwd=cwd)
    return p.returncode, p.stdout, p.stderr.decode()


def check(name, problem):
    global passed, failed
    if problem:
        failed += 1
        print(f"FAILED {name}: {problem}")
    else:
        passed += 1


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


def trace_of(name, tmp):
    seg = os.path.join(tmp, name + ".seg")
    if os.path.exists(seg):
        return seg
    folder = HERE if os.path.exists(os.path.join(HERE, name + ".frames")) else os.path.join(ROOT, "fixtures", "src")
    return None if run("asm", name + ".frames", "-o", seg, cwd=folder)[0] else seg


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


def main():
    with tempfile.TemporaryDirectory(prefix="procrec-report.") as tmp:
        reference = None
        for name in FIXTURES:
            seg = trace_of(name, tmp)
            status, out, err = run("report", seg, "-o", "-")
            check(f"{name}.status", None if status == (1 if name == "gaps" else 0) else f"status {status}: {err}")
            check(f"{name}.same", None if run("report", seg, "-o", "-")[1] == out else "differs from run to run")
            text = out.decode()
            page = Page(text)
            reference = reference or Page(run("report", trace_of("lineage", tmp), "-o", "-")[1].decode())
            check(f"{name}.page", check_page(text, page, reference))
            rows = list(csv.DictReader(io.StringIO(run("export", seg, "-f", "csv")[1].decode(), newline="")))
            try:
                check(f"{name}.data", check_data(json.loads(page.raw["data"][0]), rows))
            except (KeyError, ValueError, IndexError, StopIteration) as e:
                check(f"{name}.data", repr(e))
        check_options(tmp)
    print(f"report: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
