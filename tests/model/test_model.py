#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_model.py: the model against the documents: the known values, the counts, the data map, and each odd place."""
import base64
import json
import unittest

import gen
import model
from gen import clock, clone, data, desc, exec_info, execve, exit_, frame, host, item, user_name
from model import (F_CLONE, F_DATA_ARGS, F_DATA_FILENAME, F_ERROR_CWD, F_ERROR_FILENAME, F_NO_CWD_SUPPORT, F_PROCFS, F_ROOT_CWD,
                   NS, U32, U64, Model, Settings)

AGE = 60 * NS
PARENT, CLEANUP, KEY = (7, 70), (8, 80), (9, 90)
CAPS = ["CAP_CHOWN CAP_FSETID", "CAP_CHOWN DAC_OVERRIDE CAP_FSETID CAP_KILL", "DAC_OVERRIDE CAP_KILL"]


def run(*frames, **settings):
    settings.setdefault("hostname", b"test_host")
    settings.setdefault("users", {0: b"root"})
    m = Model(Settings(**settings))
    lines = []
    m.feed(b"".join(frames), lines)
    m.events = [json.loads(line) for line in lines]
    m.lines = lines
    return m


def queue(m):
    return [(time, key) for time, key, _ in m.cache.queue]


def refs(m):
    return {k: v.ref for k, v in m.cache.map.items()}


def decoded(strings, flags=0, before=(), **kw):
    m = run(*before, execve(KEY, strings, flags, **kw))
    e = m.events[-1]
    return e["binary"], e["arguments"], e["cwd"], m


class KnownValues(unittest.TestCase):
    def check(self, strings, flags, cleanup, binary, arguments, cwd, parent, before=()):
        m = run(*before, execve((1234, 123456789), strings, flags, PARENT, cleanup))
        e = m.events[-1]
        self.assertEqual((e["binary"], e["arguments"], e["cwd"]), (binary, arguments, cwd))
        self.assertEqual(e["exec_id"], "dGVzdF9ob3N0OjEyMzQ1Njc4OToxMjM0")
        self.assertEqual(base64.b64decode(e["exec_id"]), b"test_host:123456789:1234")
        self.assertEqual((e["uid"], e["user"], list(e["cap"].values())), (0, "root", CAPS))
        v = m.cache.map[(1234, 123456789)]
        self.assertEqual((v.ppid, v.pktime), parent)
        self.assertEqual(len(m.data), 0)

    def test_exec_only(self):
        self.check(b"/usr/bin/ls\0-l\0/root/one more thing\0/root", 0, CLEANUP, "/usr/bin/ls", '-l "/root/one more thing"', "/root",
                   CLEANUP)

    def test_long_filename(self):
        name = b"a" * 255
        self.check(desc((1, 2), 256, 1) + b"-l\0/root/one more thing", F_DATA_FILENAME | F_ROOT_CWD | F_CLONE, (0, 0),
                   "/" + "a" * 255, '-l "/root/one more thing"', "/", PARENT, [data((1, 2), name)])

    def test_long_arguments(self):
        self.check(b"/usr/bin/ls\0" + desc((1, 2), 2047, 0) + b"/root", F_DATA_ARGS | F_PROCFS, (0, 0), "/usr/bin/ls",
                   "a" * 1023 + " " + "b" * 1023, "/root", PARENT, [data((1, 2), b"a" * 1023 + b"\0"), data((1, 2), b"b" * 1023)])

    def test_no_arguments(self):
        self.check(b"/usr/bin/ls\0/root", 0x400000, (0, 0), "/usr/bin/ls", "", "/root", PARENT)

    def test_neither(self):
        self.check(b"/usr/bin/ls\0", 0, (0, 0), "/usr/bin/ls", "", "", PARENT)

    def test_size_mismatch(self):
        m = run(data((1, 2), b"x" * 255), execve(KEY, desc((1, 2), 255, 1) + b"/", F_DATA_FILENAME))
        self.assertEqual((m.data, m.data_misses, m.events[0]["binary"]), ({}, 1, "enomem"))

    def test_capability_names(self):
        self.assertEqual(len(model.CAPS), 41)
        self.assertEqual(model.cap_names(0), "")
        self.assertEqual(model.cap_names(1 << 41 | 1 << 63), "")
        self.assertEqual(model.cap_names(1 << 40), "CAP_CHECKPOINT_RESTORE")
        self.assertEqual(model.cap_names(2), "DAC_OVERRIDE")


