# SPDX-License-Identifier: BSD-2-Clause
"""secrets_in.py: whether any part of a secret is in what a command wrote, in whatever way its format writes bytes."""
import base64
import html
import re


def parts(secret, n):
    """Every part of n bytes, as it is, and in base64 wherever it may begin in a group of three."""
    for at in range(len(secret) - n + 1):
        yield secret[at:at + n]
    for shift in range(3):
        for at in range(shift, len(secret) - 5, 3):
            yield base64.b64encode(secret[at:at + 6])


# A secret that is torn over two data frames, one with bytes that make JSON have the argument in base64, and one in argv[0].
TORN = rb"""host
	hostname="h"
clock time=1000000000 realtime=1700000000000000000
data id=7:7@2000000000
	bytes="--verbose\0" "--password=hunt"
data id=7:7@2000000000
	bytes="er2zebra\0" "--token\0" "\xff\xfequaggaquagga\xff"
exec_info pid=7@2000001000 argc=5
	argv0="daemon: secret=okapi-okapi"
execve pid=7@2000001000 parent=1@1 flags=EXECVE|CLONE|DATA_ARGS
	filename="/usr/bin/daemon"
	args=desc{id=7:7@2000000000 size=57}
	cwd="/"
exit pid=7@2000001000 time=3000000000 code=exit:0
"""


def unbase64(text):
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        return text


def left_of(secrets, out):
    """What of the secrets is in the bytes `out`: any part of 5 bytes as it is, in the two ways in which JSON and HTML may write it, and in base64."""
    forms = [out, html.unescape(out.decode("utf-8", "replace")).encode(),
             re.sub(rb"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m.group(1), 16)).encode("utf-8", "replace"), out).replace(b'\\"', b'"').replace(b"\\\\", b"\\")]
    forms.append(re.sub(rb"[A-Za-z0-9+/]{8,}={0,2}", lambda m: unbase64(m.group()), out))
    return [p for s in secrets for p in parts(s, 5) if any(p in f for f in forms)]
