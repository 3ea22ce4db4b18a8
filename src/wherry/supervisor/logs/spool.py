"""The spool: why no byte of output is lost or logged twice, whenever the supervisor is killed.

A batch goes FIFO → spool file → log:

1. the spool's header is written: which stream, the timestamp, and where in which log file it will go;
2. `splice` moves bytes from the FIFO into the spool, in the kernel: each byte is in one or the other, never
   in both or neither, even when SIGKILL arrives meanwhile (it is acted on only after the system call);
3. the batch is read back, formatted, and written to the log (parts of a batch that goes to more than one log
   file are announced in the header first);
4. the next header, or truncation when enough has gathered, says that the batch is done.

A successor that finds a batch in the spool does 3 again with the same header: the same bytes at the same
place, so it does not matter how much of them had been written. The cost is one copy more, a few per cent.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

HEADER = struct.Struct("<8sqqqqqqq")
MAGIC = b"wspool1\n"
DATA = 4096
"""Where the first batch begins in the file: one page after the header."""
BATCH = 1 << 20
BUSY_LIMIT = 8 << 20
IDLE_LIMIT = 1 << 16
"""Bytes of done batches that may stay in the file, while full batches come and after that."""


class Batch(NamedTuple):
    stream: int
    time: int
    """Nanoseconds since the epoch."""
    inode: int
    offset: int
    first: int
    last: int
    """The part of the batch announced last; 0 when it goes to one file."""
    data: bytes


class Spool:
    """One container's spool file. Holds no batch that matters except within one call of the recorder."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._begin = max(DATA, os.fstat(self._file).st_size)
        """Where the next batch will begin, and the file ends."""

    def close(self) -> None:
        os.close(self._file)

    def announce(
        self, stream: int, time: int, inode: int, offset: int, first: int = 0, last: int = 0
    ) -> None:
        """Say where the next batch (or, with `last`, the next part of this one) will be written."""
        header = HEADER.pack(MAGIC, self._begin, stream, time, inode, offset, first, last)
        os.pwrite(self._file, header, 0)

    def take(self, source: int) -> bytes:
        """Move up to BATCH bytes out of the pipe `source`. Empty at its end; BlockingIOError when dry.

        OSError with ENOSPC when the run directory's disk is full: nothing was taken then.
        """
        moved = os.splice(source, self._file, BATCH, offset_dst=self._begin, flags=os.SPLICE_F_NONBLOCK)
        return os.pread(self._file, moved, self._begin) if moved else b""

    def done(self, length: int) -> None:
        """The batch of `length` bytes is in the log."""
        self._begin += length
        if self._begin - DATA > (BUSY_LIMIT if length == BATCH else IDLE_LIMIT):
            # Until the next header a successor would write the last batch again, to the same effect.
            self.clear()

    def clear(self) -> None:
        """Drop all batches."""
        os.ftruncate(self._file, DATA)
        self._begin = DATA

    def pending(self) -> Batch | None:
        """The batch that a dead supervisor left, which may be in the log already; or None."""
        header = os.pread(self._file, HEADER.size, 0)
        size = os.fstat(self._file).st_size
        if len(header) < HEADER.size:
            return None
        magic, begin, stream, time, inode, offset, first, last = HEADER.unpack(header)
        if magic != MAGIC or size <= begin:
            return None
        return Batch(stream, time, inode, offset, first, last, os.pread(self._file, size - begin, begin))