class Counts(unittest.TestCase):
    SH, BASH, DAEMON = (2, 20), (2, 21), (2, 22)

    def test_clone_exec(self):
        sh, daemon, app = (2, 20), (3, 31), (4, 41)
        frames = [execve(sh, b"/bin/sh\0", F_CLONE, (1, 1)), clone((3, 30), sh), execve(daemon, b"/d\0", F_CLONE, sh, (3, 30)),
                  clone((4, 40), daemon), execve(app, b"/a\0", F_CLONE, daemon, (4, 40))]
        self.assertEqual(refs(run(*frames)), {sh: 2, (3, 30): 0, daemon: 2, (4, 40): 0, app: 1})
        m = run(*frames, exit_(daemon, 50))
        self.assertEqual(refs(m), {sh: 1, (3, 30): 0, daemon: 1, (4, 40): 0, app: 1})
        self.assertEqual(queue(m), [(31, (3, 30)), (41, (4, 40))])

    def test_exec_only(self):
        sh, bash, daemon, app = self.SH, self.BASH, self.DAEMON, (4, 41)
        frames = [execve(sh, b"/bin/sh\0", F_CLONE, (1, 1)), execve(bash, b"/bin/bash\0", 0, (1, 1), sh),
                  execve(daemon, b"/d\0", 0, (1, 1), bash), clone((4, 40), daemon), execve(app, b"/a\0", F_CLONE, daemon, (4, 40))]
        self.assertEqual(refs(run(*frames)), {sh: 0, bash: 1, daemon: 2, (4, 40): 0, app: 1})
        self.assertEqual(refs(run(*frames, exit_(daemon, 50))), {sh: 0, bash: 0, daemon: 1, (4, 40): 0, app: 1})


class DataMap(unittest.TestCase):
    def test_4096(self):
        t = 100 * NS
        frames = [data((i, t), b"x", t) for i in range(4096)]
        m = run(*frames)
        self.assertEqual(len(m.data), 4096)
        frames.append(data((1, t + AGE + 1), b"x", t + AGE + 1))
        self.assertEqual(len(run(*frames).data), 1)
        frames += [data((i + 2, t + AGE + 2), b"x", t + AGE + 2) for i in range(4095)]
        self.assertEqual(len(run(*frames).data), 4096)
        frames.append(data((0, t + AGE + 2), b"x", t + AGE + 2))
        self.assertEqual(len(run(*frames).data), 1)

    def test_exactly_60_s_is_kept_by_age_and_dropped_by_number(self):
        m = run(data((1, 0), b"a", 5), data((2, 5), b"b", 5), data((3, AGE), b"c", 6), max_data=2)
        self.assertEqual(set(m.data), {(3, AGE)})
        m = run(data((1, 0), b"a", 5), data((2, 5), b"b", 5), data((3, AGE + 1), b"c", 6), max_data=2)
        self.assertEqual(set(m.data), {(2, 5), (3, AGE + 1)})

    def test_pause_between_clearings(self):
        first = [data((1, 0), b"a", 10), data((2, 2 * AGE), b"b", 10), data((3, AGE + 1), b"c", 10)]
        self.assertEqual(set(run(*first, max_data=2).data), {(2, 2 * AGE), (3, AGE + 1)})
        last = 5 * AGE // 2
        m = run(*first, data((4, last), b"d", 10 + AGE), max_data=2)
        self.assertEqual(set(m.data), {(4, last)}, "exactly 60 s went by, not more: all are dropped")
        m = run(*first, data((4, last), b"d", 11 + AGE), max_data=2)
        self.assertEqual(set(m.data), {(2, 2 * AGE), (4, last)})
        m = run(*first, data((4, last), b"d", 9), max_data=2)
        self.assertEqual(set(m.data), {(4, last)}, "time that runs back is no pause")

    def test_a_clearing_that_drops_nothing_counts(self):
        m = run(data((1, AGE), b"a", 10), data((2, AGE), b"b", 10), data((3, AGE + 5), b"c", 10), data((4, 0), b"d", 11),
                data((5, 2 * AGE), b"e", 12), max_data=2)
        self.assertEqual(set(m.data), {(5, 2 * AGE)})

    def test_append_and_take(self):
        m = run(data((1, 1), b"/bi"), data((1, 1), b"n/x"), execve(KEY, desc((1, 1), 6), F_DATA_FILENAME))
        self.assertEqual((m.events[0]["binary"], m.data_misses, len(m.data)), ("/bin/x", 0, 0))

    def test_append_needs_no_room(self):
        m = run(data((1, 1), b"a"), data((1, 1), b"b"), max_data=1)
        self.assertEqual(m.data, {(1, 1): [2, b"ab"]})

    def test_bytes_over_the_limit_go(self):
        take = execve((1, 1), desc((1, 1), 6), F_DATA_FILENAME)
        frames = [data((1, 1), b"/bin"), data((2, 2), b"/x"), data((1, 1), b"/y")]
        for limit, name, left in ((8, "/bin/y", 2), (7, "enomem", 2), (5, "enomem", 0)):
            m = run(*frames, take, max_data_bytes=limit)
            self.assertEqual((m.events[0]["binary"], m.data_bytes, m.data_misses, m.data[(2, 2)][0]), (name, left, 0, 2))
        m = run(*frames, data((1, 1), b"z"), data((3, 3), b"/123"), max_data_bytes=7)
        self.assertEqual((m.data[(1, 1)], m.data[(3, 3)]), ([7, None], [4, b"/123"]), "what went stays gone, and makes room")

    def test_limits_of_a_frame(self):
        m = run(data((1, 1), b"x" * 32736), data((2, 2), b"x" * 32737), frame(24, b"x" * 15))
        self.assertEqual((list(m.data), m.malformed), ([(1, 1)], 2))

    def test_empty_payload_is_an_id(self):
        m = run(data((1, 1), b""), execve(KEY, desc((1, 1), 0), F_DATA_FILENAME))
        self.assertEqual((m.events[0]["binary"], m.data_misses, len(m.data)), ("enomem", 0, 0))
        self.assertEqual(run(execve(KEY, desc((1, 1), 0), F_DATA_FILENAME)).data_misses, 1)

    def test_leftover_wraps(self):
        m = run(data((1, 1), b"/x"), execve(KEY, desc((1, 1), 1, U32), F_DATA_FILENAME))
        self.assertEqual((m.events[0]["binary"], m.data_misses), ("/x", 0))


