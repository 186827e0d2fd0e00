#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""model.py: a second opinion on the decoder and the refcounted cache.

In: a raw frame stream (a plain concatenation of frames). Out: the events, or the cache at the end, as NDJSON, byte for
byte what `procrec replay --json` must print for the same stream packed.

Written from the documents of the format and of the cache's rules, never from the C code: it is worth something only
as long as the two are independent. Points on which the documents are silent are decided in README.md, "Decisions".
Standard library only.
"""
import argparse
import base64
import bisect
import datetime
import heapq
import re
import struct
import sys
from collections import deque

FRAME_MAX = 16 << 20
NS = 1000000000
U32 = 0xffffffff
U64 = 0xffffffffffffffff
EPOCH = datetime.datetime(1970, 1, 1)

OP_EXECVE, OP_EXIT, OP_CLONE, OP_DATA = 5, 7, 23, 24
OP_EXEC_INFO, OP_CLONE_INFO, OP_EXIT_INFO, OP_REPARENT, OP_EXEC_FAIL = 200, 201, 202, 203, 204
OP_HOST, OP_USER_NAME, OP_CLOCK, OP_STREAM_STATE, OP_LOSS, OP_KEYFRAME, OP_RECORDER = 210, 211, 212, 213, 214, 215, 216
OP_ORIGIN, OP_ENDED = 217, 218

# The smallest size that a well-formed frame of each known op has.
FIXED = {
    OP_EXECVE: 376, OP_EXIT: 40, OP_CLONE: 56, OP_DATA: 32,
    OP_EXEC_INFO: 64, OP_CLONE_INFO: 56, OP_EXIT_INFO: 48, OP_REPARENT: 64, OP_EXEC_FAIL: 40,
    OP_HOST: 16, OP_USER_NAME: 24, OP_CLOCK: 40, OP_STREAM_STATE: 24, OP_LOSS: 40, OP_KEYFRAME: 24, OP_RECORDER: 16,
    OP_ORIGIN: 48, OP_ENDED: 48,
}
WITH_ITEMS = (OP_EXEC_INFO, OP_CLONE_INFO, OP_EXEC_FAIL, OP_HOST, OP_RECORDER, OP_ORIGIN)
ITEM_ARGV0, ITEM_HOSTNAME = 1, 32
ITEM_DESC, ITEM_CUT = 0x8000, 0x4000
STREAM_ROW = 24

F_PROCFS = 0x4
F_ERROR_FILENAME = 0x100
F_NO_CWD_SUPPORT, F_ROOT_CWD, F_ERROR_CWD = 0x800, 0x1000, 0x2000
F_NO_CWD = F_NO_CWD_SUPPORT | F_ROOT_CWD | F_ERROR_CWD
F_CLONE = 0x4000
F_DATA_FILENAME, F_DATA_ARGS = 0x800000, 0x1000000

PROCESS_FIXED = 56
STRINGS_MAX = 1592
DATA_PAYLOAD_MAX = 32736
DESC_SIZE = 32
ENOMEM = b"enomem"
WHITE = b" \t\n\r\f\v"

CAPS = (
    "CAP_CHOWN DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID CAP_SETUID CAP_SETPCAP "
    "CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW CAP_IPC_LOCK CAP_IPC_OWNER "
    "CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE "
    "CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE CAP_AUDIT_CONTROL "
    "CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND CAP_AUDIT_READ "
    "CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE").split()

COMMON = struct.Struct("<B3xIQ")
# parent pid, ktime; creds permitted, effective, inheritable; cleanup pid, ktime; process size, pid, uid, flags, ktime
EXECVE = struct.Struct("<160xI4xQ8x40xQQQ16x40xI4xQII12xI4xI16xQ")
CLONE = struct.Struct("<16xI4xQI12xQ")
EXIT = struct.Struct("<16xI4xQI")
DATA_ID = struct.Struct("<16xQQ")
DESC = struct.Struct("<8xIIQQ")  # leftover, size, id.pid, id.time
EXEC_INFO = struct.Struct("<16xI4xQ4xI")  # key; argc is skipped; args_bytes
ITEM = struct.Struct("<HH")
USER_NAME = struct.Struct("<16xI")
CLOCK = struct.Struct("<8xQ8xq")  # boot time, real time


def signed(v):
    """The low 64 bits of v, read as two's complement."""
    v &= U64
    return v - (1 << 64) if v >> 63 else v


