#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_terminal.py: how answers look on a terminal, on a real one (a pty); and that nothing of it reaches a pipe.

CASE: names or patterns of the checks to run alone.
"""
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zoneinfo
from datetime import datetime, timedelta, timezone

from term import SGR, Terminal, plain, run, width

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
PROCREC = os.path.abspath(os.environ.get("PROCREC", os.path.join(ROOT, "build", "procrec")))
FIXTURES = ["lineage", "own-frames", "gaps", "malformed-frames", "hostile-strings", "hostile-names", "hostile-items", "exit-statuses",
            "odd-count-below-zero", "empty", "users"]
passed, failed, skipped = 0, 0, 0
T = {}  # traces by name


class Problem(Exception):
    pass


def need(condition, *told):
    if not condition:
        raise Problem(" ".join(str(t) for t in told))


def piped(*args, env=None, **options):
    p = subprocess.run([PROCREC, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                       env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", **(env or {})}, **options)
    return p.returncode, p.stdout, p.stderr


def on_pty(*args, **options):
    return run([PROCREC, *args], **options)


def pids(trace):
    return sorted({int(p) for p in re.findall(rb'"type":"process".*?"pid":(\d+)', piped("replay", trace, "--tree", "--json")[1])})[:4]


def views(name):
    """Every text view of a trace, as arguments."""
    t = T[name]
    yield ["replay", t]
    for view in ("--tree", "--gaps", "--cache", "--frames", "--stats"):
        yield ["replay", t, view]
    yield ["replay", t, "--tree", "--at", "+1us"]
    yield ["replay", t, "--cache", "--diff", "0..9999"]
    for pid in pids(t):
        for view in ("--ancestry", "--descendants", "--why"):
            yield ["replay", t, view, str(pid)]
    yield ["stats", t]
    yield ["info", t]
    yield ["audit", t]
    yield ["verify", t]
    yield ["sql", t, "SELECT * FROM processes"]
    yield ["disasm", t]


PAIRS = [("diff-a", "diff-b"), ("lineage", "hostile-strings")]


def all_views():
    for name in FIXTURES:
        yield from views(name)
    for a, b in PAIRS:
        yield ["diff", T[a], T[b], "--durations", "1ns"]
    for c in ("two-blocks-damaged", "truncated-in-payload", "block-deleted"):
        t = os.path.join(ROOT, "fixtures", "corrupt", c + ".seg")
        yield ["verify", t]
        yield ["replay", t, "--tree"]
        yield ["stats", t]


def takes(command, option):
    return option.encode() in piped(command, "--completion-helper")[1]


def check_same_text(tmp):
    """On a terminal the text is that of a pipe, but for colour and the cutting: colour carries nothing alone."""
    err, colored = os.path.join(tmp, "err"), 0
    for args in all_views():
        extra = [o for o in ("--wide", "--no-pager") if takes(args[0], o)]
        status, want, want_err = piped(*args)
        got, got_status = on_pty(*args, *extra, err=err)
        need(plain(got) == want, args, "another text:", got[:400], "and piped:", want[:400])
        need(got_status == status, args, "status", got_status, "and piped", status)
        need(open(err, "rb").read() == want_err, args, "another stderr")
        need(b"\x1b" not in want, args, "an escape in a pipe")
        colored += got != want
    need(colored > 100, "hardly any view has colour:", colored)


def check_hostile_strings_inject_nothing(_tmp):
    """Of all ESC bytes, and other controls, there are only those of the palette: with colour forced, and everywhere."""
    palette = set()
    for args in all_views():
        if not takes(args[0], "--color"):
            continue
        status, out, err = piped(*args, "--color=always")
        need(plain(out) == piped(*args)[1], args, "forced colour changes the text")
        palette |= set(SGR.findall(out))
        need(not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", plain(out)), args, "a control byte:", plain(out)[:300])
        need(b"\x1b" not in err, args, "an escape in the notes")
        for cp in "\u009b\u202e\u2066\u200f\u200b\ufeff":
            need(cp.encode() not in out, args, "passes through:", repr(cp))
    need(palette <= {b"\x1b[0m", b"\x1b[1m", b"\x1b[2m", b"\x1b[36m", b"\x1b[30;43m", b"\x1b[1;37;41m", b"\x1b[31m", b"\x1b[32m", b"\x1b[35m"},
         "not of the palette:", palette)


def check_what_must_stand_out(_tmp):
    loss, doubt = b"\x1b[1;37;41m", b"\x1b[30;43m"
    for args, role, text in [(["replay", T["gaps"]], loss, b"-- gap: 2 frames"), (["replay", T["gaps"], "--gaps"], loss, b"-- gap: 7 frames"),
                             (["replay", T["lineage"], "--tree"], doubt, b"inferred"), (["replay", T["lineage"], "--tree"], doubt, b"(not in the trace)"),
                             (["replay", T["lineage"], "--ancestry", "40"], doubt, b"inferred"), (["replay", T["lineage"], "--why", "40"], doubt, b"Who started it is inferred"),
                             (["stats", T["gaps"]], loss, b"gaps"), (["replay", T["malformed-frames"], "--frames"], loss, b"malformed: ")]:
        need(role + text in piped(*args, "--color=always")[1], args, text, "does not stand out")
    need(b"\x1b[31mcode 1\x1b[0m" in piped("replay", T["lineage"], "--color=always")[1], "a failed exit has no colour")


def check_when_there_is_colour(_tmp):
    args = ["replay", T["lineage"], "--no-pager"]
    for name, env, option, want in [
            ("terminal", {}, [], True), ("TERM=dumb", {"TERM": "dumb"}, [], False), ("no TERM", {"TERM": None}, [], False),
            ("NO_COLOR", {"NO_COLOR": "1"}, [], False), ("NO_COLOR, empty", {"NO_COLOR": ""}, [], True),
            ("NO_COLOR, --color", {"NO_COLOR": "1"}, ["--color"], True), ("NO_COLOR, --color=auto", {"NO_COLOR": "1"}, ["--color=auto"], False),
            ("dumb, always", {"TERM": "dumb"}, ["--color=always"], True), ("never", {}, ["--color=never"], False)]:
        out, status = on_pty(*args, *option, env=env)
        need(status == 0 and (b"\x1b[" in out) == want, name, "colour:", not want)
    for option, want in (([], False), (["--color=auto"], False), (["--color"], True), (["--color=always"], True)):
        need((b"\x1b[" in piped(*args, *option)[1]) == want, "in a pipe", option)
    status, out, err = piped(*args, "--color=maybe")
    need(status == 2 and not out and b"none of auto, always and never" in err, "--color=maybe:", status, err)
    need(b"\x1b" not in piped("replay", T["lineage"], "--json", "--color=always")[1], "JSON has colour")


def check_lines_fit(_tmp):
    """Lines of tables are never wider than the terminal; gaps, and what is known of a process in a tree, are never cut."""
    cut = below = 0
    for name in FIXTURES + ["wide-strings"]:
        for view in ([], ["--tree"], ["--cache"], ["--ancestry", "1"], ["--descendants", "1"]):
            full = piped("replay", T[name], *view)[1].decode().split("\n")
            for columns in (40, 79, 80, 81, 120, 200):
                got = plain(on_pty("replay", T[name], *view, "--no-pager", columns=columns, err="/dev/null")[0]).decode().split("\n")
                for line, following in zip(got, got[1:] + [""]):
                    if line.startswith(("-- gap:", "expiry queue", "    PID", "procrec:")) or re.match(r"[\d, a-z]+$", line):
                        continue
                    if view == ["--tree"]:
                        need(width(line.split("  [")[0]) <= max(columns - width(line) + width(line.split("  [")[0]), 32), name, columns, line)
                    else:
                        is_head = following.startswith(" " * 8)  # what stands before the command is not cut
                        need(width(line) <= columns or is_head, name, view, columns, "too wide:", width(line), line)
                    cut += "…" in line
                if view != ["--tree"]:
                    below += len(got) > len(full)
                if columns == 200 and name in ("lineage", "exit-statuses"):
                    need(got == full, name, "is cut though it fits")
    need(cut > 20 and below > 5, "nothing was cut:", cut, below)


def check_width_of_characters(_tmp):
    """Wide, combining and broken characters: what is cut at each width is the longest beginning that fits."""
    full = piped("replay", T["wide-strings"])[1].decode().split("\n")
    for columns in range(86, 140):
        got = plain(on_pty("replay", T["wide-strings"], "--no-pager", columns=columns)[0]).decode().split("\n")
        need(len(got) == len(full), columns, "lines:", len(got))
        for line, whole in zip(got, full):
            need(width(line) <= columns, columns, width(line), line)
            if line == whole:
                continue
            need(line.endswith("…") and whole.startswith(line[:-1]), columns, "is no beginning:", line)
            following = whole[len(line) - 1:]
            need(width(whole) > columns and width(line) + width(following[:1]) > columns - 1, columns, "cut too early:", line, following[:3])


def check_columns(_tmp):
    args = ["replay", T["wide-strings"], "--no-pager"]
    full = piped(*args)[1]
    need(piped(*args, env={"COLUMNS": "40"})[1] == full, "COLUMNS cuts what goes into a pipe")
    need(plain(on_pty(*args, columns=300, env={"COLUMNS": "100"})[0]) == plain(on_pty(*args, columns=100)[0]) != full, "COLUMNS does not count on a terminal")
    for bad in ("", "0", "-3", "x", "99999999999999999999"):
        need(plain(on_pty(*args, columns=100, env={"COLUMNS": bad})[0]) == plain(on_pty(*args, columns=100)[0]), "COLUMNS", bad)
    need(plain(on_pty(*args, columns=0)[0]) == plain(on_pty(*args, columns=80)[0]), "a terminal of unknown width")
    need(plain(on_pty(*args, "--wide", columns=20)[0]) == full, "--wide cuts")
    need(b'"miss"' not in full and on_pty("replay", T["wide-strings"], "--json", "--no-pager", columns=40)[0] == piped("replay", T["wide-strings"], "--json")[1], "JSON is cut")


def pager(tmp, text):
    path = os.path.join(tmp, "pager.sh")
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def check_pager(tmp):
    seen = os.path.join(tmp, "seen")
    for args in (["replay", T["lineage"]], ["replay", T["lineage"], "--tree"], ["stats", T["lineage"]], ["info", T["lineage"]], ["audit", T["odd-count-below-zero"]],
                 ["diff", T["diff-a"], T["diff-b"]], ["sql", T["lineage"], "SELECT pid FROM processes"], ["disasm", T["lineage"]],
                 ["replay", T["gaps"]], ["replay", T["lineage"], "--json"]):
        keep = pager(tmp, f"cat >{seen}\necho LESS=$LESS LV=$LV >{seen}.env\n")
        status, want, err = piped(*args)
        out, got_status = on_pty(*args, env={"PROCREC_PAGER": keep, "PAGER": "false"}, columns=300)
        need(out == b"", args, "passes the pager by:", out)
        need(got_status == status, args, "status", got_status, "and piped", status)
        # stderr is a terminal too, and so goes the same way, behind the answer
        need(plain(open(seen, "rb").read()) == want + err, args, "not all of it was paged")
        need(open(seen + ".env", encoding="utf-8").read() == "LESS=FRX LV=-c\n", "no defaults for less")
        os.unlink(seen)
    for env, options, paged in [({"PAGER": keep}, [], True), ({"PROCREC_PAGER": "cat", "PAGER": keep}, [], False), ({"PROCREC_PAGER": "", "PAGER": keep}, [], False),
                                ({"PAGER": keep}, ["--no-pager"], False), ({"PAGER": keep, "TERM": "dumb"}, [], False),
                                ({"PAGER": f"sed s/^/P:/ | {keep}"}, [], True)]:
        out, status = on_pty("replay", T["lineage"], *options, env=env)
        need(status == 0 and os.path.exists(seen) == paged and (out == b"") == paged, env, options, "paged:", not paged, out[:200])
        if paged:
            os.unlink(seen)
    for args in (["replay", "--help"], ["replay", T["lineage"], "--pid", "x"], ["replay", os.path.join(tmp, "none.seg")], ["verify", T["lineage"]], ["help"]):
        on_pty(*args, env={"PAGER": keep})
        need(not os.path.exists(seen), args, "starts the pager")
    piped("replay", T["lineage"], env={"PAGER": keep})
    need(not os.path.exists(seen), "a pipe starts the pager")
    keep = pager(tmp, f"cat >/dev/null\necho $LESS >{seen}\n")
    on_pty("replay", T["lineage"], env={"PAGER": keep, "LESS": "-S"})
    need(open(seen, encoding="utf-8").read() == "-S\n", "the user's LESS is lost")
    os.unlink(seen)


def check_pager_that_ends_early(tmp):
    """Quitting is no error: silent, and the status of a program that SIGPIPE ended, as with git."""
    for what in ("exit 0\n", "head -c 100 >/dev/null\n"):
        out, status = on_pty("replay", T["long"], env={"PAGER": pager(tmp, what)})
        need(out == b"" and status == -13, what, "status", status, out[:200])
    out, status = on_pty("replay", T["lineage"], env={"PAGER": pager(tmp, "cat >/dev/null; exit 3\n")})
    need(out == b"" and status == 0, "the pager's status is not ours:", status, out)


def check_pager_that_is_not_there(tmp):
    none = os.path.join(tmp, "no-pager-here")
    out, status = on_pty("replay", T["lineage"], env={"PAGER": none}, columns=300)
    need(status == 0 and b"cannot be started" in out and b"/usr/bin/make" in out, "an answer is lost:", status, out[:300])
    out, status = on_pty("replay", T["lineage"], env={"PAGER": none + " -x"}, columns=300)
    need(status in (4, -13) and (status == -13 or b"could not be started" in out), "a pager of the shell's:", status, out[:300])
    path = os.path.join(tmp, "empty-path")
    os.makedirs(path, exist_ok=True)
    out, status = on_pty("replay", T["lineage"], env={"PATH": path}, columns=300)
    need(status == 0 and plain(out) == piped("replay", T["lineage"])[1], "without less:", status, out[:300])


def check_less(_tmp):
    if not shutil.which("less"):
        return "less is not there"
    out, status = on_pty("replay", T["lineage"], rows=200)
    need(status == 0 and b"/sbin/init" in out, "a short answer waits:", status)
    t = Terminal([PROCREC, "disasm", T["many-blocks"]], rows=10)
    t.wait_for(b"meta")
    t.write(b"G")
    t.wait_for(b"(END)")
    t.write(b"q")
    need(t.end()[1] == 0, "after all was read")
    t = Terminal([PROCREC, "replay", T["long"]], rows=10)
    t.wait_for(b"alive")
    t.write(b"q")
    need(t.end()[1] == -13, "quit early")
    return None


def check_pager_outlives_an_interrupt(tmp):
    """Ctrl-C ends the output and leaves the pager to its user; the program ends after it, by the signal."""
    text = "trap 'echo interrupted' INT\nhead -n 1\nwhile [ -z \"$line\" ]; do read -r line </dev/tty; done\ncat >/dev/null\necho \"last: $line\"\n"
    for name in ("long", "many-blocks"):  # in the middle of writing, and when all is written
        t = Terminal([PROCREC, "replay", T[name]], env={"PAGER": pager(tmp, text)})
        t.wait_for(b"\n")
        t.write(b"\x03")
        t.wait_for(b"interrupted", key=b"\x03")  # a shell that is just about to read looks at its traps when it has read
        t.write(b"bye\n")
        out, status = t.end()
        need(status == -2 and b"last: bye" in out, name, "status", status, out)


def check_pager_is_outside_the_sandbox(tmp):
    seen = os.path.join(tmp, "seccomp")
    on_pty("replay", T["lineage"], env={"PAGER": pager(tmp, f"grep -h ^Seccomp: /proc/self/status /proc/$PPID/status >{seen}; cat >/dev/null\n")})
    got = open(seen, encoding="utf-8").read().split()
    if subprocess.run(["grep", "-q", "__asan", PROCREC], check=False).returncode == 0:
        return "a build with sanitizers has no sandbox"
    need(got[1] == open("/proc/self/status", encoding="utf-8").read().split("Seccomp:")[1].split()[0], "the pager is confined:", got)
    need(got[3] == "2", "procrec is not:", got)
    return None


def check_less_is_secure_under_sudo(tmp):
    seen = os.path.join(tmp, "secure")
    if os.geteuid():
        return "needs root"
    for uid, want in (("1000", "1"), ("0", ""), (None, "")):
        on_pty("replay", T["lineage"], env={"PAGER": pager(tmp, f"echo $LESSSECURE >{seen}; cat >/dev/null\n"), "SUDO_UID": uid})
        need(open(seen, encoding="utf-8").read() == want + "\n", "SUDO_UID", uid)
    return None


HURRY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
/* Ten seconds pass between two looks at the clock. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	static time_t ahead;
	int (*next)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	int err = next(id, ts);

	if (id == CLOCK_MONOTONIC)
		ts->tv_sec += ahead += 10;
	return err;
}
"""