class OddPlaces(unittest.TestCase):
    def test_add_keeps_the_old_value(self):
        m = run(execve((1, 1), b"/old\0a\0/"), clone((2, 2), (1, 1)), execve((1, 1), b"/new\0b\0/", parent=(2, 2)))
        self.assertEqual(m.events[2]["binary"], "/old")
        self.assertEqual(m.events[2]["argv"], [None, "a"])
        self.assertEqual(refs(m), {(1, 1): 2, (2, 2): 2}, "the new value's count is lost, its parent's increment is not")

    def test_counts_below_zero_queue_nothing(self):
        m = run(execve((1, 1), b"/x\0"), *[exit_((1, 1), 5 + i) for i in range(3)])
        self.assertEqual((refs(m), queue(m)), ({(1, 1): -2}, [(5, (1, 1))]))

    def test_back_to_zero_queues_again(self):
        m = run(execve((1, 1), b"/x\0"), exit_((1, 1), 5), clone((2, 2), (1, 1)), exit_((2, 2), 7))
        self.assertEqual((refs(m), queue(m)), ({(1, 1): 0, (2, 2): 0}, [(5, (1, 1)), (7, (1, 1)), (7, (2, 2))]))

    def test_young_head_holds_back_the_queue(self):
        m = run(execve((1, 1), b"/x\0"), execve((2, 2), b"/y\0"), exit_((1, 1), 100 * NS), exit_((2, 2), 1), exit_((9, 9), 61 * NS + 1))
        self.assertEqual(set(refs(m)), {(1, 1), (2, 2)})
        self.assertEqual(len(m.cache.queue), 2)

    def test_expiry_is_inclusive(self):
        frames = [execve((1, 1), b"/x\0"), exit_((1, 1), 5)]
        self.assertEqual(len(run(*frames, exit_((9, 9), AGE + 4)).cache.map), 1)
        self.assertEqual(len(run(*frames, exit_((9, 9), AGE + 5)).cache.map), 0)

    def test_expiry_is_signed(self):
        m = run(execve((1, 1), b"/x\0"), exit_((1, 1), 1 << 63), exit_((9, 9), 0))
        self.assertEqual((len(m.cache.map), len(m.cache.queue)), (0, 0), "a time of 2^63 is in the past")
        m = run(execve((1, 1), b"/x\0"), exit_((1, 1), 0), exit_((9, 9), 0))
        self.assertEqual(len(m.cache.map), 1, "0 - 60 s is negative, not huge")

    def test_clear_leaves_the_queue(self):
        m = run(execve((1, 1), b"/x\0"), exit_((1, 1), 5), execve((2, 2), b"/y\0"), execve((3, 3), b"/z\0"), max_entries=2)
        self.assertEqual((refs(m), queue(m)), ({}, [(5, (1, 1))]))
        self.assertTrue(m.events[-1]["miss"])

    def test_queue_survives_clear_and_takes_a_new_value(self):
        m = run(execve((1, 1), b"/x\0"), exit_((1, 1), 5), execve((2, 2), b"/y\0"), execve((3, 3), b"/z\0"), execve((1, 1), b"/new\0"),
                exit_((9, 9), AGE + 5), max_entries=2)
        self.assertEqual(refs(m), {})

    def test_evicted_though_referenced_again(self):
        m = run(execve((1, 1), b"/x\0"), exit_((1, 1), 5), clone((2, 2), (1, 1), now=6), exit_((9, 9), AGE + 5))
        self.assertEqual(refs(m), {(2, 2): 1})

    def test_n_above_1592(self):
        self.assertEqual(decoded(b"/" * 1592)[0], "/" * 1592)
        self.assertEqual(decoded(b"/" * 1593)[:3], ("enomem",) * 3)
        e = run(execve(KEY, b"/x\0a", psize=1649)).events[0]
        self.assertEqual((e["binary"], e["argv"]), ("enomem", [None]), "no byte is needed")

    def test_size_below_56_wraps(self):
        for size in (0, 1, 55):
            self.assertEqual(decoded(b"/x\0", psize=size)[:3], ("enomem",) * 3)
        self.assertEqual(decoded(b"/x\0", psize=56)[:3], ("enomem", "", ""))

    def test_last_nul_separates(self):
        self.assertEqual(decoded(b"/x\0a\0b\0/cwd")[:3], ("/x", "a b", "/cwd"))
        self.assertEqual(decoded(b"/x\0a\0b\0")[:3], ("/x", "a b", ""))
        self.assertEqual(decoded(b"/x\0/cwd")[:3], ("/x", "", "/cwd"))
        self.assertEqual(decoded(b"/x\0\0/cwd")[:3], ("/x", "", "/cwd"))
        self.assertEqual(decoded(b"/x\0\0\0/cwd")[1], " ")
        for flag in (F_NO_CWD_SUPPORT, F_ERROR_CWD, F_ROOT_CWD):
            self.assertEqual(decoded(b"/x\0a\0b", flag)[:3], ("/x", "a b", "/" if flag == F_ROOT_CWD else ""))

    def test_procfs_trims(self):
        for flags, cwd in ((0, " \t/a b\v\f\r\n"), (F_PROCFS, "/a b")):
            self.assertEqual(decoded(b"/x\0 \t/a b\v\f\r\n", flags)[2], cwd)
        self.assertEqual(decoded(b"x\0  ", F_PROCFS)[0], "x", "trimmed before it is put in front of the filename")
        self.assertEqual(decoded(b"x\0a\0\xc2\xa0", F_PROCFS)[2], "\xa0")
        self.assertEqual(decoded(b"x\0 a ", F_PROCFS | F_ERROR_CWD)[1], '" a "')

    def test_procfs_is_add_alone(self):
        base = [execve((1, 1), b"/x\0"), execve((2, 2), b"/y\0"), exit_((2, 2), 5)]
        m = run(*base, execve((3, 9 * AGE), b"/z\0", F_PROCFS, (1, 1), (1, 1)), max_entries=2)
        self.assertEqual(refs(m), {(1, 1): 1, (2, 2): 0, (3, 9 * AGE): 1})
        self.assertEqual(m.events[-1]["parent"]["pid"], 1)

    def test_expiry_of_execve_uses_the_identity(self):
        frames = [execve((1, 1), b"/x\0"), exit_((1, 1), 5)]
        self.assertEqual(len(run(*frames, execve((2, 7), b"/y\0", now=9 * AGE)).cache.map), 2)
        self.assertEqual(len(run(*frames, execve((2, AGE + 5), b"/y\0", now=0)).cache.map), 1)

    def test_clone_without_parent_does_nothing(self):
        m = run(execve((1, 1), b"/x\0"), exit_((1, 1), 5), clone((3, 3), (9, 9), now=9 * AGE))
        self.assertEqual((refs(m), m.clone_misses, len(m.cache.queue)), ({(1, 1): 0}, 1, 1))
        self.assertEqual(list(m.events[-1]), ["type", "seq", "time", "ktime", "pid", "miss"])

    def test_clone_limit_is_its_own(self):
        frames = [execve((1, 1), b"/x\0")] + [clone((i, i), (1, 1)) for i in range(2, 3001)]
        m = run(*frames)
        self.assertEqual((len(m.cache.map), m.cache.map[(1, 1)].ref), (3000, 3000))
        m = run(*frames, clone((4000, 4000), (1, 1)))
        self.assertEqual(len(m.cache.map), 0)
        self.assertTrue(m.events[-1]["miss"])
        m = run(*frames, execve((4000, 4000), b"/x\0"))
        self.assertEqual(len(m.cache.map), 3001)

    def test_exit_expires_also_on_a_miss(self):
        m = run(execve((1, 1), b"/x\0"), exit_((1, 1), 5), exit_((9, 9), AGE + 5))
        self.assertEqual((refs(m), m.events[-1]["miss"]), ({}, True))

    def test_cleanup_unknown_or_without_ktime(self):
        m = run(execve((1, 1), b"/x\0"), execve((2, 2), b"/y\0", 0, (1, 1), (1, 0)), execve((3, 3), b"/z\0", 0, (1, 1), (8, 8)))
        self.assertEqual(refs(m), {(1, 1): 2, (2, 2): 1, (3, 3): 1})
        self.assertEqual((m.cache.map[(3, 3)].ppid, m.events[-1]["parent"]), (8, None))

    def test_cleanup_is_the_new_key(self):
        m = run(execve((1, 1), b"/x\0", 0, (1, 1), (1, 1)))
        self.assertEqual((refs(m), queue(m)), ({(1, 1): -1}, [(1, (1, 1))]))

    def test_own_parent(self):
        m = run(execve((1, 1), b"/x\0", 0, (1, 1)), exit_((1, 1), 9))
        self.assertEqual((refs(m), queue(m)), ({(1, 1): -1}, [(9, (1, 1))]))


