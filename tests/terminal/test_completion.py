#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_completion.py: the completions, each in its own shell: every command, every option and every word that the program knows.

The truth is the program's help, which people read, not the list that the completions are made of. A shell that is not there is skipped.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from term import Terminal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import PROCREC, ROOT, Checks  # noqa: E402

FILES = ["trace-one.seg", "trace-two.seg", "with space.seg"]
check = Checks("completion")


def program(*args):
    return subprocess.run([PROCREC, *args], stdout=subprocess.PIPE, check=False).stdout.decode()


def options_of(command):
    """From the help: {"--color": "auto|always|never", ...}; "" for flags."""
    found = {}
    for m in re.finditer(r"^  (?:-\w, |    )(--[\w-]+)(?:\[?[= ](\S+?)\]?)?(?:  |$)", program("help", command), re.M):
        found[m.group(1)] = m.group(2) or ""
    return found


# ---- shells: complete(line) gives the candidates ------------------------------------------------------------------------

def fish(line, home, env):
    script = f"source {ROOT}/completion/procrec.fish; complete -C {quoted(line)}"
    p = subprocess.run(["fish", "--no-config", "-c", script], cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    need_silence("fish", p.stderr)
    return [row.split("\t")[0] for row in p.stdout.decode().splitlines()]


def bash(line, home, env):
    words = re.findall(r"=|[^\s=]+", line) + ([""] if line.endswith(" ") else [])  # as COMP_WORDBREAKS parts them
    script = (f"source {ROOT}/completion/procrec.bash; COMP_WORDS=({' '.join(map(quoted, words))}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
              "_procrec; printf '%s\\n' \"${COMPREPLY[@]}\"")
    p = subprocess.run(["bash", "--norc", "-c", script], cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    need_silence("bash", p.stderr)
    return [w for w in p.stdout.decode().split("\n") if w]


ZSH_SETUP = """PS1='REA''DY> '; fpath=({home}/zsh $fpath); autoload -U compinit; compinit -u -D
setopt nobeep nomenucomplete noautomenu nolistambiguous; LISTMAX=100000; bindkey '^I' complete-word; print SET''UP
"""


def zsh(line, home, env):
    """What is listed beneath the line, and what is put onto it where there is one candidate."""
    os.makedirs(os.path.join(home, "zsh"), exist_ok=True)
    shutil.copy(os.path.join(ROOT, "completion", "procrec.zsh"), os.path.join(home, "zsh", "_procrec"))
    t = Terminal(["zsh", "-f", "-i"], cwd=home, env={**env, "TERM": "dumb"}, columns=200, rows=500)
    t.write(ZSH_SETUP.format(home=home).encode())
    t.wait_for(b"\nSETUP")
    t.out = t.out.split(b"\nSETUP")[1]  # behind it comes the prompt that counts
    t.out = t.wait_for(b"READY> ").split(b"READY> ")[-1]
    t.write(line.encode() + b"\t")
    t.write(b"\x15print DO''NE\n")  # the line is emptied; what is written then shows that completing is over
    t.wait_for(b"\nDONE")
    t.write(b"exit\n")
    out = re.sub(r"\x1b\[\?[0-9]+[hl]", "", t.end()[0].split(b"print DO")[0].decode(errors="replace"))
    if re.search(r"_procrec:\d+:", out):
        check("zsh: " + line, out[-300:])
    echoed, *rows = re.split(r"[\r\n]+", out)
    listed = []
    for row in rows:
        if not row.startswith("READY>"):  # a candidate, or the two names of one, and what it is for; or words in columns
            listed += (row.split(" -- ")[0] if " -- " in row else row).split()
    return listed or [re.findall(r"\S+", echoed.replace("\x08", " "))[-1].split("=", "=" in line)[-1]]


def quoted(word):
    return "'" + word.replace("'", "'\\''") + "'"


def need_silence(shell, err):
    if err:
        check(shell, "complains: " + err.decode(errors="replace")[:300])


# ---- what they have to give --------------------------------------------------------------------------------------------

def names(candidates):
    return {c.rstrip("=").strip() for c in candidates if c.startswith("--")}


def check_shell(shell, complete, home, env):
    commands = program("--commands").split()
    check(f"{shell}: commands", None if set(complete("procrec ", home, env)) == set(commands) | {"help"} else complete("procrec ", home, env))
    some = {c for c in commands if c.startswith("re")}
    check(f"{shell}: re", None if set(complete("procrec re", home, env)) == some else complete("procrec re", home, env))
    check(f"{shell}: help", None if "verify" in complete("procrec help v", home, env) else complete("procrec help v", home, env))
    stand_ins = {"record", "stop", "doctor"} if "without the recorder" in program("--version") else set()
    for c in sorted(set(commands) - stand_ins):
        want = options_of(c)
        got = names(complete(f"procrec {c} --", home, env))
        check(f"{shell}: options of {c}", None if got == set(want) and len(want) > 1 or c == "golden" and got == {"--help"} else sorted(got ^ set(want)))
        for option, value in want.items():
            if "|" not in value:
                continue
            for start in (f"procrec {c} {option}=",) + ((f"procrec {c} {option} ",) if option != "--color" else ()):
                words = {w.split("=")[-1].strip() for w in complete(start, home, env)} - set(FILES)
                check(f"{shell}: {start}", None if words >= set(value.split("|")) else words)
    for line in ("procrec replay tr", "procrec replay --json tr", "procrec verify --pubkey tr", "procrec diff trace-one.seg tr"):
        got = complete(line, home, env)
        check(f"{shell}: {line}", None if {"trace-one.seg", "trace-two.seg"} <= {w.strip() for w in got} else got)
    got = complete("procrec replay trace-one.seg --an", home, env)
    check(f"{shell}: behind a file", None if names(got) == {"--ancestry"} else got)


def main():
    with tempfile.TemporaryDirectory(prefix="procrec-completion.") as home:
        bindir = os.path.join(home, ".bin")
        os.mkdir(bindir)
        os.symlink(PROCREC, os.path.join(bindir, "procrec"))
        for name in FILES:
            with open(os.path.join(home, name), "w", encoding="utf-8"):
                pass
        env = {"PATH": bindir + ":" + os.environ["PATH"], "HOME": home, "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        for shell, complete in (("bash", bash), ("fish", fish), ("zsh", zsh)):
            if not shutil.which(shell):
                check.skip(f"{shell}: it is not there")
                continue
            check_shell(shell, complete, home, env)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
