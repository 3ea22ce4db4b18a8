"""Files of the client's, fetched over a session: what it has is listed, then contents are asked for.

Everything is listed first (STAT, an empty one ends the list), contents are asked for by the number in that
list (REQ), and come in pieces, several files at once (DATA, an empty one ends a file).
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from grpclib.client import StreamStreamMethod
from grpclib.exceptions import GRPCError, StreamTerminatedError

from wherry.build.ignore import Ignore
from wherry.build.sources import File
from wherry.build.sources.files import clean
from wherry.build.sources.spooled import MOST, SpooledFiles
from wherry.buildkit import messages as m
from wherry.buildkit.modes import kind_of, mode_of
from wherry.buildkit.sessions import Session, encoded
from wherry.errors import Invalid
from wherry.store.apart import to_its_end
from wherry.store.tar import Kind

__all__ = ["SyncedFiles", "fetch"]

_STAT, _REQ, _DATA, _FIN, _ERR = range(5)
_AHEAD = 512  # files that are asked for and have not come


class SyncedFiles(SpooledFiles):
    """What the client sent. Without the files that the list has and nobody asked for."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        with tempfile.TemporaryFile(dir=directory, buffering=0) as spool:
            self._fd = os.dup(spool.fileno())
        self._listed: list[str] = []
        self._hard: list[tuple[str, str]] = []
        self._awaited: set[int] = set()
        self._end = 0

    def list_one(self, stat: m.Stat) -> int | None:
        """One of the client's files; its number when it has content to be asked for. Raises Invalid."""
        number = len(self._listed)
        path = clean(stat.path.replace("\\", "/"))
        if path is None or number > MOST:
            raise Invalid(f"the client names a path outside: {stat.path[:200]}")
        self._listed.append(path)
        kind = kind_of(stat.mode)
        if not path or kind is None or (kind == Kind.FILE and self.ignore.ignores(path)):
            return None
        mode = mode_of(stat.mode)
        link = stat.link if kind == Kind.SYMLINK else ""
        size = stat.size if kind == Kind.FILE else 0
        self._put(File(path, kind, mode, 0, 0, stat.mtime, size, link), [])
        if kind == Kind.FILE and stat.link:
            self._hard.append((path, clean(stat.link) or ""))
            return None
        if kind != Kind.FILE or not size:
            return None
        self._awaited.add(number)
        return number

    def add(self, number: int, data: bytes) -> None:
        """A piece of a file's content. Blocks. Raises Invalid for a number that is not in the list."""
        if number not in self._awaited:
            raise Invalid("the client sends what was not asked for")
        places = self._places[self._listed[number]]
        offset = places[-1][0] + places[-1][2] if places else 0
        if places and places[-1][1] + places[-1][2] == self._end:
            places[-1] = (places[-1][0], places[-1][1], places[-1][2] + len(data))
        else:
            places.append((offset, self._end, len(data)))
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, self._end)
            self._end += written
            view = view[written:]

    def finish(self) -> None:
        """Everything has come: sizes are those of the contents, hard links share them."""
        for path, file in self._members.items():
            if file.kind == Kind.FILE:
                size = sum(length for _, _, length in self._places.get(path, ()))
                self._members[path] = file._replace(size=size)
        for path, target in self._hard:
            member = self._members.get(target)
            if member is None or member.kind != Kind.FILE:
                raise Invalid(f"a hard link to nothing: {path[:200]}")
            self._members[path] = member._replace(path=path)
            self._places[path] = self._places[target]
            self._shared[path] = self._shared.setdefault(target, target)


async def fetch(
    session: Session,
    name: str,
    directory: str,
    *,
    only: list[str] | None = None,
    patterns: list[str] | None = None,
) -> SyncedFiles:
    """One of the client's directories, spooled in `directory`: `only` some files, or all but what the
    .dockerignore's `patterns` leave out. Raises Invalid."""
    options: dict[str, list[str]] = {"dir-name": [name]}
    if only is not None:
        options["include-patterns"] = only
        options["followpaths"] = only
    if patterns:
        options["exclude-patterns"] = patterns
    files = SyncedFiles(directory)
    files.ignore = Ignore(patterns or [])
    method = StreamStreamMethod(session.channel, "/moby.filesync.v1.FileSync/DiffCopy", m.Packet, m.Packet)
    try:
        async with method.open(metadata=encoded(options)) as stream:
            await stream.send_request()
            await _receive(stream, files)
        await to_its_end(files.finish)
    except BaseException as error:
        files.close()
        if isinstance(error, GRPCError):
            raise Invalid(f"failed to read the client's {name}: {error.message}") from None
        if isinstance(error, StreamTerminatedError | ConnectionError):
            raise Invalid(f"the client went while its {name} was read") from None
        raise
    return files


async def _receive(stream: Any, files: SyncedFiles) -> None:
    wanted: list[int] = []
    listed = False
    asked = done = 0
    while True:
        packet = await stream.recv_message()
        if packet is None or packet.type == _ERR:
            text = packet.data.decode("utf-8", "replace") if packet is not None else "it has hung up"
            raise Invalid(f"error from the client: {text}")
        if packet.type == _STAT and packet.stat is not None and packet.stat.path:
            number = files.list_one(packet.stat)
            if number is not None:
                wanted.append(number)
        elif packet.type == _STAT:
            listed = True
        elif packet.type == _DATA and packet.data:
            files.add(packet.id, packet.data)
        elif packet.type == _DATA:
            done += 1
        elif packet.type == _FIN:
            return
        while asked < len(wanted) and asked - done < _AHEAD:
            await stream.send_message(m.Packet(type=_REQ, id=wanted[asked]))
            asked += 1
        if listed and done == len(wanted):
            listed = False
            await stream.send_message(m.Packet(type=_FIN), end=True)
