# SPDX-License-Identifier: BSD-2-Clause
"""mutants.py: the changes of one token that mutate.py tries, and how those of a file go into one program.

Finding them works on the text alone, with comments, strings and directives blanked (the bodies of #define stay). A mutant
inside a function becomes a copy of that function beside it, and the function starts with a switch that goes to the copy
whose number the program was started with (mutant.c): one build serves all of them, and a change may be anything at all,
a declaration or a case label too. What stands outside of functions (tables, macros, struct members) has to be built alone.
"""
import os
import re

MASK = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', re.S | re.M)
DEFINE = re.compile(r"#define\s+\w+(?:\([^)]*\))?[ \t]+(?=\S)")
RELATIONS = {"==": ["!="], "!=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
             "&&": ["||"], "||": ["&&"]}
SWAPS = {"+": "-", "-": "+", "&": "|", "|": "&", "+=": "-=", "-=": "+=", "++": "--", "--": "++"}
TOKEN = re.compile(r"<<=|>>=|->|<<|>>|\+\+|--|[-+*/%&|^=!<>]=|&&|\|\||[<>!]|(?<=[\w)\]] )[-+&|](?= )")
NUMBER = re.compile(r"(?<![\w.])(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)(?![\w.])")
MACRO = re.compile(r"\b(?!PR_E[A-Z]+\b)(?!NULL\b|UINT|INT|SIZE_MAX)[A-Z][A-Z0-9]*_[A-Z0-9_]+\b(?!\()")
CALL = re.compile(r"^(\t+)((?:\(void\))?([A-Za-z_]\w*)(?:(?:->|\.)\w+)*\((?:[^;{}])*\);)", re.M)
ASSIGN = re.compile(r"^(\t+)(\*?[A-Za-z_][\w.\[\]]*(?:->[\w.\[\]]+)*(?: [-+|&^*]?= [^;{}]*|\+\+|--);)", re.M)
PREFIX = re.compile(r"^(\t+)((?:\+\+|--)[^;{}]*;)", re.M)
JUMP = re.compile(r"^(\t+)((?:return\b[^;{}]*|break|continue);)(?!\s*\n\})", re.M)
CONDITION = re.compile(r"\b(?:if|while) \(")
TERNARY = re.compile(r"(?:(?<=[=(,:{] )|(?<=\()|(?<=return ))([A-Za-z_][\w.]*(?:->[\w.]+)*)(?= \? )")
COMPARES = re.compile(r"[=!<>]=|&&|\|\||(?<![-<])[<>](?![<>])|!")
FIXED = re.compile(r"\benum(?: \w+)? \{[^}]*\}|^_Static_assert\([^;]*;", re.M)  # a change there does not compile, or says nothing
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else", "case", "goto"}
MACRO_BODY = re.compile(r"^#define\s+(\w+)(?:\([^)\n]*\))?[ \t]+((?:[^\n\\]|\\.|\\\n)+)", re.M)
FUNCTION = re.compile(r"^([A-Za-z_][^;{}=#]*?\))\n\{\n", re.M)


def masked(text):
    """The text with comments, strings, characters and directives blanked, offsets unchanged; the bodies of #define stay."""
    def blank(m):
        t = m.group()
        define = DEFINE.match(t)
        keep = define.end() if define else len(t)
        return re.sub(r"[^\n]", " ", t[:keep]) + (MASK.sub(blank, t[keep:]) if define else "")
    return FIXED.sub(blank, MASK.sub(blank, text))


class Mutant:
    """One change. `number` is its place among all of a run, from 1: what the built program is asked for."""

    def __init__(self, path, text, start, end, new, kind):
        self.path, self.start, self.end, self.new, self.kind, self.number = path, start, end, new, kind, 0
        self.place = path  # with the name of its function behind it
        self.ordinal = 0  # of those that look alike in the same function
        self.function = 0  # the number of the first one in its function; 0: it stands outside of functions
        self.line = text.count("\n", 0, start) + 1
        first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        self.before = " ".join(text[first:last].split())
        self.after = " ".join((text[first:start] + new + text[end:last]).split())
        self.column = start - first + 1

    def key(self):
        return "%s|%s|%s|%d|%d" % (self.place, self.before, self.after, self.column, self.ordinal)

    def reason(self, known):
        """Why it is equivalent, or None."""
        return known.get((self.place, self.before, self.after)) or known.get((self.path, self.before, self.after))

    def apply(self, text):
        return text[:self.start] + self.new + text[self.end:]