class Strings(unittest.TestCase):
    def test_relative_filename(self):
        self.assertEqual(decoded(b"x\0/a")[0], "/a/x")
        self.assertEqual(decoded(b"x\0/a/")[0], "/a/x")
        self.assertEqual(decoded(b"x\0")[0], "x")
        self.assertEqual(decoded(b"x\0a\0", F_ROOT_CWD)[0], "/x")

    def test_filename_without_nul(self):
        self.assertEqual(decoded(b"/x")[:3], ("/x", "", ""))

    def test_empty_filename(self):
        self.assertEqual(decoded(b"\0a\0/c")[:3], ("enomem", "a", "/c"))
        self.assertEqual(decoded(b"a\0/c", F_ERROR_FILENAME)[:3], ("enomem", "a", "/c"))
        self.assertEqual(decoded(b"")[:3], ("enomem", "", ""))

    def test_data_filename(self):
        self.assertEqual(decoded(b"x" * 31, F_DATA_FILENAME)[:3], ("enomem",) * 3)
        self.assertEqual(decoded(desc((1, 1), 2) + b"a\0/c", F_DATA_FILENAME, [data((1, 1), b"f\0")])[:3], ("/c/f\0", "a", "/c"))

    def test_data_args_short(self):
        m = run(data((1, 1), b"f"), execve(KEY, desc((1, 1), 1) + b"x" * 31, F_DATA_FILENAME | F_DATA_ARGS | F_ROOT_CWD))
        e = m.events[0]
        self.assertEqual((e["binary"], e["arguments"], e["cwd"], e["argv"]), ("f", "enomem", "enomem", [None]))
        self.assertEqual(decoded(b"\0" + b"x" * 31, F_DATA_ARGS)[:3], ("", "enomem", "enomem"))

    def test_data_args_cwd(self):
        for flags, cwd in ((0, "/c"), (F_NO_CWD_SUPPORT, "/c"), (F_ERROR_CWD, "/c"), (F_ROOT_CWD, "/")):
            got = decoded(b"f\0" + desc((1, 1), 3) + b"/c", F_DATA_ARGS | flags, [data((1, 1), b"a\0b")])
            self.assertEqual(got[:3], (("/c" if cwd == "/c" else "") + "/f", "a b", cwd))

    def test_data_args_missing(self):
        got = decoded(b"f\0" + desc((1, 1), 3) + b"/c", F_DATA_ARGS)
        self.assertEqual(got[:3] + (got[3].data_misses,), ("/c/f", "", "/c", 1))

    def test_argument_rule(self):
        for buf, text in ((b"", b""), (b"a", b"a"), (b"a\0", b"a "), (b"\0", b" "), (b'"\0\\', b'" \\'), (b'a "\\\n\t', b'"a \\"\\\\\\n\\t"'),
                          (b"\n\0\t\0 ", b'"\\n" "\\t" " "'), (b"a\rb\vc", b"a\rb\vc")):
            self.assertEqual(model.argument_text(buf), text)


