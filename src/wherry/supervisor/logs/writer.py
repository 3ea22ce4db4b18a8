"""Writes a container's log and rotates it: `container.log`, `container.log.1` (newest old one), `.2`, …

A record is never split over two files. A file ends at `max_size` (a line longer than that is cut into parts);
the oldest beyond `max_file` is removed. Renames keep inode numbers: readers find their place again by them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from wherry.supervisor.logs.format import PREFIX_LENGTH, encode, encoded_length
from wherry.supervisor.logs.options import LogConfig

Intend = Callable[[int, int, int, int], None]
"""Called before a part is written: inode, offset in the file, first and last byte of the batch."""


class LogWriter:
    """One container's log. Not buffered: what `write` returned from survives the process.

    When the disk is full, records that don't fit are dropped and counted in `dropped` (bytes of output); the
    container goes on, as with Docker, and a note is written where they were once there is room.
    """

    def __init__(self, path: str, config: LogConfig) -> None:
        """Open for appending, making the file (0600). Raises OSError."""
        self.path = path
        self.config = config
        self.dropped = 0
        self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(self.path, flags, 0o600)
        status = os.fstat(self._file)
        self.inode = status.st_ino
        self.size = status.st_size

    def close(self) -> None:
        os.close(self._file)

    def refresh(self) -> None:
        """Look again how long the file is, after someone else wrote to it."""
        self.size = os.fstat(self._file).st_size

    def write(self, stream: int, stamp: bytes, data: bytes, intend: Intend | None = None) -> None:
        """Append one batch of output. `intend` hears of each part when it takes more than one."""
        limit = self.config.max_size
        if not limit or self.size + len(data) < limit:
            buffers = encode(stream, stamp, data)
            length = sum(map(len, buffers))
            if not limit or self.size + length <= limit:
                self._append(buffers, length, len(data))
                return
        first = 0
        while first < len(data):
            last = self._fitting(data, first)
            if last == first:
                self.rotate()
                continue
            if intend is not None:
                intend(self.inode, self.size, first, last)
            buffers = encode(stream, stamp, data[first:last])
            self._append(buffers, sum(map(len, buffers)), last - first)
            first = last

    def note_loss(self, stamp: bytes) -> None:
        """Say in the log how much could not be written, if anything and if there is room by now."""
        if not self.dropped:
            return
        note = b"wherry: %d bytes of output are missing here: the disk was full\n" % self.dropped
        record = b"".join(encode(2, stamp, note))
        try:
            if os.write(self._file, record) == len(record):
                self.dropped = 0
                self.size += len(record)
                return
        except OSError:
            pass
        os.ftruncate(self._file, self.size)

    def rotate(self) -> None:
        """Begin a new file. Interrupted at any point it can simply be done again."""
        oldest = self.config.max_file - 1
        free = 1
        while free < oldest and os.path.lexists(f"{self.path}.{free}"):
            free += 1
        try:
            # Renaming over a file makes ext4 write the new one out at once: a few milliseconds each.
            if free >= oldest:
                self._unlink(f"{self.path}.{oldest}" if oldest else self.path)
            for number in range(min(free, oldest), 0, -1):
                os.rename(f"{self.path}.{number - 1}" if number > 1 else self.path, f"{self.path}.{number}")
        except FileNotFoundError:
            pass  # somebody removed it
        self.close()
        self._open()

    @staticmethod
    def _unlink(path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass

    def _fitting(self, data: bytes, first: int) -> int:
        """How far from `first` the batch fits into this file, at a line's end unless the line is too long."""
        room = self.config.max_size - self.size
        length = min(len(data) - first, room - PREFIX_LENGTH - 1)
        while length > 0:
            if first + length < len(data):
                end = data.rfind(b"\n", first, first + length) + 1
                if not end:
                    # One line, longer than this: it is cut only where a new file would not help.
                    return first if self.size else first + length
                length = end - first
            if encoded_length(data[first : first + length]) <= room:
                return first + length
            length //= 2
        return first

    def _append(self, buffers: list[bytes | memoryview], expected: int, length: int) -> None:
        """Write records of `length` bytes of output, `expected` bytes in all."""
        try:
            written = os.writev(self._file, buffers)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
                raise
            written = 0
        if written == expected:
            self.size += written
            return
        self._cut(b"".join(buffers)[:written], length)

    def _cut(self, written: bytes, length: int) -> None:
        """Keep the whole records of a write that came to an early end, and count the rest as lost."""
        kept = written.rfind(b"\n") + 1
        os.ftruncate(self._file, self.size + kept)
        self.size += kept
        content = kept - written.count(b"\n", 0, kept) * PREFIX_LENGTH
        self.dropped += max(1, length - content)