def closing(clean, start):
    """The offset of the parenthesis that closes the one before `start`."""
    depth = 1
    for i in range(start, len(clean)):
        depth += {"(": 1, ")": -1}.get(clean[i], 0)
        if not depth:
            return i
    return len(clean)


def mutants_of(path, text):
    clean, out = masked(text), []

    def add(start, end, new, kind):
        out.append(Mutant(path, text, start, end, new, kind))

    for m in TOKEN.finditer(clean):
        t = m.group()
        for new in RELATIONS.get(t, ()):
            add(m.start(), m.end(), new, "relation")
        if t == "!":
            add(m.start(), m.end(), "", "not")
        elif t in SWAPS:
            add(m.start(), m.end(), SWAPS[t], "bits" if t in "&|" else "arithmetic")
    for m in NUMBER.finditer(clean):
        digits, suffix = m.groups()
        value = int(digits, 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" and len(digits) > 1 else 10)
        for new in (value + 1, value - 1):
            if new >= 0:
                add(m.start(), m.end(), str(new) + suffix, "constant")
    for m in MACRO.finditer(clean):
        add(m.start(), m.end(), "(%s + 1)" % m.group(), "constant")
    for m in CONDITION.finditer(clean):
        end = closing(clean, m.end())
        if not COMPARES.search(clean, m.end(), end):
            add(m.end(), end, "!(%s)" % text[m.end():end], "condition")
    for m in TERNARY.finditer(clean):
        add(m.start(), m.end(), "!" + m.group(), "condition")
    for pattern, kind in ((CALL, "call"), (ASSIGN, "assignment"), (PREFIX, "assignment"), (JUMP, "jump")):
        for m in pattern.finditer(clean):
            if kind == "call" and m.group(3) in KEYWORDS:
                continue
            add(m.start(2), m.end(2), ";", kind)
    out.sort(key=lambda x: (x.start, x.end, x.new))
    for start, body, end in functions(text):
        name = re.search(r"(\w+)\(", text[start:body]).group(1)
        for m in out:
            if start <= m.start < end:
                m.place = path + " " + name
    seen = {}
    for m in out:
        alike = m.key()
        m.ordinal = seen[alike] = seen.get(alike, -1) + 1
    return out


def read_equivalents(path):
    """{(place, before, after): reason}; blocks of `file` or `file function`, `- line`, `+ line`, `= reason`."""
    known, name, before, after = {}, None, None, None
    if not os.path.exists(path):
        return known
    with open(path) as f:
        for line in f:
            line = " ".join(line.split())
            if not line or line[0] == "#":
                continue
            if line.startswith("- "):
                before = line[2:]
            elif line.startswith("+ "):
                after = line[2:]
            elif line.startswith("= "):
                known[(name, before, after)] = line[2:]
            else:
                name = line
    return known


# ---- all of a file in one program -------------------------------------------------------------------------------------

SELECTOR = r"""
/*
 * Which mutant this process is: PR_MUTANT, 0 none. PR_MUTANT_MS ends it after so much CPU time. PR_MUTANT_REACH: a file that gets
 * a line for each function with mutants that is called: its number, and the test, by GOLDEN_CASE or the program's own name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>
int pr_mutant;
static int reached = -1;
static unsigned char met[1 << 16];
void pr_mutant_met(unsigned function)
{
	const char *name = getenv("GOLDEN_CASE");
	char line[256]; /* no allocation here: tests count those */
	int n;

	if (reached < 0 || met[function])
		return;
	met[function] = 1;
	n = snprintf(line, sizeof(line), "%u %s\n", function, name ? name : program_invocation_short_name);
	if (write(reached, line, (size_t)n) != n)
		abort();
}
__attribute__((constructor)) static void select_mutant(void)
{
	const char *number = getenv("PR_MUTANT"), *ms = getenv("PR_MUTANT_MS"), *reach = getenv("PR_MUTANT_REACH");
	long n = ms ? atol(ms) : 0;

	pr_mutant = number ? atoi(number) : 0;
	if (n)
		setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {n / 1000, n % 1000 * 1000}}, NULL);
	if (reach) {
		n = open(reach, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		reached = fcntl((int)n, F_DUPFD_CLOEXEC, 900); /* out of the way of tests that count theirs */
		close((int)n);
	}
}
"""


def functions(text):
    """(start, start of the body, end) of each function; the body is what stands between its braces."""
    clean = masked(text)
    for m in FUNCTION.finditer(clean):
        end = clean.find("\n}\n", m.end() - 1)
        if end >= 0:
            yield m.start(), m.end(), end + 1


def parameters(head):
    """The names of the parameters of a function."""
    inner, names, depth, at = head[head.index("(") + 1:head.rindex(")")], [], 0, 0
    for i, c in enumerate(inner + ","):
        depth += {"(": 1, ")": -1}.get(c, 0)
        if c == "," and not depth:
            part, at = inner[at:i].strip(), i + 1
            if part != "void":
                names.append(re.search(r"\(\*(\w+)\)|(\w+)(?:\[\w*\])*$", part).group(1) or re.search(r"(\w+)(?:\[\w*\])*$", part).group(1))
    return names


def with_copies(text, head, body, end, here):
    """A function with a copy of it before it for each of the mutants `here`, and a switch that goes there."""
    name = re.search(r"(\w+)\(", head).group(1)
    call = "%s__%%d(%s)" % (name, ", ".join(parameters(head)))
    void = re.match(r"(?:static )?(?:inline )?void \w", head)
    jump = "case %%d: %s;\n" % (call + "; return" if void else "return " + call)
    out, cases = [head, ";\n"], []
    for m in here:
        m.function = here[0].number
        renamed = re.sub(r"\b%s\(" % name, "%s__%d(" % (name, m.number), head, count=1)
        out += ['#line 1 "mutant-%d"\n' % m.number, "" if head.startswith("static ") else "static ", renamed, "\n{\n",
                text[body:m.start], m.new, text[m.end:end], "}\n"]
        cases.append(jump % (m.number, m.number))
    return "".join(out + [head, "\n{\nswitch (pr_mutant) {\n"] + cases + ["}\nif (!pr_mutant)\n\tpr_mutant_met(%d);\n" % here[0].number])


def with_choices(text, start, end, here):
    """A macro whose value is an expression, as a choice between all that it may be. A compound literal stays an lvalue."""
    body = text[start:end]
    choice = "(*(pr_mutant == %d ? &%s : &%s))" if re.match(r"\(\(struct \w+\)\{", body) else "(pr_mutant == %d ? %s : %s)"
    for m in here:
        body = choice % (m.number, text[start:m.start] + m.new + text[m.end:end], body)
    return body


def instrument(path, text, mutants):
    """(the text with all in it that can be chosen when the program starts, those of `mutants` that can't be)."""
    clean, bodies, edits, placed = masked(text), [], [], set()

    def inside(start, end):
        return [m for m in mutants if m.start >= start and m.end <= end]

    for start, body, end in functions(text):
        bodies.append(range(body, end))
        head, here = text[start:body].rsplit("\n{\n", 1)[0], inside(body, end)
        if here and "..." not in head:
            edits.append((start, body, with_copies(text, head, body, end, here)))
            placed.update(here)
    directives = [range(*m.span()) for m in MASK.finditer(text) if m.group().lstrip()[0] == "#"]
    for m in MACRO_BODY.finditer(text):
        here = inside(*m.span(2))
        used = [u.start() for u in re.finditer(r"\b%s\b" % m.group(1), clean)]
        if here and all(any(u in r for r in bodies + directives) for u in used):  # else it has to be a constant
            edits.append(m.span(2) + (with_choices(text, *m.span(2), here),))
            placed.update(here)
    out, at = ["extern int pr_mutant; void pr_mutant_met(unsigned);\n"], 0
    for start, end, new in sorted(edits):
        if text[max(0, at - 1):at] in ("", "\n"):
            out.append('#line %d "%s"\n' % (text.count("\n", 0, at) + 1, path))
        out += [text[at:start], new]
        at = end
    return "".join(out) + text[at:], [m for m in mutants if m not in placed]


def blamed(errors):
    """The numbers of the mutants that a compiler's messages are about."""
    current, out = None, set()
    for line in errors.split("\n"):
        function = re.search(r"In function .\w+__(\d+).:", line)
        place = re.match(r"mutant-(\d+):", line)
        current = function.group(1) if function else place.group(1) if place else current
        if re.search(r": (?:fatal )?error: ", line) and current:
            out.add(int(current))
    return out