class Argv(unittest.TestCase):
    def argv(self, *frames):
        return run(*frames).events[-1]["argv"]

    def test_from_the_frame(self):
        self.assertEqual(self.argv(execve(KEY, b"/x\0a b\0\0/c")), [None, "a b", ""])
        self.assertEqual(self.argv(execve(KEY, b"/x\0/c")), [None])
        self.assertEqual(self.argv(execve(KEY, b"/x\0" + desc((1, 1), 4), F_DATA_ARGS), ), [None])
        self.assertEqual(self.argv(data((1, 1), b"a\0b\0"), execve(KEY, b"/x\0" + desc((1, 1), 4), F_DATA_ARGS)), [None, "a", "b", ""])

    def test_argv0(self):
        e = execve(KEY, b"/x\0a\0/c")
        self.assertEqual(self.argv(exec_info(KEY, item(1, b"-sh")), e), ["-sh", "a"])
        self.assertEqual(self.argv(exec_info(KEY, item(1 | 0x4000, b"")), e), ["", "a"])
        self.assertEqual(self.argv(exec_info(KEY, item(2, b"no")), e), [None, "a"])
        self.assertEqual(self.argv(exec_info((9, 91), item(1, b"no")), e), [None, "a"])
        self.assertEqual(self.argv(exec_info(KEY, item(1, b"-sh")), execve((1, 1), b"/y\0"), e), [None, "a"])
        self.assertEqual(self.argv(exec_info(KEY, item(1, b"-sh")), execve((1, 1), b"/y\0", psize=99), e), ["-sh", "a"])
        self.assertEqual(self.argv(exec_info(KEY, item(1, b"1")), exec_info(KEY, b""), e), [None, "a"])

    def test_argv0_in_data(self):
        sent = [data((1, 1), b"long"), exec_info(KEY, item(1 | 0x8000, desc((1, 1), 4)))]
        m = run(*sent, execve(KEY, b"/x\0"))
        self.assertEqual((m.events[0]["argv"], m.data, m.data_misses), (["long"], {}, 0))
        m = run(sent[1], execve(KEY, b"/x\0"))
        self.assertEqual((m.events[0]["argv"], m.data_misses), ([None], 1))

    def test_malformed_info_takes_nothing(self):
        for bad in (b"\1", item(1, b"abc", 4), item(1 | 0x8000, bytes(31))):
            m = run(data((1, 1), b"x"), exec_info(KEY, item(1 | 0x8000, desc((1, 1), 1)) + bad), execve(KEY, b"/x\0"))
            self.assertEqual((m.malformed, len(m.data), m.data_misses, m.events[0]["argv"]), (1, 1, 0, [None]))

    def test_one_empty_argument(self):
        info = exec_info(KEY, item(1, b"p"), args_bytes=1, argc=2)
        self.assertEqual(self.argv(info, execve(KEY, b"/x\0/c")), ["p", ""])
        self.assertEqual(self.argv(info, execve(KEY, b"/x\0", psize=9999)), ["p"])
        self.assertEqual(self.argv(exec_info(KEY, item(1, b"p"), args_bytes=0), execve(KEY, b"/x\0/c")), ["p"])

    def test_inherited(self):
        m = run(execve((1, 1), b"/x\0a\0/"), clone((2, 2), (1, 1)), exit_((2, 2), 3))
        self.assertEqual([e["argv"] for e in m.events], [[None, "a"]] * 3)


