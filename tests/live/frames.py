# SPDX-License-Identifier: BSD-2-Clause
"""Reads the frames of a trace without procrec: `lz4 -dc` and the layouts of the documents. Ground truth for the live tests."""

import os
import struct
import subprocess
from collections import namedtuple

EXECVE, EXIT, CLONE, DATA = 5, 7, 23, 24
EXEC_INFO, CLONE_INFO, EXIT_INFO, REPARENT, EXEC_FAIL = 200, 201, 202, 203, 204
HOST, USER_NAME, CLOCK, STREAM_STATE, LOSS, KEYFRAME, RECORDER = 210, 211, 212, 213, 214, 215, 216

F_EXECVE, F_EXECVEAT, F_PROCFS, F_TASK_WALK, F_MISS = 0x1, 0x2, 0x4, 0x20, 0x40
F_ERROR_FILENAME, F_ERROR_ARGS, F_NO_CWD, F_ROOT_CWD, F_ERROR_CWD, F_CLONE = 0x100, 0x200, 0x800, 0x1000, 0x2000, 0x4000
F_DATA_FILENAME, F_DATA_ARGS = 0x800000, 0x1000000

ITEM_ARGV0, ITEM_INTERP, ITEM_EXE, ITEM_CWD, ITEM_CGROUP = 1, 2, 3, 4, 5

STREAMS = {0: "user", 1: "exec", 2: "clone", 3: "exit", 4: "data", 5: "fail"}

Key = namedtuple("Key", "pid ktime")
Frame = namedtuple("Frame", "cpu stream flags seq op ktime data")


