#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""shapes.py deep|wide N: raw frames of N processes, each created by the one before; or all by one, and all alive at once."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "model"))
from gen import clone, execve  # noqa: E402


def main():
    shape, n = sys.argv[1], int(sys.argv[2])
    out = [struct.pack("<BBHIQ", 212, 0, 0, 40, 1000) + struct.pack("<QqQ", 1000, 1700000000000000000, 1),
           execve((1, 10), b"/sbin/init\0/", 0x4, now=1000)]
    last = (1, 10)
    for i in range(n):
        key = (2 + i, 2000 + i * 1000)
        out.append(clone(key, last if shape == "deep" else (1, 10)))
        last = key
    sys.stdout.buffer.write(b"".join(out))


if __name__ == "__main__":
    main()
