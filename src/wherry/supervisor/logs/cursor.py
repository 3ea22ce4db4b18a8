"""A place in a log that moves over rotated files, however often they are renamed meanwhile."""

from __future__ import annotations

import os
from collections import deque

from wherry.supervisor.logs.format import PREFIX_LENGTH
from wherry.supervisor.records import LogPosition

BLOCK = (1 << 20) + 4096
"""Bytes read at once: more than the longest record, which is one batch and its prefix."""


class Cursor:
    """Reads whole records forward, file after file. Files are held open: what is rotated away is still read.

    Blocks only on the disk. `close` it.
    """

    def __init__(self, path: str) -> None:
        """At the oldest record that is left. A log without any file is empty."""
        self._path = path
        self._files: deque[int] = deque(_open_all(path))
        self._offset = 0

    def close(self) -> None:
        while self._files:
            os.close(self._files.popleft())

    @property
    def files(self) -> tuple[int, ...]:
        """Descriptors of the files from here on, the oldest first."""
        return tuple(self._files)

    def move(self, index: int, offset: int) -> None:
        """Go to an offset (the beginning of a record) of the file `index` in `files`."""
        for _ in range(index):
            os.close(self._files.popleft())
        self._offset = offset

    @property
    def position(self) -> LogPosition | None:
        """Where the next record will be read; None in a log without any file."""
        return LogPosition(os.fstat(self._files[0]).st_ino, self._offset) if self._files else None

    def resume(self, inode: int, offset: int) -> bool:
        """Go on at a `position` of another cursor; False, at the oldest record, when that file is gone."""
        for index, file in enumerate(self._files):
            status = os.fstat(file)
            if status.st_ino == inode and offset <= status.st_size:
                self.move(index, offset)
                return True
        return False

    def read(self, stop: LogPosition | None = None) -> bytes:
        """The next records, up to about a mebibyte; empty at the end, for now.

        Nothing at or after `stop` is read.
        """
        while True:
            if not self._files:
                self._files.extend(_open_all(self._path))
                if not self._files:
                    return b""
            block = self._block(stop)
            if block:
                return block
            if self._stopped(stop) or not self._next():
                return b""

    def _block(self, stop: LogPosition | None) -> bytes:
        file, length = self._files[0], BLOCK
        if stop is not None and os.fstat(file).st_ino == stop.inode:
            length = max(0, min(length, stop.offset - self._offset))
        data = os.pread(file, length, self._offset)
        end = data.rfind(b"\n") + 1
        if not end and len(data) == BLOCK:
            end = len(data)  # no record is that long: step over what somebody else wrote
        self._offset += end
        return data if end == len(data) else data[:end]

    def _stopped(self, stop: LogPosition | None) -> bool:
        if stop is None:
            return False
        return os.fstat(self._files[0]).st_ino == stop.inode and self._offset >= stop.offset

    def _next(self) -> bool:
        """At the end of a file: go on to the next one, if there is one or records have come meanwhile."""
        if len(self._files) > 1:
            os.close(self._files.popleft())
            self._offset = 0
            return True
        here = os.fstat(self._files[0]).st_ino
        try:
            if os.stat(self._path).st_ino == here:
                return False
        except FileNotFoundError:
            return False
        # Rotated. What was written between our last read and the renaming comes first.
        if os.fstat(self._files[0]).st_size > self._offset and self._whole_record_left():
            return True
        newer = _open_all(self._path)
        inodes = [os.fstat(file).st_ino for file in newer]
        passed = inodes.index(here) + 1 if here in inodes else 0
        for file in (*newer[:passed], self._files.popleft()):
            os.close(file)
        self._files.extend(newer[passed:])
        self._offset = 0
        return bool(self._files)

    def _whole_record_left(self) -> bool:
        return b"\n" in os.pread(self._files[0], BLOCK, self._offset)


def seek_tail(cursor: Cursor, lines: int, wanted: tuple[bytes, ...], stop: LogPosition | None = None) -> None:
    """Move the cursor to the last `lines` lines of the streams `wanted` (b"stdout", …), reading backwards."""
    files = cursor.files
    open_lines = set(wanted)  # streams whose last line may have no end yet
    ends = [os.fstat(file).st_size for file in files]
    inodes = [os.fstat(file).st_ino for file in files]
    if stop is not None and stop.inode in inodes:
        last = inodes.index(stop.inode)
        ends[last] = min(ends[last], stop.offset)
        del ends[last + 1 :]
    for index, end in reversed(list(enumerate(ends))):
        rest = b""
        position = end
        while position > 0:
            start = max(0, position - (1 << 16))
            data = os.pread(files[index], position - start, start) + rest
            cut = data.find(b"\n") + 1 if start else 0
            if start and (not cut or cut == len(data)):
                rest, position = data, start
                continue
            rest, position = data[:cut], start
            after = start + len(data)
            records = data[cut:].split(b"\n")
            after -= len(records.pop())  # an incomplete record, being written
            for record in reversed(records):
                stream = record[31:37]
                if stream in wanted and len(record) >= PREFIX_LENGTH:
                    ends_line = record[38:39] == b"F" or stream in open_lines
                    open_lines.discard(stream)
                    if ends_line:
                        if lines == 0:
                            cursor.move(index, after)
                            return
                        lines -= 1
                after -= len(record) + 1


def _open_all(path: str) -> list[int]:
    """All files of a log, the oldest first, as they were at one moment."""
    for _ in range(20):
        opened: list[int] = []
        inodes: set[int] = set()
        for name in _names(path):
            try:
                file = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                continue
            opened.append(file)
            inodes.add(os.fstat(file).st_ino)
        try:
            if not opened or (
                len(inodes) == len(opened) and os.stat(path).st_ino == os.fstat(opened[-1]).st_ino
            ):
                return opened
        except FileNotFoundError:
            pass  # in the middle of a rotation
        last = opened
        for file in opened:
            os.close(file)
    return [] if not last else _open_current(path)


def _open_current(path: str) -> list[int]:
    try:
        return [os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)]
    except FileNotFoundError:
        return []


def _names(path: str) -> list[str]:
    directory, base = os.path.split(path)
    try:
        entries = os.listdir(directory)
    except FileNotFoundError:
        return []
    numbers = [int(name[len(base) + 1 :]) for name in entries if _is_rotated(name, base)]
    return [f"{path}.{number}" for number in sorted(numbers, reverse=True)] + [path]


def _is_rotated(name: str, base: str) -> bool:
    return name.startswith(base + ".") and name[len(base) + 1 :].isdecimal()
