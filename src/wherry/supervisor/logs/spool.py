"""The spool: why no byte of output is lost or logged twice, whenever the supervisor is killed.

A batch goes FIFO → spool file → log:

1. the spool's header is written: which stream, the timestamp, and where in which log file it will go;
2. `splice` moves bytes from the FIFO into the spool, in the kernel: each byte is in one or the other, never
   in both or neither, even when SIGKILL arrives meanwhile (it is acted on only after the system call);
3. the batch is read back, formatted, and written to the log (parts of a batch that goes to more than one log
   file are announced in the header first);
4. the spool is truncated: the batch is done.

A successor that finds a batch in the spool does 3 again with the same header: the same bytes at the same
place, so it does not matter how much of them had been written. The cost is one copy more, a few per cent.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

HEADER = struct.Struct("<8sqqqqqq")
MAGIC = b"wspool1\n"
DATA = 4096
"""Where the batch begins in the file: one page after the header."""
BATCH = 1 << 20


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
    """One container's spool file. Empty except within one call of the recorder, or after a crash."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def close(self) -> None:
        os.close(self._file)

    def announce(
        self, stream: int, time: int, inode: int, offset: int, first: int = 0, last: int = 0
    ) -> None:
        """Say where the next batch (or the next part of this one) will be written."""
        os.pwrite(self._file, HEADER.pack(MAGIC, stream, time, inode, offset, first, last), 0)

    def take(self, source: int) -> bytes:
        """Move up to BATCH bytes out of the pipe `source`. Empty at its end; BlockingIOError when dry.

        OSError with ENOSPC when the run directory's disk is full: nothing was taken then.
        """
        moved = os.splice(source, self._file, BATCH, offset_dst=DATA, flags=os.SPLICE_F_NONBLOCK)
        return os.pread(self._file, moved, DATA) if moved else b""

    def done(self) -> None:
        """The batch is in the log."""
        os.ftruncate(self._file, DATA)

    def pending(self) -> Batch | None:
        """The batch that a dead supervisor left, or None."""
        size = os.fstat(self._file).st_size
        if size <= DATA:
            return None
        header = os.pread(self._file, HEADER.size, 0)
        magic, stream, time, inode, offset, first, last = HEADER.unpack(header)
        if magic != MAGIC:
            return None
        return Batch(stream, time, inode, offset, first, last, os.pread(self._file, size - DATA, DATA))
