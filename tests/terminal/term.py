# SPDX-License-Identifier: BSD-2-Clause
"""A program on a pty of its own, with its output, and what of that is text, colour and width."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

PATIENCE = 120  # seconds that anything may take on a busy machine
SGR = re.compile(rb"\x1b\[[0-9;]*m")


class Terminal:
    """argv on a new terminal; with err, stderr goes to that file instead."""

    def __init__(self, argv, columns=80, rows=24, env=None, cwd=None, stdin=None, err=None):
        full = {"PATH": os.environ["PATH"], "HOME": cwd or "/", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        full.update(env or {})
        ready, go = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.read(ready, 1)  # the size of the window is set by then
            os.closerange(ready, go + 1)
            for sig in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(sig, signal.SIG_DFL)  # a job in the background of a script has them ignored
            if cwd:
                os.chdir(cwd)
            if stdin is not None:
                os.dup2(stdin, 0)
            if err is not None:
                os.dup2(os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
            try:
                os.execvpe(argv[0], argv, {k: v for k, v in full.items() if v is not None})
            finally:
                os._exit(126)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.write(go, b"x")
        os.close(ready)
        os.close(go)
        self.out = b""

    def _more(self, seconds):
        """Reads what is there; False at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.out += data
        return bool(data)

    def wait_for(self, text, key=b""):
        """Until the text was written, with the key pressed again each second; raises where the program ends before."""
        end = time.monotonic() + PATIENCE
        pressed = time.monotonic()
        while text not in self.out:
            if key and time.monotonic() > pressed + 1:
                self.write(key)
                pressed = time.monotonic()
            if not self._more(0.2) or time.monotonic() > end:
                raise AssertionError(f"{text!r} does not come: {self.out[-500:]!r}")
        return self.out

    def write(self, data):
        os.write(self.fd, data)

    def end(self):
        """Waits for its end: output, with the ends of lines as the program wrote them, and status (signals negative)."""
        end = time.monotonic() + PATIENCE
        while self._more(0.2):
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.out.replace(b"\r\n", b"\n"), status


def run(argv, **options):
    return Terminal(argv, **options).end()


def plain(data):
    """Without colour."""
    return SGR.sub(b"", data)


def width(line):
    """Columns of a line of text; not the program's own tables, nor its C library's."""
    n = 0
    for c in line:
        if unicodedata.category(c) in ("Mn", "Me", "Cf"):
            continue
        n += 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return n
