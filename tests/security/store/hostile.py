"""Layer archives as an attacker would write them. `{outside}` in a name stands for a directory that lies
beside the store and must stay as it is."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from wherry.store.tar import Kind, TarEntry, end_of_archive, header, padding


class Hostile(NamedTuple):
    """`refused` when the archive must be turned away; else it may be unpacked, harmlessly."""

    name: str
    refused: bool
    make: Callable[[str], bytes]


def _file(name: str, data: bytes = b"owned", **more: Any) -> bytes:
    entry = TarEntry(name.encode(), Kind.FILE, size=len(data), **more)
    return header(entry) + data + padding(len(data))


def _directory(name: str) -> bytes:
    return header(TarEntry(name.encode(), Kind.DIRECTORY, mode=0o755))


def _link(name: str, target: str) -> bytes:
    return header(TarEntry(name.encode(), Kind.SYMLINK, linkname=target.encode(), mode=0o777))


def _hard(name: str, target: str) -> bytes:
    return header(TarEntry(name.encode(), Kind.HARDLINK, linkname=target.encode()))


def _node(name: str, kind: Kind, major: int, minor: int) -> bytes:
    return header(TarEntry(name.encode(), kind, major=major, minor=minor, mode=0o666))


def _sparse(name: str, size: int) -> bytes:
    entry = TarEntry(name.encode(), Kind.FILE, size=512)
    entry.xattrs = None
    records = b"".join(
        _record(key, value)
        for key, value in {
            b"GNU.sparse.major": b"1",
            b"GNU.sparse.minor": b"0",
            b"GNU.sparse.realsize": b"%d" % size,
            b"GNU.sparse.name": name.encode(),
        }.items()
    )
    block = bytearray(header(TarEntry(b"pax", Kind.FILE, size=len(records))))
    block[156:157] = b"x"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + records + padding(len(records)) + header(entry) + b"0\n".ljust(512, b"\0")


def _record(key: bytes, value: bytes) -> bytes:
    body = b" %s=%s\n" % (key, value)
    length = len(body) + len(str(len(body) + 2))
    return b"%d%s" % (length, body)


def _all(*parts: bytes) -> bytes:
    return b"".join(parts) + end_of_archive()


_UP = "../" * 12

CASES = [
    Hostile("dot-dot", True, lambda out: _all(_file(f"{_UP}{out[1:]}/victim"))),
    Hostile("dot-dot-inside", True, lambda out: _all(_file(f"a/../../../b/{out[1:]}/victim"))),
    Hostile("dot-dot-directory", True, lambda out: _all(_directory("../"))),
    Hostile("absolute", False, lambda out: _all(_file(f"{out}/victim"))),
    Hostile("absolute-many-slashes", False, lambda out: _all(_file(f"//{out}//victim"))),
    Hostile("link-then-write", True, lambda out: _all(_link("l", out), _file("l/victim"))),
    Hostile("link-up-then-write", True, lambda out: _all(_link("l", _UP + out[1:]), _file("l/victim"))),
    Hostile("link-to-link", True, lambda out: _all(_link("a", out), _link("b", "a"), _file("b/victim"))),
    Hostile(
        "link-then-write-where-it-exists",
        False,
        lambda out: _all(
            _directory(out),
            _file(f"{out}/victim", b"inside"),
            _link("l", out),
            _file("l/victim"),
            _file("l/.wh.x"),
        ),
    ),
    Hostile(
        "link-then-directory",
        False,
        lambda out: _all(_link("l", out), _directory("l"), _file("l/victim")),
    ),
    Hostile("link-as-file", False, lambda out: _all(_link("l", f"{out}/victim"), _file("l"))),
    Hostile(
        "directory-becomes-link",
        True,
        lambda out: _all(_directory("d"), _file("d/x"), _link("d", out), _file("d/victim")),
    ),
    Hostile("link-to-itself", True, lambda out: _all(_link("l", "l"), _file("l/victim"))),
    Hostile("hard-link-up", True, lambda out: _all(_hard("h", f"{_UP}{out[1:]}/victim"))),
    Hostile("hard-link-absolute", True, lambda out: _all(_hard("h", f"{out}/victim"), _file("h"))),
    Hostile("hard-link-through-link", True, lambda out: _all(_link("l", out), _hard("h", "l/victim"))),
    Hostile(
        "hard-link-to-link-then-write",
        False,
        lambda out: _all(_link("l", f"{out}/victim"), _hard("h", "l"), _file("h")),
    ),
    Hostile("hard-link-to-directory", True, lambda out: _all(_directory("d"), _hard("h", "d"))),
    Hostile("hard-link-to-root", True, lambda out: _all(_hard("h", "."))),
    Hostile("hard-link-missing", True, lambda out: _all(_hard("h", "nothing"))),
    Hostile("whiteout-up", True, lambda out: _all(_file(f"{_UP}{out[1:]}/.wh.victim", b""))),
    Hostile("whiteout-through-link", True, lambda out: _all(_link("l", out), _file("l/.wh.victim", b""))),
    Hostile("opaque-through-link", True, lambda out: _all(_link("l", out), _file("l/.wh..wh..opq", b""))),
    Hostile("whiteout-of-parent", True, lambda out: _all(_directory("d"), _file("d/.wh...", b""))),
    Hostile("whiteout-of-self", True, lambda out: _all(_file("d/.wh..", b""))),
    Hostile("whiteout-of-nothing", True, lambda out: _all(_file(".wh.", b""))),
    Hostile("hard-link-to-whiteout", True, lambda out: _all(_file(".wh.a", b""), _hard("h", "a"))),
    Hostile("disk-device", False, lambda out: _all(_node("sda", Kind.BLOCK, 8, 0), _file("sda"))),
    Hostile("memory-device", False, lambda out: _all(_node("mem", Kind.CHAR, 1, 1))),
    Hostile("write-into-a-device", True, lambda out: _all(_node("null", Kind.CHAR, 1, 3), _file("null/x"))),
    Hostile("write-into-a-fifo", False, lambda out: _all(_node("f", Kind.FIFO, 0, 0), _file("f"))),
    Hostile("impossible-device", True, lambda out: _all(_node("n", Kind.CHAR, 5000, 0))),
    Hostile("below-a-file", True, lambda out: _all(_file("a"), _file("a/b"))),
    Hostile("root-as-file", True, lambda out: _all(_file("./"[:1]))),
    Hostile("root-as-link", True, lambda out: _all(_link(".", out), _file("victim"))),
    Hostile("long-component", True, lambda out: _all(_file("x" * 300))),
    Hostile("very-long-path", True, lambda out: _all(_file("d/" * 3000 + "x"))),
    Hostile("link-of-impossible-length", True, lambda out: _all(_link("l", "x" * 5000))),
    Hostile("duplicates", False, lambda out: _all(*[_file("same", b"%d" % number) for number in range(50)])),
    Hostile("file-then-directory", False, lambda out: _all(_file("a"), _directory("a"), _file("a/b"))),
    Hostile("directory-then-file", False, lambda out: _all(_directory("a"), _file("a/b"), _file("a"))),
    Hostile("overlay-attributes", False, lambda out: _all(_with_xattr(out))),
    Hostile("sparse-bomb", True, lambda out: _all(_sparse("big", 1 << 60))),
    Hostile("setuid-escape", False, lambda out: _all(_file("su", mode=0o6755))),
    Hostile("huge-ids", False, lambda out: _all(_file("a", uid=2**32 - 1, gid=2**40))),
    Hostile("huge-time", False, lambda out: _all(_file("a", mtime_ns=2**62 * 1000))),
    Hostile("cut", True, lambda out: _file("a", b"x" * 2000)[:-700]),
    Hostile("not-an-archive", True, lambda out: b"#!/bin/sh\n" * 500),
    Hostile("empty", False, lambda out: b""),
]


def _with_xattr(outside: str) -> bytes:
    metacopy = struct.pack("BBBB", 0, 4, 0, 0)
    entry = TarEntry(
        b"d/",
        Kind.DIRECTORY,
        mode=0o755,
        xattrs={
            b"user.overlay.redirect": b"/../../../../etc",
            b"trusted.overlay.redirect": b"/etc",
            b"user.overlay.opaque": b"y",
            b"user.overlay.metacopy": metacopy,
            b"user.wherry.owner": b"9:9",
            b"user.fine": b"yes",
            b"trusted.x": outside.encode(),
        },
    )
    return header(entry)