class Framing(unittest.TestCase):
    def test_tail(self):
        good = execve((1, 1), b"/x\0")
        for tail in (b"x", bytes(15), bytes(16), frame(7, bytes(24), size=15), frame(7, bytes(24), size=41), frame(5, b"", size=U32),
                     frame(5, bytes(16 << 20), size=(16 << 20) + 16)):
            m = run(good, tail)
            self.assertEqual((m.frames, m.malformed, len(m.events)), (2, 1, 1))
        self.assertEqual(run(good, frame(13, bytes((16 << 20) - 16))).malformed, 0)
        self.assertEqual(run().frames, 0)

    def test_short_for_its_kind(self):
        for op, size in model.FIXED.items():
            m = run(frame(op, bytes(size - 16)), frame(op, bytes(size - 17)) if size > 16 else frame(op, b"", size=15))
            self.assertEqual((m.frames, m.malformed), (2, 1), op)

    def test_process_size_beyond_the_frame(self):
        m = run(execve((1, 1), b"/x\0", psize=60), execve((1, 1), b"/x\0", psize=59), execve((2, 2), b"/x\0yz", psize=59))
        self.assertEqual((m.malformed, [e["seq"] for e in m.events], m.events[1]["cwd"]), (1, [1, 2], ""))

    def test_unknown_ops(self):
        m = run(*[frame(op, b"") for op in (0, 13, 27, 199, 205, 254, 255)])
        self.assertEqual((m.frames, m.malformed, m.events), (7, 0, []))

    def test_excess_is_ignored(self):
        m = run(execve((1, 1), b"/x\0", extra=b"junk"), clone((2, 2), (1, 1), extra=b"junk"), exit_((2, 2), 5, extra=b"junk"))
        self.assertEqual((m.malformed, len(m.events), m.events[0]["cwd"]), (0, 3, ""))