def cap_names(bits):
    return " ".join(name for i, name in enumerate(CAPS) if bits >> i & 1)


def argument_text(buf):
    """The argument rule: one line, lossy."""
    if not buf:
        return b""
    out = []
    for field in buf.split(b"\0"):
        if b" " in field or b"\t" in field or b"\n" in field:
            field = field.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n").replace(b"\t", b"\\t")
            field = b'"' + field + b'"'
        out.append(field)
    return b" ".join(out)


# ---- JSON ------------------------------------------------------------------------------------------------------------

# What neither JSON nor a terminal may see raw: controls, separators, bidi and zero-width characters, tags.
UNSAFE = re.compile('["\\\\\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f'
                    '\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]')
SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(match):
    c = match.group()
    if c in SHORT:
        return SHORT[c]
    cp = ord(c)
    if cp >= 0x10000:
        cp -= 0x10000
        return "\\u%04x\\u%04x" % (0xd800 + (cp >> 10), 0xdc00 + (cp & 0x3ff))
    return "\\u%04x" % cp


def quoted(b):
    """(JSON string, whether it stands for exactly these bytes)"""
    try:
        return '"' + UNSAFE.sub(_escape, b.decode()) + '"', True
    except UnicodeDecodeError:
        return '"' + UNSAFE.sub(_escape, b.decode("utf-8", "replace")) + '"', False


def b64(b):
    return '"' + base64.b64encode(b).decode() + '"'


def member(key, b):
    text, exact = quoted(b)
    if exact:
        return '"%s":%s' % (key, text)
    return '"%s":%s,"%s_b64":%s' % (key, text, key, b64(b))


def argv_member(argv):
    plain, exact_form, all_exact = [], [], True
    for a in argv:
        if a is None:
            plain.append("null")
            exact_form.append("null")
            continue
        text, exact = quoted(a)
        plain.append(text)
        exact_form.append("null" if exact else b64(a))
        all_exact = all_exact and exact
    text = '"argv":[%s]' % ",".join(plain)
    return text if all_exact else text + ',"argv_b64":[%s]' % ",".join(exact_form)


# ---- values ----------------------------------------------------------------------------------------------------------

class Text:
    """The text fields that a clone shares with its parent."""
    __slots__ = ("uid", "user", "binary", "arguments", "cwd", "caps", "argv", "_front", "_argv", "_back")

    def __init__(self, uid, user, binary, arguments, cwd, caps, argv):
        self.uid, self.user, self.binary, self.arguments = uid, user, binary, arguments
        self.cwd, self.caps, self.argv = cwd, caps, argv
        self._front = self._argv = self._back = None

    def front(self):
        if self._front is None:
            self._front = '"uid":%d,%s,%s,%s' % (self.uid, member("user", self.user), member("binary", self.binary),
                                                 member("arguments", self.arguments))
        return self._front

    def argv_json(self):
        if self._argv is None:
            self._argv = argv_member(self.argv)
        return self._argv

    def back(self):
        if self._back is None:
            self._back = '%s,"cap":{"permitted":"%s","effective":"%s","inheritable":"%s"}' % (
                (member("cwd", self.cwd),) + tuple(cap_names(c) for c in self.caps))
        return self._back


class Value:
    __slots__ = ("pid", "ktime", "ppid", "pktime", "ref", "exec_id", "text")

    def __init__(self, pid, ktime, ppid, pktime, exec_id, text):
        self.pid, self.ktime, self.ppid, self.pktime = pid, ktime, ppid, pktime
        self.ref = 0
        self.exec_id, self.text = exec_id, text


