"""`python -m wherry.engine.files REQUEST`: one `stat`, `out` or `in` in one container's files.

REQUEST is JSON. Standard output begins with one line of JSON, `{"stat": …}`, `{"ok": true}` or
`{"error": …, "errno": …, "kind": …}`; the archive of `out` follows. Standard input is the archive of `in`.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from wherry.engine.files import enter, look, pack, unpack
from wherry.linux import resolve

_CHUNK = 1 << 20


def main(request: dict[str, Any]) -> int:
    """Carry it out; the exit status is 1 when an answer breaks off after its first line."""
    # Codecs and everything else that Python loads when first used is used here, before anything is entered.
    "ü\udcff".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    proc = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    begun = False
    try:
        if request["pid"]:
            root = enter.running(request["pid"], request["started"])
        else:
            root = enter.stopped(request["plan"], request["binds"], request["place"])
        path = request["path"]
        if request["op"] == "in":
            _unpack(root, request)
            _say({"ok": True})
            return 0
        found = look.describe(root, path, proc)
        _say({"stat": found})
        begun = True
        if request["op"] == "out":
            with os.fdopen(1, "wb", _CHUNK, closefd=False) as out:
                pack.pack(root, path, out.write)
        return 0
    except BrokenPipeError:
        return 1  # nobody reads it any more
    except OSError as error:
        if not begun:
            _say({"error": error.strerror or str(error), "errno": error.errno, "kind": ""})
            return 0
        sys.stderr.write(f"{error}\n")
    except Exception as error:
        if not begun:
            _say({"error": str(error), "errno": 0, "kind": type(error).__name__})
            return 0
        sys.stderr.write(f"{error}\n")
    return 1


def _unpack(root: int, request: dict[str, Any]) -> None:
    path = request["path"]
    try:
        fd = resolve.open_in(root, path, os.O_PATH | os.O_DIRECTORY)
    except NotADirectoryError:
        raise OSError(errno.ENOTDIR, "extraction point is not a directory") from None
    try:
        if os.fstatvfs(fd).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, "container rootfs is marked read-only")
    finally:
        os.close(fd)
    owner = request["owner"]
    unpacker = unpack.Unpacker(
        root, path, keep_kinds=request["keep_kinds"], owner=(owner[0], owner[1]) if owner else None
    )
    unpacker.run(_chunks())


def _chunks() -> Iterator[bytes]:
    while data := os.read(0, _CHUNK):
        yield data


def _say(answer: dict[str, Any]) -> None:
    data = json.dumps(answer).encode() + b"\n"
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
        while data:
            data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
