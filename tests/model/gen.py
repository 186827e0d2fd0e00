#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gen.py: seeded random frame streams for the comparison, and the builders of single frames that the tests use.

The same seed gives the same bytes and the same settings (`--settings` prints them as options of procrec). Weights are
chosen so that frames mostly refer to each other (a purely random stream would only exercise misses), and so that every
odd place of the rules turns up within a few thousand frames. Standard library only.
"""
import argparse
import random
import struct
import sys

from model import (F_CLONE, F_DATA_ARGS, F_DATA_FILENAME, F_ERROR_CWD, F_ERROR_FILENAME, F_NO_CWD_SUPPORT, F_PROCFS,
                   F_ROOT_CWD, FIXED, ITEM_CUT, ITEM_DESC, NS, U32, U64, Settings)

# ---- builders --------------------------------------------------------------------------------------------------------

S_COMMON = struct.Struct("<BBHIQ")
S_EXECVE_MID = struct.Struct("<144sI4xQQ10I3Q4I40sI4xQ")
S_PROCESS = struct.Struct("<10IQQ")
S_CLONE = struct.Struct("<I4xQ4IQ")
S_EXIT = struct.Struct("<I4xQII")
S_ID = struct.Struct("<QQ")
S_DESC = struct.Struct("<iIIIQQ")
S_INFO = struct.Struct("<I4xQ8I")
S_ITEM = struct.Struct("<HH")
KUBE, NAMESPACES = bytes(144), bytes(40)
ROOT_CAPS = (0x11, 0x33, 0x22)


def frame(op, body, now=0, size=None, flags=0):
    return S_COMMON.pack(op, flags, 0, 16 + len(body) if size is None else size, now & U64) + body


def execve(key, strings=b"", flags=0, parent=(0, 0), cleanup=(0, 0), uid=0, caps=ROOT_CAPS, now=None, psize=None, extra=b""):
    """psize: what process.size claims instead of the truth; extra: bytes that it does not count."""
    mid = S_EXECVE_MID.pack(KUBE, parent[0], parent[1], 0, uid + 1 & U32, 0, 0, 0, 0, 0, 0, 0, 0, 0, *caps, 0, 0, 0, 0, NAMESPACES,
                            cleanup[0], cleanup[1])
    process = S_PROCESS.pack((56 + len(strings) if psize is None else psize) & U32, key[0], key[0], 0, 0, uid, 7, flags, 0, 0, 0,
                             key[1])
    return frame(5, mid + process + strings + extra, key[1] if now is None else now)


def clone(key, parent, now=None, extra=b""):
    return frame(23, S_CLONE.pack(parent[0], parent[1], key[0], key[0], 0, 0, key[1]) + extra, key[1] if now is None else now)


def exit_(key, now, status=0, extra=b""):
    return frame(7, S_EXIT.pack(key[0], key[1], status, key[0]) + extra, now)


def data(ident, payload, now=0):
    return frame(24, S_ID.pack(*ident) + payload, now)


def desc(ident, size, leftover=0):
    return S_DESC.pack(0, 0, leftover & U32, size & U32, *ident)


def item(kind, payload, length=None):
    return S_ITEM.pack(kind, len(payload) if length is None else length) + payload


def exec_info(key, items=b"", args_bytes=0, argc=1, now=0):
    return frame(200, S_INFO.pack(key[0], key[1], argc, args_bytes, 0, 0, 0, 0, 0, 0) + items, now)


def user_name(uid, name, now=0):
    return frame(211, struct.pack("<II", uid, 0) + name, now)


def clock(boot, real):
    return frame(212, struct.pack("<QQQ", boot, real & U64, 0), boot)


def host(name, now=0):
    return frame(210, item(32, name), now)


# ---- random material -------------------------------------------------------------------------------------------------

PLAIN = [b"/usr/bin/ls", b"/bin/sh", b"ls", b"./a.out", b"/usr/lib/gcc/cc1", b"-l", b"-c", b"make", b"--help", b"../x", b"/"]
NASTY = [b"a b", b'q"uo\\te', b'"x y"', b"tab\there", b"new\nline", b'all " \\ \n \t', b"\x1b[31mred", b"\xff\xfe", b"cut\xe2\x82",
         b"\xf0\x9f\x98\x80", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x80\xaetxt", b"\xe2\x80\xa8", b"\x7f", b"\xc2\x85", b"\xef\xbf\xbd",
         b"\xf3\xa0\x81\x81", b"\xf4\x90\x80\x80", b"\xf0\x80\x80\x41", b"\xe1\x80\xc2\x41", b"", b" ", b"\t", b"\r\f\b\v", b"\x01\x1f",
         b"enomem", b"\xc3\xa9t\xc3\xa9", b"\xad", b"\xc2\xad", b"\xef\xbb\xbf", b"\\", b'"', b"=", b"a\\b", b"\xe2\x81\xa9", b"x" * 255,
         b"y" * 256]
CWDS = [b"/", b"/root", b"/home/a b/c", b"", b" /x ", b"\t\n/y\v\f\r", b"relative", b"/ends/", b"/\xff", b"/\xe2\x80\xae", b"  ", b"/w" * 100,
        b"a\0b", b"\0"]
NOISE = [0x1, 0x2, 0x8, 0x10, 0x20, 0x40, 0x80, 0x200, 0x400, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000,
         0x2000000, 0x80000000]
CWD_FLAGS = [0, 0, 0, 0, 0, F_ROOT_CWD, F_NO_CWD_SUPPORT, F_ERROR_CWD, F_ROOT_CWD | F_ERROR_CWD]
UIDS = [0, 0, 0, 1000, 1001, 65534, U32]
CAP_SETS = [ROOT_CAPS] * 8 + [(0, 0, 0)] * 4 + [(U64, U64, U64), (1 << 40, 1 << 41, 1 << 1), (0x1ffffffffff, 0x3fffffffff, 2)]
STATUSES = [0, 0, 0, 256, 0xff00, 9, 11 | 0x80, 0x7f, 0x137f, U32, 0x80, 0x12345678]
STEPS = "exec clone exit data own unknown malformed jump"


class Profile:
    def __init__(self, weights, small_limits, extreme):
        self.weights, self.small_limits, self.extreme = weights, small_limits, extreme


# weights in the order of STEPS
PROFILES = [
    Profile([36, 28, 22, 4, 3, 2, 2, 3], False, 0),
    Profile([36, 28, 22, 4, 3, 2, 2, 3], True, 0),
    Profile([24, 40, 28, 1, 1, 1, 1, 4], True, 0),
    Profile([30, 8, 6, 40, 8, 2, 3, 3], True, 0),
    Profile([34, 26, 20, 8, 4, 3, 4, 1], True, 0.02),
]


def profile_of(seed):
    return PROFILES[seed % len(PROFILES)]


def settings_of(seed):
    rng = random.Random(seed * 2 + 1)
    s = Settings(hostname=b"test_host", users={0: b"root", 1000: b"al ice"})
    if seed >= 0 and profile_of(seed).small_limits:
        s.max_age_s = rng.choice([60, 60, 60, 1, 0, 3600])
        s.max_entries = rng.choice([4194304] * 3 + [20, 30, 50, 50, 50, 6, 1, 0])
        s.max_clone_entries = rng.choice([3000] * 3 + [18, 30, 40, 40, 40, 5, 1, 0])
        s.max_data = rng.choice([4096, 0, 1, 3, 8])
        s.max_data_bytes = rng.choice([256 << 20] * 3 + [40, 20, 8, 0])
    return s


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(seed * 2)
        self.profile = profile_of(seed)
        self.now = self.rng.choice([0, 5, 100 * NS, 100 * NS, 1 << 40, 0x3a0c92075c0dbf3b, (1 << 63) - 30 * NS])
        self.out = []
        self.live = [(1, 1)]  # keys that frames may refer to, newest last
        self.fresh = []  # (key, parent) of clones that did not exec yet
        self.dead = []
        self.ids = []
        self.marks = [self.now]  # times of earlier frames, to come back to at exactly one age later
        self.clocked = self.rng.random() < 0.25
        self.hold = False  # the next tick stays at self.now
        self.age, self.max_data = settings_of(seed).max_age_s * NS, settings_of(seed).max_data
        self.steps = {name: getattr(self, "step_" + name) for name in STEPS.split()}
        self.sent_id = 0

    # -- pieces

    def tick(self):
        r = self.rng.random()
        if self.hold:
            self.hold = False
        elif r < 0.9:
            self.now += int(r * 1000) + 1
        elif r < 0.97:
            self.now += int((r - 0.9) * 20 * NS)
        elif r < 0.98 and self.now > 5 * NS:
            self.now -= 3 * NS
        self.now &= U64
        if r < 0.1:
            self.marks.append(self.now)
            del self.marks[:-12]
        if self.rng.random() < self.profile.extreme:
            return self.rng.choice([0, 1, U64, 1 << 63, (1 << 63) - 1, (1 << 63) + 60 * NS, 60 * NS, 60 * NS - 1])
        return self.now

    def pid(self):
        return self.rng.randrange(2, 40) if self.rng.random() < 0.98 else self.rng.choice([0, 1, 4194304, 0x80000000, U32])

    def key(self):
        """A key that is probably known."""
        r = self.rng.random()
        if r < 0.88:
            return self.live[-1 - int(len(self.live) * self.rng.random() ** 2)]
        if r < 0.95 and self.dead:
            return self.rng.choice(self.dead)
        return (self.pid(), self.rng.choice([0, 1, self.now, self.now + 1 & U64]))

    def born(self, key):
        self.live.append(key)
        if len(self.live) > 60:
            del self.live[1:20]

    def string(self):
        r = self.rng.random()
        if r < 0.55:
            return self.rng.choice(PLAIN)
        if r < 0.93:
            return self.rng.choice(NASTY)
        return self.rng.randbytes(self.rng.randrange(0, 12))

    def arguments(self):
        n = self.rng.choice([0, 0, 1, 1, 2, 2, 3, 5])
        args = b"\0".join([self.string() for _ in range(n)])
        r = self.rng.random()
        return args + b"\0" if r < 0.15 else args

    def fresh_id(self):
        r = self.rng.random()
        if r < 0.05 and self.ids:
            return self.rng.choice(self.ids)
        self.sent_id += 1
        back = self.rng.choice([0, 0, 0, 0, 59 * NS, 60 * NS, 61 * NS]) if r > 0.5 else 0
        time = max(0, self.now - back) if r < 0.97 else U64
        if r > 0.7 and self.ids and self.rng.random() < 0.3:
            time = self.rng.choice(self.ids)[1] + self.age + self.rng.choice([0, 0, 1]) & U64
        ident = (self.rng.choice([self.pid() << 32 | self.pid(), self.sent_id]), time)
        self.ids.append(ident)
        del self.ids[:-50]
        return ident

    def send(self, payload):
        """Data frames for the payload, not always right, and the descriptor that refers to them."""
        rng = self.rng
        ident = self.fresh_id()
        chunks = [payload]
        if rng.random() < 0.4:
            cut = rng.randrange(0, len(payload) + 1)
            chunks = [payload[:cut], payload[cut:]]
        for chunk in chunks:
            r = rng.random()
            if r < 0.04:
                continue
            self.out.append(data(ident, chunk, self.tick()))
            if r < 0.07:
                self.out.append(data(ident, chunk, self.tick()))
        size, leftover, r = len(payload), 0, rng.random()
        if r < 0.2:
            leftover = rng.choice([1, 5, 1000, U32])
            size += leftover
        elif r < 0.26:
            size += rng.choice([1, -1, 3])
        elif r < 0.28:
            leftover, size = size, 0
        elif r < 0.29:
            ident = (ident[0] + 1, ident[1])
        return desc(ident, size, leftover)

    def strings(self):
        """(bytes after the fixed part, flags)"""
        rng = self.rng
        flags, r = rng.choice(CWD_FLAGS), rng.random()
        filename, args, cwd = self.string(), self.arguments(), rng.choice(CWDS)
        if r < 0.12:
            flags |= F_DATA_FILENAME
            out = self.send(filename if r < 0.08 else rng.choice(CWDS))
        elif r < 0.18:
            flags |= F_ERROR_FILENAME
            out = b"" if r < 0.15 else filename + b"\0"
        elif r < 0.19:
            flags |= F_DATA_FILENAME | F_ERROR_FILENAME
            out = self.send(filename)
        else:
            out = filename + b"\0" if r < 0.95 else filename
        r = rng.random()
        if r < 0.15:
            flags |= F_DATA_ARGS
            out += self.send(args) + cwd
        elif not flags & (F_ROOT_CWD | F_NO_CWD_SUPPORT | F_ERROR_CWD):
            out += args + b"\0" + cwd if args or r < 0.4 else cwd
        else:
            out += args
        r = rng.random()
        if r < 0.02:
            out = out[:rng.randrange(0, len(out) + 1)]
        elif r < 0.025:
            out += b"z" * (rng.choice([1591, 1592, 1592, 1593, 1700]) - len(out))
        if rng.random() < 0.15:
            flags |= rng.choice(NOISE)
        if rng.random() < 0.02:
            flags |= rng.choice([F_DATA_FILENAME, F_DATA_ARGS, F_ERROR_FILENAME, F_ROOT_CWD, F_NO_CWD_SUPPORT, F_ERROR_CWD])
        return out, flags

    # -- steps

    def step_exec(self):
        rng, r = self.rng, self.rng.random()
        flags, cleanup = 0, (0, 0)
        if self.fresh and r < 0.5:
            old, parent = self.fresh.pop(rng.randrange(len(self.fresh)))
            pid, flags, cleanup = old[0], F_CLONE, old
            if old in self.live:
                self.live.remove(old)
                self.dead.append(old)
        elif r < 0.8:
            old = self.key()
            pid, parent, cleanup = old[0], self.key(), old
        elif r < 0.88:
            pid, parent = self.pid(), self.key()
        elif r < 0.94:
            pid, parent, flags = self.pid(), self.key(), F_PROCFS
            cleanup = self.key() if r < 0.90 else cleanup
        else:
            pid, parent, cleanup = self.pid(), self.key(), self.key()
        r = rng.random()
        if r < 0.03:
            cleanup = next((k for k in self.live if k[1] == 0), (cleanup[0], 0))
        elif r < 0.06:
            flags ^= F_CLONE
        elif r < 0.075:
            flags |= F_PROCFS
        out, more = self.strings()
        now = self.tick()
        r = rng.random()
        key = (pid, now) if r < 0.94 else (pid, 0) if r < 0.96 else self.key()
        self.announce(key, out)
        psize, extra, r = None, b"", rng.random()
        if r < 0.01:
            psize = rng.choice([0, 1, 55, 56, 57, U32, 1648, 1649, 2000, 0x80000000, 56 + len(out) - 1, 56 + len(out) + 1])
        elif r < 0.03:
            extra = b"\0" * rng.randrange(1, 9)
        self.out.append(execve(key, out, flags | more, parent, cleanup, rng.choice(UIDS), rng.choice(CAP_SETS),
                               now if r < 0.97 else self.tick(), psize, extra))
        self.born(key)

    def announce(self, key, strings):
        """Sometimes an EXEC_INFO frame before the execve."""
        rng, r = self.rng, self.rng.random()
        if r > 0.3:
            return
        items = b""
        for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
            kind = rng.choice([1, 1, 1, 2, 4, 5, 1 | ITEM_CUT, 99])
            if rng.random() < 0.2:
                items += item(kind | ITEM_DESC, self.send(self.string()))
            else:
                items += item(kind, self.string())
        if r < 0.02:
            items += rng.choice([b"\0", b"\1\0\1", item(1, b"abc", 4), item(1 | ITEM_DESC, b"short"), item(1 | ITEM_DESC, bytes(33)),
                                 item(1, b"", 0xffff)])
        if r < 0.04:
            key = self.key()
        self.out.append(exec_info(key, items, rng.choice([0, 1, 1, len(strings), U32]), rng.choice([0, 1, 2, U32]), self.tick()))

    def step_clone(self):
        parent, now = self.key(), self.tick()
        key = (self.pid(), now) if self.rng.random() < 0.97 else self.key()
        late = self.rng.random() < 0.05
        self.out.append(clone(key, parent, self.tick() if late else now, b"\0" * 8 if late else b""))
        self.fresh.append((key, parent))
        del self.fresh[:-12]
        self.born(key)

    def step_exit(self):
        rng = self.rng
        if len(self.live) > 1 and rng.random() < 0.85:
            key = self.live.pop(rng.randrange(1, len(self.live)))
            self.dead.append(key)
            del self.dead[:-30]
        else:
            key = self.key()
        self.out.append(exit_(key, self.tick(), rng.choice(STATUSES), b"\0" * 4 if rng.random() < 0.05 else b""))

    def step_data(self):
        r = self.rng.random()
        if r < 0.03 and 0 < self.max_data <= 8:
            self.data_edge()
        elif r < 0.9:
            now = self.tick()
            self.out.append(data(self.fresh_id(), self.string(), now))
            if r < 0.3 and now == self.now:
                self.marks.append(now)
        elif r < 0.91:
            self.out.append(data(self.fresh_id(), b"d" * self.rng.choice([32735, 32736, 32737]), self.tick()))
        else:
            self.send(self.string())

    def data_edge(self):
        """A full map, cleared by age, full again, and then one more at or just past each of the two limits."""
        self.now = self.now + 2 * self.age + NS & U64
        rng, start = self.rng, self.tick()
        self.sent_id += 100
        for i in range(2 * self.max_data):
            self.out.append(data((self.sent_id + i, start + i % 2 & U64), b"e", start))
        edge = start + self.age
        self.out.append(data((self.sent_id + 50, edge + rng.choice([0, 1, 2]) & U64), b"e", edge + rng.choice([0, 0, 1]) & U64))

    def step_own(self):
        rng, r = self.rng, self.rng.random()
        if self.clocked and rng.random() < 0.3:
            boot = rng.choice([self.tick(), self.tick(), rng.choice(self.marks)])
            self.out.append(clock(boot, rng.choice([boot, 1700000000 * NS + boot, 1700000000 * NS + boot + 12345, -1, (1 << 63) - 1, -(1 << 63)])))
        elif r < 0.2:
            self.out.append(user_name(rng.choice(UIDS), self.string(), self.tick()))
        elif r < 0.3:
            self.out.append(host(self.string(), self.tick()))
        elif r < 0.4:
            kind = rng.choice([200, 201, 204, 210, 216, 217])
            body = bytes(FIXED[kind] - 16) + item(rng.choice([1, 3, 7, 8, 33, 64]) | ITEM_DESC, self.send(self.string()))
            self.out.append(frame(kind, body + (b"" if r < 0.38 else b"\1"), self.tick()))
        else:
            kind = rng.choice([201, 202, 203, 204, 210, 213, 214, 215, 216, 217, 218])
            rows = bytes(rng.choice([0, 24, 48, 48, 47, 1])) if kind == 213 else b""
            self.out.append(frame(kind, bytes(FIXED[kind] - 16) + rows, self.tick()))

    def step_unknown(self):
        op = self.rng.choice([0, 1, 4, 6, 8, 13, 14, 15, 22, 25, 26, 27, 100, 199, 205, 219, 254, 255])
        self.out.append(frame(op, self.string(), self.tick(), flags=self.rng.choice([0, 1, 255])))

    def step_malformed(self):
        """Well framed, but too short for its kind, or lying about its inner sizes."""
        rng, op = self.rng, self.rng.choice([5, 5, 7, 23, 24, 200, 201, 202, 203, 204, 211, 212, 213, 214, 215, 217, 218])
        key, now = self.key(), self.tick()
        if op == 5 and rng.random() < 0.6:
            out, flags = self.strings()
            size = rng.choice([56 + len(out) + 1, 1648, 57 + len(out), 100 + len(out)])
            self.out.append(execve((key[0], now), out, flags, self.key(), key, psize=size))
            return
        short = FIXED[op] - rng.choice([1, 1, 2, 8, FIXED[op] - 16])
        body = {5: lambda: execve(key), 7: lambda: exit_(key, now), 23: lambda: clone(key, self.key()), 24: lambda: data((1, 2), b"")}
        whole = body[op]() if op in body else frame(op, bytes(FIXED[op] - 16))
        self.out.append(frame(op, whole[16:max(16, short)], now))

    def step_jump(self):
        if self.rng.random() < 0.4:
            self.now = max(1, self.rng.choice(self.marks) + self.age + self.rng.choice([-1, 0, 0, 1])) & U64
            self.hold = True
            return
        self.now = self.now + self.rng.choice([NS, 30 * NS, 59 * NS, 60 * NS, 60 * NS + 1, 61 * NS, 120 * NS]) & U64

    # -- a whole stream

    def disturb(self, frames):
        """What transport does: frames lost, sent twice, out of order."""
        rng, out, i = self.rng, [], 0
        while i < len(frames):
            r = rng.random()
            if r < 0.015:
                pass
            elif r < 0.025:
                out += [frames[i], frames[i]]
            elif r < 0.035 and i + 1 < len(frames):
                out += [frames[i + 1], frames[i]]
                i += 1
            elif r < 0.04 and out:
                out.insert(rng.randrange(max(0, len(out) - 20), len(out)), frames[i])
            else:
                out.append(frames[i])
            i += 1
        return out

    def tail(self):
        r = self.rng.random()
        if r < 0.75:
            return b""
        whole = execve((3, 3), b"/x")
        return self.rng.choice([
            whole[:self.rng.randrange(1, len(whole))], whole[:4] + bytes(4) + whole[8:], frame(7, bytes(40), size=15), bytes(16), b"x",
            bytes(15), frame(5, b"", size=(16 << 20) + 1), frame(5, b"", size=U32), frame(24, bytes(100), size=117),
            frame(24, bytes(140000), size=150000),
            self.rng.randbytes(40)])

    def stream(self, count):
        names = self.rng.choices(list(self.steps.values()), self.profile.weights, k=count)
        for step in names:
            step()
            if len(self.out) >= count:
                break
        return b"".join(self.disturb(self.out[:count])) + self.tail()


def at_the_limits():
    """Streams that meet the default limits exactly, and go one beyond."""
    one, now = (1, 1), 100 * NS
    clones = [execve(one, b"/x\0", now=now)] + [clone((i, i), one, now) for i in range(2, 3001)]
    clones += [execve((5000 + i, now), b"/y\0a\0/", 0, one) for i in range(3)] + [exit_((2, 2), now), clone((3001, 3001), one, now)]
    ids = [data((i, now), b"x", now) for i in range(4096)] + [data((1, now + 60 * NS + 1), b"x", now + 60 * NS + 1)]
    ids += [data((i + 2, now + 60 * NS + 2), b"x", now + 60 * NS + 2) for i in range(4096)]
    big = [frame(13, bytes((16 << 20) - 16)), execve(one, b"/x\0"), frame(13, bytes(16 << 20)), execve((2, 2), b"/x\0")]
    args = b"\0".join(b"%d" % i for i in range(200000))
    long_args = [data((1, 1), args[i:i + 32736]) for i in range(0, len(args), 32736)]
    long_args += [execve(one, b"/x\0" + desc((1, 1), len(args)) + b"/c", F_DATA_ARGS), clone((2, 2), one), exit_((2, 2), 3)]
    payloads = [data((i, 5), bytes(n)) for i, n in enumerate((0, 1, 32735, 32736, 32737))]
    return [clones, ids, ids[:-1], big, long_args, payloads]


LIMITS = -6  # seeds from here to -1 are the streams of at_the_limits


def stream(seed, count):
    if seed < 0:
        return b"".join(at_the_limits()[seed])
    return Generator(seed).stream(count)


def options(s):
    """(options of `pack`, of `replay` and `audit`, of `replay` alone) for these settings."""
    pack = [b"--hostname", s.hostname]
    for uid, name in sorted(s.users.items()):
        pack += [b"--user", b"%d=%s" % (uid, name)]
    replay = []
    for name, value, default in (("age", s.max_age_s, 60), ("entries", s.max_entries, 4194304),
                                 ("clone-entries", s.max_clone_entries, 3000), ("data", s.max_data, 4096)):
        if value != default:
            replay += [b"--cache-max-%s" % name.encode(), b"%d" % value]
    return pack, replay, [b"--cache-max-data-bytes", b"%d" % s.max_data_bytes] if s.max_data_bytes != 256 << 20 else []


def main():
    p = argparse.ArgumentParser(description="Write a seeded random frame stream.")
    p.add_argument("--seed", type=int, required=True)
    p.add_argument("--frames", type=int, default=300)
    p.add_argument("--settings", action="store_true", help="print the options of pack and of replay for this seed instead")
    p.add_argument("-o", dest="output", default="-")
    a = p.parse_args()
    if a.settings:
        for line in options(settings_of(a.seed)):
            print(b" ".join(line).decode())
        return
    raw = stream(a.seed, a.frames)
    if a.output == "-":
        sys.stdout.buffer.write(raw)
    else:
        with open(a.output, "wb") as f:
            f.write(raw)


if __name__ == "__main__":
    main()
