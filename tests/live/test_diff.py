# SPDX-License-Identifier: BSD-2-Clause
"""Two real builds of one project: nothing differs, or just the flag that was changed."""

import json
import os

import live

MAKEFILE = """CFLAGS = -O1
OBJ = a.o b.o c.o
prog: $(OBJ)
\tgcc -o $@ $(OBJ)
\techo $$$$ >/dev/null; rm -f x.$$$$
%.o: %.c
\tgcc $(CFLAGS) -c -o $@ $<
"""


def build(d, name, *flags):
    trace = os.path.join(d, name)
    r = live.run(live.PROCREC, "record", "-q", "-o", trace, "--", "make", "-s", "-j2", "-B", "-C", os.path.join(d, "p"), *flags)
    live.equal(r.status, 0, f"the build: {r.err}")
    return trace


def test_diff_of_builds():
    if live.run("gcc", "--version").status or live.run("make", "--version").status:
        raise live.Skip("no gcc or make")
    with live.scratch() as d:
        os.mkdir(os.path.join(d, "p"))
        for name in "abc":
            with open(os.path.join(d, "p", name + ".c"), "w") as f:
                f.write("int main(void) { return 0; }\n" if name == "a" else f"int {name};\n")
        with open(os.path.join(d, "p", "Makefile"), "w") as f:
            f.write(MAKEFILE)
        a, b, c = build(d, "a.seg"), build(d, "b.seg"), build(d, "c.seg", "CFLAGS=-O2")
        r = live.run(live.PROCREC, "diff", a, b)
        live.equal((r.status, r.out.count("\n")), (0, 1), f"two equal builds: {r.out}{r.err}")
        r = live.run(live.PROCREC, "diff", a, c, "--json")
        live.equal(r.status, 1, "a changed flag")
        lines = [json.loads(line) for line in r.out.splitlines()]
        live.equal({x["type"] for x in lines}, {"changed", "summary"}, "kinds of differences")
        changed = [x for x in lines if x["type"] == "changed" and x["path"]]
        live.equal(sorted(x["a"]["binary"].split("/")[-1] for x in changed), ["cc1"] * 3 + ["gcc"] * 3, "who changed")
        for x in changed:
            live.equal([(y["what"], y["a"], y["b"]) for y in x["changes"]], [("arguments", ["-O1"], ["-O2"])], "what changed")


if __name__ == "__main__":
    live.main(globals())