class Output(unittest.TestCase):
    def test_event_line(self):
        m = run(user_name(5, b"al\"ice"), execve((1, 1), b"/bin/x\0a\0/", uid=5, caps=(0, 1, 0)), clone((2, 2), (1, 1)),
                exit_((2, 2), 3, 0x8b), exit_((2, 3), 4, 256))
        tags = '"uid":5,"user":"al\\"ice","binary":"/bin/x","arguments":"a",'
        back = '"cwd":"/","cap":{"permitted":"","effective":"CAP_CHOWN","inheritable":""}'
        one, two = base64.b64encode(b"test_host:1:1").decode(), base64.b64encode(b"test_host:2:2").decode()
        parent = '"parent":{"pid":1,"ktime":1,"exec_id":"%s",%s%s}' % (one, tags, back)
        argv = '"argv":[null,"a"],'
        self.assertEqual(m.lines, [
            '{"type":"execve","seq":1,"time":null,"ktime":1,"pid":1,"exec_id":"%s",%s%s%s,"parent":null}' % (one, tags, argv, back),
            '{"type":"clone","seq":2,"time":null,"ktime":2,"pid":2,"exec_id":"%s",%s%s%s,%s}' % (two, tags, argv, back, parent),
            '{"type":"exit","seq":3,"time":null,"ktime":2,"pid":2,"exec_id":"%s",%s%s%s,%s,"exit":{"code":0,"signal":11,"core":true,'
            '"status":139}}' % (two, tags, argv, back, parent),
            '{"type":"exit","seq":4,"time":null,"ktime":3,"pid":2,"miss":true}'])
        self.assertEqual(m.cache_lines(), [
            '{"type":"entry","pid":1,"ktime":1,"ppid":0,"pktime":0,"ref":1,"exec_id":"%s",%s%s}' % (one, tags, back),
            '{"type":"entry","pid":2,"ktime":2,"ppid":1,"pktime":1,"ref":0,"exec_id":"%s",%s%s}' % (two, tags, back),
            '{"type":"expiry","time":3,"pid":2,"ktime":2}',
            '{"type":"summary","entries":2,"queued":1,"data":0,"clone_misses":0,"data_misses":0,"malformed":0,"frames":5}'])

    def test_exit_status(self):
        m = run(execve((1, 1), b"/x\0"), *[exit_((1, 1), 2, s) for s in (0xff00, 9, 0xffffffff)])
        self.assertEqual([e["exit"] for e in m.events[1:]], [
            {"code": 255, "signal": 0, "core": False, "status": 65280}, {"code": 0, "signal": 9, "core": False, "status": 9},
            {"code": 255, "signal": 127, "core": True, "status": U32}])

    def test_sorted_as_unsigned(self):
        m = run(execve((U32, 5), b"/x\0"), execve((2, U64), b"/x\0"), execve((2, 3), b"/x\0"))
        self.assertEqual([json.loads(line)["pid"] for line in m.cache_lines()[:3]], [2, 2, U32])
        self.assertEqual([json.loads(line)["ktime"] for line in m.cache_lines()[:3]], [3, U64, 5])

    def test_strings(self):
        for raw, text in ((b'"\\\b\f\n\r\t', r'"\"\\\b\f\n\r\t"'), (b"\0\x1b\x1f\x7f", r'"\u0000\u001b\u001f\u007f"'),
                          (b"\xc2\x85\xe2\x80\xa8\xe2\x80\xae", r'"\u0085\u2028\u202e"'), (b"\xf3\xa0\x81\x81", r'"\udb40\udc41"'),
                          (b"\xc3\xa9\xf0\x9f\x98\x80/", '"é\U0001f600/"'), (b"\xef\xbf\xbd", '"\ufffd"')):
            self.assertEqual(model.quoted(raw), (text, True))
        for raw, text in ((b"\xff", "\ufffd"), (b"\xe2\x82", "\ufffd"), (b"\xf0\x80\x80A", "\ufffd\ufffd\ufffdA"), (b"\xed\xa0\x80", "\ufffd" * 3),
                          (b"\xe1\x80\xc2A", "\ufffd\ufffdA"), (b"\xf4\x90\x80\x80", "\ufffd" * 4), (b"\xf0\x9f\x98", "\ufffd")):
            self.assertEqual(model.quoted(raw), ('"%s"' % text, False))

    def test_b64_beside(self):
        m = run(execve((1, 1), b"/\xff\0a\0b\xfe\0/\xfd"), clone((2, 2), (1, 1)))
        e = m.events[1]
        self.assertEqual((e["binary"], e["binary_b64"], e["argv"], e["argv_b64"]), ("/\ufffd", "L/8=", [None, "a", "b\ufffd"], [None, None, "Yv4="]))
        keys = list(e)
        self.assertEqual(keys[keys.index("cwd"):], ["cwd", "cwd_b64", "cap", "parent"])
        self.assertEqual(list(e["parent"]), ["pid", "ktime", "exec_id", "uid", "user", "binary", "binary_b64", "arguments", "arguments_b64",
                                             "cwd", "cwd_b64", "cap"])

    def test_time(self):
        self.assertEqual(run(execve((1, 1), b"/x\0")).events[0]["time"], None)
        m = run(execve((1, 1), b"/x\0", now=2), clock(10, NS), exit_((9, 9), 9), exit_((9, 9), 10), exit_((9, 9), 19), clock(20, 5 * NS),
                exit_((9, 9), 19), exit_((9, 9), 21), clock(20, 7), exit_((9, 9), 20), clock(5, -1), exit_((9, 9), 6), exit_((9, 9), 4),
                frame(212, bytes(23)))
        at = "1970-01-01T00:00:0%d.%09dZ"
        self.assertEqual([e["time"] for e in m.events], [
            at % (0, 999999992), at % (0, 999999999), at % (1, 0), at % (1, 9), at % (1, 9), at % (5, 1), at % (5, 0), at % (0, 0),
            "1969-12-31T23:59:59.999999998Z"])
        m = run(clock(0, (1 << 63) - 1), exit_((9, 9), 0), exit_((9, 9), 1))
        self.assertEqual([e["time"] for e in m.events], ["2262-04-11T23:47:16.854775807Z", "1677-09-21T00:12:43.145224192Z"])

    def test_names_apply_from_their_place_on(self):
        m = run(execve((1, 1), b"/x\0", uid=5), user_name(5, b"a"), host(b"h2"), execve((2, 2), b"/x\0", uid=5), user_name(5, b""),
                execve((3, 3), b"/x\0", uid=5))
        self.assertEqual([e["user"] for e in m.events], ["", "a", ""])
        self.assertEqual([base64.b64decode(e["exec_id"]) for e in m.events], [b"test_host:1:1", b"h2:2:2", b"h2:3:3"])