def check_progress(tmp):
    """Shown on a terminal's last line, only there, and gone at the end. A clock that runs ahead makes everything last."""
    hurry = os.path.join(tmp, "hurry.so")
    subprocess.run([os.environ.get("CC", "cc").split()[0], "-shared", "-fPIC", "-x", "c", "-", "-o", hurry, "-ldl"], input=HURRY.encode(), check=True)
    if subprocess.run(["grep", "-q", "__asan", PROCREC], check=False).returncode == 0:
        return "a sanitizer wants to be the first library"
    t, frames = T["many-blocks"], os.path.join(tmp, "many.raw")
    piped("unpack", t, "-o", frames)
    with open(frames, "rb") as f:
        data = f.read()
    with open(frames, "wb") as f:
        f.write(data * (1 + (4 << 20) // len(data)))

    def out_of(n):
        return os.path.join(tmp, n)

    unsealed = out_of("open.seg")
    with open(t, "rb") as f, open(unsealed, "wb") as g:
        g.write(f.read()[:-152])  # without its footer
    for args, verb in [(["reindex", t], b"indexing"), (["verify", t], b"verifying"), (["pack", frames, "-o", out_of("p.seg"), "-f"], b"packing"),
                       (["unpack", t, "-o", out_of("u.raw"), "-f"], b"unpacking"), (["extract", t, "--redact", "-o", out_of("e.seg"), "-f"], b"extracting from"),
                       (["report", t, "-o", out_of("r.html"), "--force"], b"reading"), (["export", t, "-f", "csv", "-o", out_of("x.csv"), "--force"], b"exporting"),
                       (["replay", t, "--tree", "--no-index"], b"reading"), (["sql", t, "SELECT 1", "--no-index"], b"reading"), (["stats", t], b"reading"),
                       (["dump", t, "-o", out_of("d.seg"), "-f"], b"dumping from"), (["diff", t, t], b"reading|comparing"),
                       (["info", unsealed], b"reading"), (["disasm", t, "-o", out_of("a.frames"), "-f"], b"disassembling"), (["audit", t], b"reading"),
                       (["repair", t, "-o", out_of("g.seg"), "-f"], b"copying"), (["replay", t, "--cache"], b"reading"),
                       (["replay", t, "--cache", "--diff", "9..999"], b"reading")]:
        quiet = ["-q"]
        env = {"LD_PRELOAD": hurry, "PAGER": "cat"}
        out, status = on_pty(*args, env=env, columns=60)
        shown = re.findall(rb"\r([a-z][^\r\x1b]*)\x1b\[K", out)
        need(shown and {next((v for v in verb.split(b"|") if s.startswith(v + b" ")), s) for s in shown} == set(verb.split(b"|")), args, "shows no progress, or other:", out[:300])
        need(status == piped(*args)[0] and all(width(s.decode()) < 60 for s in shown), args, status, shown[:3])
        need(b"\x1b[K" in out and all(out.rfind(b"\r\x1b[K") > out.rfind(v + b" ") for v in verb.split(b"|")), args, "is not erased:", out[-200:])
        percent = [int(p) for s in shown for p in re.findall(rb": (\d+) %", s)]
        need(percent and all(0 <= p <= 100 for p in percent) and max(percent) >= 50, args, percent)
        rest = re.sub(rb"\r[^\r\n]*\x1b\[K", b"", out)
        need(not any(v + b" " in rest for v in verb.split(b"|")), args, "leaves traces:", rest[:300])
        for name, more, env2 in (("-q", quiet, {}), ("dumb", [], {"TERM": "dumb"})):
            need(b"\x1b[K" not in on_pty(*args, *more, env={**env, **env2}, columns=60)[0], args, name, "shows progress")
        need(b"\x1b" not in piped(*args, env=env)[2], args, "in a pipe")
    need(b" processes\x1b[K" in on_pty("diff", t, t, env=env, columns=60)[0], "diff counts no processes")
    progress_of_text(t, env, out_of("text"))
    out, status = on_pty("verify", os.path.join(ROOT, "fixtures", "corrupt", "two-blocks-damaged.seg"), env={"LD_PRELOAD": hurry}, columns=200)
    need(status == 1 and re.search(rb"verifying [^\r\n]*\x1b\[K\r\x1b\[Kprocrec: ", out), "a note is written into the progress:", out)
    return None


def progress_of_text(t, env, to):
    """What writes text to stdout shows it where that is a file, not where it is the terminal, nor a pipe, which may lead there."""
    for args, verb in [(["replay", t], b"reading "), (["replay", t, "--json"], b"reading "), (["replay", t, "--frames"], b"reading "),
                       (["disasm", t], b"disassembling ")]:
        for where, shows in [('>"$0"', True), (">/dev/null", True), ("| cat >/dev/null", False), ("", False)]:
            out, _ = run(["sh", "-c", f'"$@" {where}', to, PROCREC, *args], env=env, columns=60)
            need((b"\r" + verb in out) == shows, args, where, "shows progress:" if not shows else "shows no progress:", out[:300])
        with open(to, "rb") as f:
            need(f.read() == piped(*args)[1], args, "writes something else beside its progress")
        out, _ = run(["sh", "-c", '"$@" >"$0"', to, PROCREC, *args, "-q"], env=env, columns=60)
        need(b"\x1b" not in out, args, "-q shows progress")


TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(?:Z|[+-]\d\d:\d\d)")


def when(text):
    """RFC 3339 to (datetime in UTC, ns)."""
    text = text.decode()
    zone = timezone.utc if text.endswith("Z") else timezone(timedelta(minutes=int(text[-6] + "1") * (int(text[-5:-3]) * 60 + int(text[-2:]))))
    return datetime.fromisoformat(text[:19]).replace(tzinfo=zone), text[20:29]


def check_zones(_tmp):
    t = T["own-frames"]
    views = [["replay", t], ["replay", t, "--tree", "--at", "+1s"], ["replay", t, "--frames"], ["replay", t, "--gaps"], ["stats", t]]
    for pid in pids(t):
        views += [["replay", t, "--why", str(pid)], ["replay", t, "--ancestry", str(pid)]]
    for args in views:
        status, want, err = piped(*args, env={"TZ": "UTC"})
        for tz in ("Asia/Tokyo", "America/New_York", "", "nonsense"):
            need(piped(*args, env={"TZ": tz}) == (status, want, err), args, "TZ changes the default:", tz)
            need(piped(*args, "--tz", "utc", env={"TZ": tz}) == (status, want, err), args, "TZ changes UTC:", tz)
        times = TIME.findall(want)
        for name, env, zone in [("local", {"TZ": "Asia/Tokyo"}, zoneinfo.ZoneInfo("Asia/Tokyo")), ("Europe/Berlin", {}, zoneinfo.ZoneInfo("Europe/Berlin")),
                                ("Asia/Kathmandu", {"TZ": "UTC"}, zoneinfo.ZoneInfo("Asia/Kathmandu")), ("-03:30", {}, timezone(-timedelta(hours=3, minutes=30))),
                                ("+0530", {}, timezone(timedelta(hours=5, minutes=30)))]:
            got = piped(*args, "--tz", name, env=env)
            need(got[0] == status and got[2] == err, args, name, got)
            shown = TIME.findall(got[1])
            need(len(shown) == len(times), args, name, "times are missing")
            for a, b in zip(times, shown):
                need(when(a) == when(b) and when(b)[0].utcoffset() == when(a)[0].astimezone(zone).utcoffset(), args, name, a, b)
            need(TIME.sub(b"", got[1]) == TIME.sub(b"", want), args, name, "changes more than times")
    need(piped("replay", t, "--json", "--tz", "Asia/Tokyo") == piped("replay", t, "--json"), "JSON times are UTC, whatever --tz")
    for bad in ("Mars/Base", "../../etc/passwd", "/etc/localtime", "", "+25:00", "+02:0", "Europe", "posixrules/../UTC"):
        status, out, err = piped("replay", t, "--tz", bad)
        need(status == 2 and not out and b"--tz" in err, "--tz", bad, "status", status, err)


def check_times_typed_in_a_zone(tmp):
    """What --tz shows can be typed back: HH:MM:SS is of the zone."""
    t = T["own-frames"]
    for name in ("utc", "Asia/Tokyo", "America/New_York", "-03:30", "Pacific/Kiritimati"):
        shown = sorted(set(TIME.findall(piped("replay", t, "--tz", name)[1])))
        need(len(shown) > 3, name, shown)
        for text in shown:
            tod = text[11:29].decode()
            a = piped("replay", t, "--tz", name, "--until", tod)
            b = piped("replay", t, "--tz", name, "--until", text.decode())
            need(a[:2] == b[:2] and a[1], name, tod, "is not", text)
        tod, text, out = shown[-2][11:29].decode(), shown[-2].decode(), os.path.join(tmp, "typed")

        def made(*args):
            status = piped(*args)[0]
            need(status == 0, args, "status", status)
            return open(out, "rb").read()

        for args in (["dump", t, "-f", "-o", out, "--until"], ["export", t, "--force", "-o", out, "-f", "csv", "--until"],
                     ["export", t, "--force", "-o", out, "-f", "ecs", "--since"], ["report", t, "--force", "-o", out, "--since"]):
            need(made(*args, tod, "--tz", name) == made(*args, text, "--tz", "utc"), args, name, tod, "is not", text)
        early = piped("extract", t, "-f", "-o", out, "--pid", "203", "--at", shown[0][11:29].decode(), "--tz", name)
        need(early[0] == 1 and b"began by that time" in early[2], "extract --at --tz", name, early)
        said = TIME.findall(piped("dump", t, "-f", "-o", out, "--tz", name)[1])
        need(len(said) == 2 and [when(x) for x in said] == [when(x) for x in TIME.findall(piped("dump", t, "-f", "-o", out)[1])] and
             said[0][29:] == shown[0][29:], "dump --tz", name, said)


def check_help(_tmp):
    status, out, err = piped()
    need(status == 2 and not out and b"usage: procrec COMMAND" in err and b"procrec replay trace.seg" in err, "procrec alone")
    for args in (["help"], ["--help"], ["-h"], ["help", "help"]):
        need(piped(*args) == (0, err, b""), args)
    commands = piped("--commands")[1].decode().split()
    need(len(commands) > 15, commands)
    stand_ins = {"record", "stop", "doctor"} if b"without the recorder" in piped("--version")[1] else set()
    for c in commands:
        need(re.search(rf"^  {c} +\w".encode(), err, re.M), c, "is not in the help")
        if c in stand_ins:
            continue
        got = piped(c, "--help")
        need(got[0] == 0 and got[1].startswith(f"usage: procrec {c}".encode()) and not got[2], c, "--help")
        need(piped(c, "-h") == got == piped("help", c), c, "-h and help are not --help")
    need(re.findall(r"^(\S+)\t\S", piped("--completion-helper")[1].decode(), re.M) == commands + ["help"], "--completion-helper")
    need(all(width(line) <= 100 for line in err.decode().split("\n")), "the help is too wide")


CHECKS = {name[6:]: fn for name, fn in list(globals().items()) if name.startswith("check_")}

WIDE = "".join(f'execve pid={10 + i}@{100 + i} parent=1@1 flags=EXECVE|CLONE\n\tfilename="/bin/{n}"\n\targs=["{a}"]\n\tcwd="/"\n' for i, (n, a) in enumerate([
    ("ascii", "a" * 200), ("han", "漢字" * 60), ("mixed", "aé漢🐧e\u0301" * 30), ("broken", r"\xff\xfe漢" * 40), ("combining", "e\u0301" * 150),
    ("short", "x"), ("flags", "🇩🇪" * 40), ("hangul", "한국어 " * 40)]))


LONG = "execve pid=1@1 parent=0@1 flags=PROCFS filename=\"/sbin/init\" cwd=\"/\"\n" + "".join(
    f'execve pid={i}@{i} parent=1@1 flags=EXECVE|CLONE filename="/bin/program-{i}" args=["an argument"] cwd="/"\n' for i in range(2, 4000))
WRITTEN = {"wide-strings": WIDE, "long": LONG}


def make_traces(tmp):
    for name in FIXTURES + ["diff-a", "diff-b", "many-blocks", *WRITTEN]:
        source, out = os.path.join(ROOT, "fixtures", "src", name), os.path.join(tmp, name + ".seg")
        text = WRITTEN.get(name, "").encode() or None
        if not text and not os.path.exists(source + ".frames"):
            text = subprocess.run([source + ".sh"], stdout=subprocess.PIPE, check=True).stdout
        subprocess.run([PROCREC, "asm", "-" if text else source + ".frames", "-o", out, "--block-bytes", "2K"], input=text, check=True)
        T[name] = out


def main():
    global passed, failed, skipped
    wanted = os.environ.get("CASE", "").split()
    with tempfile.TemporaryDirectory(prefix="procrec-terminal.") as tmp:
        make_traces(tmp)
        for name, fn in CHECKS.items():
            if wanted and not any(fnmatch.fnmatch(name, w) for w in wanted):
                continue
            try:
                why = fn(tmp)
                passed, skipped = passed + (not why), skipped + bool(why)
                print(f"  {'skipped' if why else 'ok':8} {name}{': ' + why if why else ''}")
            except (Problem, AssertionError) as e:
                failed += 1
                print(f"FAILED {name}: {e}")
    print(f"terminal: {passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