def raw(path):
    """The bytes of all whole blocks; an open end is no error."""
    p = subprocess.run(["lz4", "-dcq", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return p.stdout


META, REPEAT = 1, 8


def frames(path):
    """Of a folder: of all its segments, without what they repeat of those before."""
    if os.path.isdir(path):
        names = sorted(n for n in os.listdir(path) if n.endswith(".seg"))
        return [f for i, n in enumerate(names) for f in frames(os.path.join(path, n)) if not i or not f.flags & REPEAT]
    data = raw(path)
    at, out = 0, []
    while at + 32 <= len(data):
        cpu, stream, flags, size, seq = struct.unpack_from("<HBBIQ", data, at)
        body = data[at + 16:at + 16 + size]
        if len(body) < size:
            break
        op, _, _, fsize, ktime = struct.unpack_from("<BBHIQ", body, 0)
        assert fsize == size, f"frame of {fsize} bytes in an envelope of {size}"
        out.append(Frame(cpu, stream, flags, seq, op, ktime, body))
        at += 16 + size
    assert at == len(data), f"{len(data) - at} bytes behind the last envelope"
    return out


def key_at(b, off):
    pid, _, ktime = struct.unpack_from("<IIQ", b, off)
    return Key(pid, ktime)


def items_at(b, off):
    out = {}
    while off + 4 <= len(b):
        kind, size = struct.unpack_from("<HH", b, off)
        out[kind & 0x3fff] = b[off + 4:off + 4 + size] if not kind & 0x8000 else ("desc", b[off + 4:off + 4 + size])
        off += 4 + size
    return out


class Exec:
    """An execve frame with its EXEC_INFO and data frames."""

    def __init__(self, f, info, data):
        b = f.data
        self.frame = f
        self.parent, self.cleanup = key_at(b, 160), key_at(b, 304)
        self.net_ns, self.cid, self.cgrpid = struct.unpack_from("<IIQ", b, 16)
        self.docker_id = b[32:160].split(b"\0")[0]
        (self.uid_r, self.gid, self.suid, self.sgid, self.euid, self.egid, self.fsuid, self.fsgid,
         self.securebits) = struct.unpack_from("<9I", b, 184)
        self.permitted, self.effective, self.inheritable = struct.unpack_from("<3Q", b, 224)
        self.user_ns_level, self.user_ns_uid, self.user_ns_gid, self.user_ns_inum = struct.unpack_from("<iIII", b, 248)
        names = "uts ipc mnt pid pid_for_children net time time_for_children cgroup user".split()
        self.ns = dict(zip(names, struct.unpack_from("<10I", b, 264)))
        (size, pid, self.tid, self.nspid, self.secureexec, self.uid, self.auid, self.flags, self.nlink,
         _) = struct.unpack_from("<10I", b, 320)
        self.ino, ktime = struct.unpack_from("<QQ", b, 360)
        self.key = Key(pid, ktime)
        assert size == len(b) - 320, f"process.size {size} in a frame of {len(b)}"
        self.info = info
        self.items = info["items"] if info else {}
        self._strings(b[376:], data)

    def _take(self, desc, data):
        _, _, left, size, idpid, idtime = struct.unpack("<iIIIQQ", desc)
        got = data.pop((idpid, idtime), None)
        assert got is not None, f"no data for {self.key}"
        assert len(got) == size - left, f"{len(got)} bytes of data for {size} - {left}"
        self.leftover += left
        return got

    def _strings(self, b, data):
        self.leftover = 0
        if self.flags & F_DATA_FILENAME:
            self.filename, b = self._take(b[:32], data), b[32:]
        elif self.flags & F_ERROR_FILENAME:
            self.filename = b""
        else:
            self.filename, _, b = b.partition(b"\0")
        no_cwd = self.flags & (F_NO_CWD | F_ERROR_CWD | F_ROOT_CWD)
        if self.flags & F_DATA_ARGS:
            self.args, self.cwd = self._take(b[:32], data), b[32:]
        elif no_cwd:
            self.args, self.cwd = b, b""
        else:
            self.args, _, self.cwd = b.rpartition(b"\0")
        if self.flags & F_ROOT_CWD:
            self.cwd = b"/"
        self.cwd = self.items.get(ITEM_CWD, self.cwd)
        argv0 = self.items.get(ITEM_ARGV0)
        if isinstance(argv0, tuple):
            argv0 = self._take(argv0[1], data)
        self.argv0 = argv0
        argc = self.info["argc"] if self.info else 0
        self.argv = [argv0] + self.args.split(b"\0") if argc > 1 else [argv0] if argc == 1 else []
        self.argc = argc

    @property
    def procfs(self):
        return bool(self.flags & F_PROCFS)


class Trace:
    """All frames of a trace, decoded."""

    def __init__(self, path):
        self.frames = frames(path)
        self.execs, self.clones, self.exits, self.fails = [], [], [], []
        self.users, self.losses, self.clocks, self.states, self.reparents = {}, [], [], [], []
        self.keyframes, self.recorder, self.host = [], [], {}
        self.data, info, clone_info, exit_info = {}, {}, {}, {}
        self.users_before_use = True
        for n, f in enumerate(self.frames):
            b = f.data
            if f.op == DATA:
                ident = struct.unpack_from("<QQ", b, 16)
                self.data[ident] = self.data.get(ident, b"") + b[32:]
            elif f.op == EXEC_INFO:
                v = struct.unpack_from("<8I", b, 32)
                names = "argc args_bytes tid sid pgid tty ppid envc".split()
                info[key_at(b, 16)] = dict(zip(names, v), items=items_at(b, 64))
            elif f.op == EXECVE:
                e = Exec(f, info.pop(key_at_exec(b), None), self.data)
                e.n = n
                self.execs.append(e)
            elif f.op == CLONE_INFO:
                cf, ctid, ppid, sid, pgid = struct.unpack_from("<QIIII", b, 32)
                clone_info[key_at(b, 16)] = dict(clone_flags=cf, creator_tid=ctid, ppid=ppid, sid=sid, pgid=pgid)
            elif f.op == CLONE:
                tgid, tid, nspid, flags, ktime = struct.unpack_from("<IIIIQ", b, 32)
                key = Key(tgid, ktime)
                self.clones.append(dict(n=n, key=key, parent=key_at(b, 16), flags=flags, info=clone_info.pop(key, None)))
            elif f.op == EXIT_INFO:
                ppid, _, start = struct.unpack_from("<IIQ", b, 32)
                exit_info[key_at(b, 16)] = dict(ppid=ppid, start=start)
            elif f.op == EXIT:
                code, tid = struct.unpack_from("<II", b, 32)
                key = key_at(b, 16)
                self.exits.append(dict(n=n, key=key, code=code, tid=tid, info=exit_info.pop(key, None)))
            elif f.op == EXEC_FAIL:
                tid, err = struct.unpack_from("<Ii", b, 32)
                self.fails.append(dict(key=key_at(b, 16), tid=tid, errno=err, items=items_at(b, 40)))
            elif f.op == REPARENT:
                self.reparents.append((key_at(b, 16), key_at(b, 32), key_at(b, 48)))
            elif f.op == USER_NAME:
                self.users[struct.unpack_from("<I", b, 16)[0]] = b[24:]
            elif f.op == CLOCK:
                self.clocks.append((f.ktime,) + struct.unpack_from("<QqQ", b, 16))
            elif f.op == STREAM_STATE:
                rows = [struct.unpack_from("<HB5xQQ", b, o) for o in range(24, len(b), 24)]
                self.states.append((struct.unpack_from("<I", b, 16)[0], rows))
            elif f.op == LOSS:
                self.losses.append(struct.unpack_from("<IIQQ", b, 16))
            elif f.op == KEYFRAME:
                self.keyframes.append((n,) + struct.unpack_from("<II", b, 16))
            elif f.op == RECORDER:
                self.recorder.append(items_at(b, 16))
            elif f.op == HOST:
                self.host = items_at(b, 16)

    def snapshot(self):
        return [e for e in self.execs if e.procfs]

    def gaps(self):
        """Missing frames by stream, from the sequence numbers alone; the final STREAM_STATE closes them."""
        expect, missing, got = {}, {}, {}
        for f in self.frames:
            where = (f.cpu, f.stream)
            if f.flags & REPEAT:
                continue
            missing[f.stream] = missing.get(f.stream, 0) + f.seq - expect.get(where, 0)
            assert f.seq >= expect.get(where, 0), f"sequence of {where} goes back"
            expect[where] = f.seq + 1
            got[f.stream] = got.get(f.stream, 0) + 1
        final = [rows for is_final, rows in self.states if is_final]
        for cpu, stream, nxt, _ in final[-1] if final else []:
            missing[stream] = missing.get(stream, 0) + nxt - expect.get((cpu, stream), 0)
        return {s: n for s, n in missing.items() if n}, got

    def final_lost(self):
        final = [rows for is_final, rows in self.states if is_final]
        lost, nxt = {}, {}
        for _, stream, n, l in final[-1]:
            lost[stream] = lost.get(stream, 0) + l
            nxt[stream] = nxt.get(stream, 0) + n
        return lost, nxt


def key_at_exec(b):
    pid = struct.unpack_from("<I", b, 324)[0]
    return Key(pid, struct.unpack_from("<Q", b, 368)[0])