class Cache:
    """The cache's primitives, and nothing else."""

    def __init__(self, max_age_ns, finding):
        self.map = {}
        self.queue = deque()  # (time, key, the frame that appended it)
        self.max_age_ns = max_age_ns
        self.appended = self.popped = 0  # of the queue
        self.by_time = []  # heap of (time, number in the queue, key): what is due, wherever it stands
        self.finding = finding  # told of what an auditor wants to know
        self.seq = 0  # the frame that is being applied

    def add(self, key, value):
        value.ref = 1
        if self.map.setdefault(key, value) is not value:
            self.finding("add_dropped", self.seq, '"pid":%d,"ktime":%d' % key)

    def inc(self, key):
        v = self.map.get(key)
        if v:
            v.ref += 1

    def dec(self, key, now):
        v = self.map.get(key)
        if v:
            v.ref -= 1
            if v.ref == 0:
                self.queue.append((now, key, self.seq))
                heapq.heappush(self.by_time, (signed(now), self.appended, key))
                self.appended += 1
            elif v.ref < 0:
                self.finding("below_zero", self.seq, '"pid":%d,"ktime":%d,"ref":%d' % (key + (v.ref,)))

    def clear_expired(self, now):
        queue = self.queue
        limit = signed(signed(now) - self.max_age_ns)
        while queue and signed(queue[0][0]) <= limit:
            _, key, seq = queue.popleft()
            self.popped += 1
            v = self.map.pop(key, None)
            if v and v.ref > 0:
                self.finding("evicted_referenced", seq, '"pid":%d,"ktime":%d,"ref":%d' % (key + (v.ref,)))
        while self.by_time and self.by_time[0][0] <= limit:
            _, number, key = heapq.heappop(self.by_time)
            if number >= self.popped:
                self.finding("held_back", queue[0][2], '"pid":%d,"ktime":%d' % key)

    def clear(self):
        self.finding("cleared", self.seq, '"entries":%d' % len(self.map))
        self.map.clear()


class Settings:
    def __init__(self, max_age_s=60, max_entries=4194304, max_clone_entries=3000, max_data=4096, hostname=b"", users=(),
                 max_data_bytes=256 << 20):
        self.max_age_s, self.max_entries = max_age_s, max_entries
        self.max_clone_entries, self.max_data, self.max_data_bytes = max_clone_entries, max_data, max_data_bytes
        self.hostname, self.users = hostname, dict(users)


# ---- framing ---------------------------------------------------------------------------------------------------------

def split_frames(stream):
    """Yields (bytes, framed). What no header delimits is one last item."""
    pos, end = 0, len(stream)
    while pos < end:
        size = int.from_bytes(stream[pos + 4:pos + 8], "little") if end - pos >= 16 else 0
        if size < 16 or size > end - pos or size > FRAME_MAX:
            yield stream[pos:], False
            return
        yield stream[pos:pos + size], True
        pos += size


# ---- the model -------------------------------------------------------------------------------------------------------

class Malformed(Exception):
    pass