class Findings(unittest.TestCase):
    def check(self, m, *want):
        self.assertEqual(sorted(m.audit_lines()), sorted('{"type":"finding","kind":%s}' % w for w in want))

    def test_counts(self):
        self.check(run(execve((1, 1), b"/x\0"), exit_((1, 1), 5), exit_((1, 1), 6)), '"below_zero","seq":2,"at":2,"pid":1,"ktime":1,"ref":-1')
        self.check(run(execve((1, 1), b"/x\0"), exit_((1, 1), 5), clone((2, 2), (1, 1), now=6), exit_((9, 9), AGE + 5)),
                   '"evicted_referenced","seq":1,"at":3,"pid":1,"ktime":1,"ref":1')
        self.check(run(execve((1, 1), b"/x\0"), exit_((1, 1), 5), exit_((9, 9), AGE + 5)))

    def test_held_back(self):
        frames = [execve((1, 1), b"/x\0"), execve((2, 2), b"/y\0"), exit_((1, 1), 100 * NS), exit_((2, 2), 1), exit_((9, 9), 61 * NS),
                  exit_((9, 9), 62 * NS)]
        self.check(run(*frames), '"held_back","seq":2,"at":4,"pid":2,"ktime":2')
        self.check(run(*frames[:4], exit_((9, 9), 60 * NS)))

    def test_what_was_dropped(self):
        self.check(run(execve((1, 1), b"/x\0"), execve((1, 1), b"/y\0"), clone((2, 2), (3, 3))), '"add_dropped","seq":1,"at":1,"pid":1,"ktime":1',
                   '"clone_dropped","seq":2,"at":2,"pid":2,"ktime":2,"ppid":3,"pktime":3')
        self.check(run(execve((1, 1), b"/x\0"), execve((2, 2), b"/x\0"), max_entries=1), '"cleared","seq":1,"at":1,"entries":2')
        self.check(run(execve((1, 1), b"/x\0", psize=60), b"x"), '"malformed","seq":0,"at":0', '"malformed","seq":1,"at":1')

    def test_data(self):
        take = execve(KEY, desc((1, 1), 5), F_DATA_FILENAME)
        self.check(run(take), '"data_missing","seq":0,"at":0,"data_pid":1,"data_time":1,"bytes":0,"expected":5')
        self.check(run(data((1, 1), b"abcd"), take), '"data_mismatch","seq":1,"at":1,"data_pid":1,"data_time":1,"bytes":4,"expected":5')
        self.check(run(data((1, 1), b"a"), data((1, 1), b"b"), data((2, 2), b"c"), max_data=1),
                   '"data_never_taken","seq":0,"at":2,"data_pid":1,"data_time":1,"bytes":2',
                   '"data_never_taken","seq":2,"at":3,"data_pid":2,"data_time":2,"bytes":1')


class Generated(unittest.TestCase):
    def test_seeds_repeat_and_cover(self):
        seen = set()
        for seed in range(60):
            raw = gen.stream(seed, 200)
            self.assertEqual(raw, gen.stream(seed, 200))
            m = Model(gen.settings_of(seed))
            lines = []
            m.feed(raw, lines)
            for line in lines + m.cache_lines():
                e = json.loads(line)
                self.assertEqual(line, line.replace("\n", ""))
                seen.add((e["type"], "miss" in e))
                seen.update(k for k in e if k.endswith("_b64"))
                if e.get("ref", 0) < 0:
                    seen.add("negative")
            seen.update(name for name in ("clone_misses", "data_misses", "malformed") if getattr(m, name))
        for want in ("binary_b64", "arguments_b64", "argv_b64", "cwd_b64", "negative", "clone_misses", "data_misses", "malformed"):
            self.assertIn(want, seen)
        for kind in ("execve", "clone", "exit"):
            self.assertLessEqual({(kind, False), (kind, True)}, seen)


if __name__ == "__main__":
    unittest.main()
