# SPDX-License-Identifier: BSD-2-Clause
"""record --sign: verify --pubkey says whole and signed; keys with a password. test_rotation.py has signed directories."""

import base64
import hashlib
import os
import shutil
import struct

import live


def make_key(d, *options, **kw):
    key = os.path.join(d, "k")
    live.equal(live.run(live.PROCREC, "keygen", key, *options, **kw).status, 0, "keygen")
    return key + ".key", key + ".pub"


def verify(where, pub, status=0):
    r = live.run(live.PROCREC, "verify", where, "--pubkey", pub)
    live.equal(r.status, status, f"verify: {r.out}{r.err}")
    return r.out


def test_signed_file():
    with live.scratch() as d:
        key, pub = make_key(d)
        trace = os.path.join(d, "t.seg")
        live.equal(live.record(trace, "--sign", key, cmd=["true"]).status, 0, "exit status")
        out = verify(trace, pub)
        assert "whole" in out and "signed by key" in out and "not signed" not in out, out
        if shutil.which("minisign"):
            live.equal(live.run("minisign", "-Vm", trace, "-p", pub).status, 0, "minisign")
        with open(trace, "r+b") as f:
            f.seek(-400, 2)
            b = f.read(1)
            f.seek(-400, 2)
            f.write(bytes([b[0] ^ 1]))
        verify(trace, pub, 1)


def seal(key, password):
    """Gives the key a password as minisign(1) does, at a hundredth of its cost."""
    with open(key, encoding="ascii") as f:
        comment, body = f.read().splitlines()
    b = bytearray(base64.b64decode(body))
    salt = os.urandom(32)
    stream = hashlib.scrypt(password, salt=salt, n=1024, r=8, p=1, dklen=104)
    check = hashlib.blake2b(bytes(b[0:2] + b[54:126]), digest_size=32).digest()
    sealed = bytes(x ^ y for x, y in zip(bytes(b[54:126]) + check, stream))
    b = bytes(b[0:2]) + b"ScB2" + salt + struct.pack("<QQ", 32768, 16 << 20) + sealed
    with open(key, "w", encoding="ascii") as f:
        f.write(comment + "\n" + base64.b64encode(b).decode() + "\n")


def test_key_with_a_password():
    with live.scratch() as d:
        key, pub = make_key(d)
        seal(key, b"secret")
        trace, word = os.path.join(d, "t.seg"), os.path.join(d, "word")
        with open(word, "w", encoding="ascii") as f:
            f.write("secret\n")
        live.equal(live.record(trace, "--sign", key, "--password-file", word, cmd=["true"]).status, 0, "exit status")
        assert "signed by key" in verify(trace, pub)
        with open(word, "w", encoding="ascii") as f:
            f.write("wrong\n")
        live.equal(live.record(trace + "2", "--sign", key, "--password-file", word, cmd=["true"]).status, 4, "wrong password")
        live.equal(os.path.exists(trace + "2"), False, "a trace all the same")
        r = live.run(live.PROCREC, "record", "-o", trace + "3", "--sign", key, "--", "true", input=b"", start_new_session=True)
        live.equal(r.status, 4, "no password")
        assert "password" in r.err, r.err


if __name__ == "__main__":
    live.main(globals())