class Model:
    def __init__(self, settings=None):
        s = settings or Settings()
        self.settings = s
        self.age_ns = s.max_age_s * NS
        self.findings = []  # lines as `procrec audit --json` prints them, of the kinds that follow from the rules alone
        self.cache = Cache(self.age_ns, self.finding)
        self.hostname = s.hostname
        self.users = dict(s.users)
        self.data = {}  # (id.pid, id.time) -> [length, bytes or None when they went over the limit]
        self.data_bytes = 0  # held
        self.data_from = {}  # the same ids -> the frame that stored each
        self.last_data_clear = None
        self.exec_info = None  # (key, argv0 or None, args_bytes), until the next execve
        self.clocks = []  # (boot time, real time) of the CLOCK frames so far, sorted, one for each boot time
        self.clone_misses = self.data_misses = self.malformed = self.frames = 0
        self.handlers = {OP_EXECVE: self.execve, OP_CLONE: self.clone, OP_EXIT: self.exit, OP_DATA: self.data_frame}

    def feed(self, stream, out):
        """Applies every frame of the stream; event lines (str, no newline) are appended to out."""
        frames = list(split_frames(stream))
        self.find_first_clock(frames)
        for frame, framed in frames:
            line = self.apply(frame, framed)
            if line is not None:
                out.append(line)

    def find_first_clock(self, frames):
        """The first CLOCK frame of the whole stream also tells the times of what stands before it."""
        for frame, framed in frames:
            if framed and frame[0] == OP_CLOCK and len(frame) >= FIXED[OP_CLOCK]:
                self.clock(frame)
                return

    def clock(self, frame):
        boot, real = CLOCK.unpack_from(frame)
        at = bisect.bisect_left(self.clocks, boot, key=lambda c: c[0])
        if at == len(self.clocks) or self.clocks[at][0] != boot:
            self.clocks.insert(at, (boot, real))

    def time(self, now):
        """RFC 3339 in UTC with nine digits, or null: from the nearest CLOCK at or before `now`, else the earliest."""
        if not self.clocks:
            return "null"
        boot, real = self.clocks[max(0, bisect.bisect_right(self.clocks, now, key=lambda c: c[0]) - 1)]
        seconds, ns = divmod(signed(real + now - boot), NS)
        return '"%s.%09dZ"' % ((EPOCH + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S"), ns)

    def finding(self, kind, seq, rest):
        """seq: the frame that is the cause; it is noticed at the one that is being applied."""
        rest = rest and "," + rest
        self.findings.append('{"type":"finding","kind":"%s","seq":%d,"at":%d%s}' % (kind, seq, self.cache.seq, rest))

    def is_malformed(self):
        self.malformed += 1
        self.finding("malformed", self.cache.seq, "")

    def never_taken(self, key):
        self.finding("data_never_taken", self.data_from.pop(key),
                     '"data_pid":%d,"data_time":%d,"bytes":%d' % (key + (self.remove(key)[0],)))

    def audit_lines(self):
        """To be called last: what is left of the data was never taken."""
        self.cache.seq = self.frames
        for key in list(self.data):
            self.never_taken(key)
        return self.findings

    def apply(self, frame, framed=True):
        seq = self.cache.seq = self.frames
        self.frames += 1
        if not framed:
            return self.is_malformed()
        op, size, ktime = COMMON.unpack_from(frame)
        if size < FIXED.get(op, 16):
            return self.is_malformed()
        try:
            handler = self.handlers.get(op)
            if handler:
                return handler(frame, seq, ktime)
            if op >= OP_EXEC_INFO:
                self.own(op, frame)
        except Malformed:
            self.is_malformed()
        return None

    # -- data

    def data_frame(self, frame, seq, now):
        if len(frame) - 32 > DATA_PAYLOAD_MAX:
            raise Malformed
        key = DATA_ID.unpack_from(frame)
        have = self.data.get(key)
        if have is not None:
            self.append(have, frame[32:])
            return
        if len(self.data) >= self.settings.max_data:
            last = self.last_data_clear
            if last is None or signed(last) < signed(signed(now) - self.age_ns):
                limit = signed(signed(key[1]) - self.age_ns)
                for k in [k for k in self.data if signed(k[1]) < limit]:
                    self.never_taken(k)
                self.last_data_clear = now
        if len(self.data) >= self.settings.max_data:
            for k in list(self.data):
                self.never_taken(k)
        self.data[key] = [0, b""]
        self.append(self.data[key], frame[32:])
        self.data_from[key] = seq

    def append(self, item, more):
        """The length always grows; the bytes go when the map would hold more than its limit with them."""
        item[0] += len(more)
        if item[1] is None:
            return
        if self.data_bytes + len(more) > self.settings.max_data_bytes:
            self.data_bytes -= len(item[1])
            item[1] = None
        else:
            self.data_bytes += len(more)
            item[1] += more

    def remove(self, key):
        item = self.data.pop(key, None)
        if item:
            self.data_bytes -= len(item[1] or b"")
        return item

    def take(self, desc):
        """The bytes, or None where they are missing or not as many as were sent."""
        leftover, size, pid, time = DESC.unpack_from(desc)
        item, expected = self.remove((pid, time)), (size - leftover) & U32
        self.data_from.pop((pid, time), None)
        length, data = item or (0, None)
        if item is None or length != expected:
            self.data_misses += 1
            self.finding("data_mismatch" if item else "data_missing", self.cache.seq,
                         '"data_pid":%d,"data_time":%d,"bytes":%d,"expected":%d' % (pid, time, length, expected))
            return None
        return data

    # -- execve

    def strings(self, buf, flags):
        """filename, arguments, cwd of the bytes after the fixed part: (binary, argument text, cwd, argument bytes)."""
        if flags & F_DATA_FILENAME:
            if len(buf) < DESC_SIZE:
                return ENOMEM, ENOMEM, ENOMEM, None
            filename, buf = self.take(buf) or b"", buf[DESC_SIZE:]
        elif flags & F_ERROR_FILENAME:
            filename = b""
        else:
            filename, _, buf = buf.partition(b"\0")
        args = cwd = b""
        if flags & F_DATA_ARGS:
            if len(buf) < DESC_SIZE:
                return filename, ENOMEM, ENOMEM, None
            args, cwd = self.take(buf) or b"", buf[DESC_SIZE:]
        elif flags & F_NO_CWD:
            args = buf
        else:
            args, _, cwd = buf.rpartition(b"\0")
        if flags & F_ROOT_CWD:
            cwd = b"/"
        elif flags & F_PROCFS:
            cwd = cwd.strip(WHITE)
        if not filename:
            binary = ENOMEM
        elif filename[:1] != b"/" and cwd:
            binary = cwd + (b"" if cwd[-1:] == b"/" else b"/") + filename
        else:
            binary = filename
        return binary, argument_text(args), cwd, args

    def take_exec_info(self, key):
        """argv[0] (or None) and args_bytes of the EXEC_INFO frame that announced this exec."""
        info, self.exec_info = self.exec_info, None
        return info[1:] if info and info[0] == key else (None, None)

    def execve(self, frame, seq, now):
        (ppid, pktime, permitted, effective, inheritable, cpid, cktime, psize, pid, uid, flags,
         ktime) = EXECVE.unpack_from(frame)
        n = (psize - PROCESS_FIXED) & U32
        if n <= STRINGS_MAX and 376 + n > len(frame):
            raise Malformed
        key = (pid, ktime)
        argv0, args_bytes = self.take_exec_info(key)
        if n > STRINGS_MAX:
            binary, arguments, cwd, args = ENOMEM, ENOMEM, ENOMEM, None
        else:
            binary, arguments, cwd, args = self.strings(frame[376:376 + n], flags)
        argv = [argv0]
        if args:
            argv += args.split(b"\0")
        elif args is not None and args_bytes == 1:
            argv.append(b"")  # one argument, and it is empty
        if cktime == 0 or flags & F_CLONE:
            parent = (ppid, pktime)
        else:
            parent = (cpid, cktime)
        text = Text(uid, self.users.get(uid, b""), binary, arguments, cwd, (permitted, effective, inheritable), argv)
        value = Value(pid, ktime, parent[0], parent[1], self.exec_id(pid, ktime), text)
        cache = self.cache
        if flags & F_PROCFS:
            cache.add(key, value)
            return self.event("execve", seq, key, now)
        cache.inc(parent)
        cache.add(key, value)
        if cktime != 0:
            old = cache.map.get((cpid, cktime))
            if old:
                cache.dec((old.ppid, old.pktime), now)
            cache.dec((cpid, cktime), now)
        cache.clear_expired(ktime)
        if len(cache.map) > self.settings.max_entries:
            cache.clear()
        return self.event("execve", seq, key, now)

    # -- clone, exit

    def clone(self, frame, seq, now):
        ppid, pktime, pid, ktime = CLONE.unpack_from(frame)
        key = (pid, ktime)
        cache = self.cache
        parent = cache.map.get((ppid, pktime))
        if not parent:
            self.clone_misses += 1
            self.finding("clone_dropped", seq, '"pid":%d,"ktime":%d,"ppid":%d,"pktime":%d' % (key + (ppid, pktime)))
            return self.event("clone", seq, key, now)
        value = Value(pid, ktime, ppid, pktime, self.exec_id(pid, ktime), parent.text)
        cache.inc((ppid, pktime))
        cache.add(key, value)
        cache.clear_expired(now)
        if len(cache.map) > self.settings.max_clone_entries:
            cache.clear()
        return self.event("clone", seq, key, now)

    def exit(self, frame, seq, now):
        pid, ktime, status = EXIT.unpack_from(frame)
        key = (pid, ktime)
        cache = self.cache
        value = cache.map.get(key)
        if value:
            cache.dec((value.ppid, value.pktime), now)
            cache.dec(key, now)
        cache.clear_expired(now)
        tail = ',"exit":{"code":%d,"signal":%d,"core":%s,"status":%d}' % (
            status >> 8 & 0xff, status & 0x7f, "true" if status & 0x80 else "false", status)
        return self.event("exit", seq, key, now, tail)

    # -- procrec's own frames

    def items(self, frame, pos):
        """[(type, cut, bytes or None)] of the items from pos on; takes from the data map only when all are whole."""
        raw, end = [], len(frame)
        while pos < end:
            if end - pos < 4:
                raise Malformed
            kind, length = ITEM.unpack_from(frame, pos)
            pos += 4
            if length > end - pos or (kind & ITEM_DESC and length != DESC_SIZE):
                raise Malformed
            raw.append((kind, frame[pos:pos + length]))
            pos += length
        return [(kind & ~(ITEM_DESC | ITEM_CUT), self.take(b) if kind & ITEM_DESC else b) for kind, b in raw]

    def own(self, op, frame):
        if op in WITH_ITEMS:
            items = self.items(frame, FIXED[op])
            if op == OP_EXEC_INFO:
                pid, ktime, args_bytes = EXEC_INFO.unpack_from(frame)
                argv0 = None
                for kind, b in items:
                    if kind == ITEM_ARGV0:
                        argv0 = b
                self.exec_info = ((pid, ktime), argv0, args_bytes)
            elif op == OP_HOST:
                for kind, b in items:
                    if kind == ITEM_HOSTNAME and b is not None:
                        self.hostname = b
        elif op == OP_USER_NAME:
            self.users[USER_NAME.unpack_from(frame)[0]] = frame[24:]
        elif op == OP_CLOCK:
            self.clock(frame)
        elif op == OP_STREAM_STATE and (len(frame) - FIXED[op]) % STREAM_ROW:
            raise Malformed

    # -- output

    def exec_id(self, pid, ktime):
        return base64.b64encode(b"%s:%d:%d" % (self.hostname, ktime, pid)).decode()

    def event(self, kind, seq, key, now, tail=""):
        head = '{"type":"%s","seq":%d,"time":%s,"ktime":%d,"pid":%d' % (kind, seq, self.time(now), key[1], key[0])
        v = self.cache.map.get(key)
        if not v:
            return head + ',"miss":true}'
        t = v.text
        p = self.cache.map.get((v.ppid, v.pktime))
        parent = "null"
        if p:
            parent = '{"pid":%d,"ktime":%d,"exec_id":"%s",%s,%s}' % (p.pid, p.ktime, p.exec_id, p.text.front(),
                                                                     p.text.back())
        return '%s,"exec_id":"%s",%s,%s,%s,"parent":%s%s}' % (head, v.exec_id, t.front(), t.argv_json(), t.back(), parent,
                                                              tail)

    def cache_lines(self):
        out = []
        for key in sorted(self.cache.map):
            v = self.cache.map[key]
            out.append('{"type":"entry","pid":%d,"ktime":%d,"ppid":%d,"pktime":%d,"ref":%d,"exec_id":"%s",%s,%s}' % (
                key[0], key[1], v.ppid, v.pktime, v.ref, v.exec_id, v.text.front(), v.text.back()))
        for time, key, _ in self.cache.queue:
            out.append('{"type":"expiry","time":%d,"pid":%d,"ktime":%d}' % (time, key[0], key[1]))
        out.append('{"type":"summary","entries":%d,"queued":%d,"data":%d,"clone_misses":%d,"data_misses":%d,'
                   '"malformed":%d,"frames":%d}' % (len(self.cache.map), len(self.cache.queue), len(self.data),
                                                    self.clone_misses, self.data_misses, self.malformed, self.frames))
        return out


# ---- command line ----------------------------------------------------------------------------------------------------

def user_option(text):
    uid, eq, name = text.partition("=")
    if not eq or not uid.isdigit():
        raise argparse.ArgumentTypeError("want UID=NAME, as in 0=root")
    return int(uid), name.encode("utf-8", "surrogateescape")


def main():
    p = argparse.ArgumentParser(description="Decode a raw frame stream and print its events, or the cache at its end.")
    p.add_argument("file", help="raw frames; - for standard input")
    p.add_argument("--cache", action="store_true", help="print the cache instead of the events")
    p.add_argument("--max-age-s", type=int, default=60)
    p.add_argument("--max-entries", type=int, default=4194304)
    p.add_argument("--max-clone-entries", type=int, default=3000)
    p.add_argument("--max-data", type=int, default=4096)
    p.add_argument("--max-data-bytes", type=int, default=256 << 20)
    p.add_argument("--hostname", default="")
    p.add_argument("--user", action="append", default=[], type=user_option, metavar="UID=NAME")
    a = p.parse_args()
    settings = Settings(a.max_age_s, a.max_entries, a.max_clone_entries, a.max_data,
                        a.hostname.encode("utf-8", "surrogateescape"), a.user, a.max_data_bytes)
    if a.file == "-":
        stream = sys.stdin.buffer.read()
    else:
        with open(a.file, "rb") as f:
            stream = f.read()
    model = Model(settings)
    lines = []
    model.feed(stream, lines)
    if a.cache:
        lines = model.cache_lines()
    for line in lines:
        sys.stdout.buffer.write(line.encode() + b"\n")


if __name__ == "__main__":
    main()
