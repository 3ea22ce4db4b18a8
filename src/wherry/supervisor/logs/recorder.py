"""A container's output, from its pipes through the spool into its log."""

from __future__ import annotations

import errno
import os
import time

from wherry.supervisor.logs.format import encode, timestamp
from wherry.supervisor.logs.options import LogConfig
from wherry.supervisor.logs.spool import BATCH, Batch, Spool
from wherry.supervisor.logs.writer import LogWriter
from wherry.supervisor.records import LogPosition


class Recorder:
    """Records one container's streams. Opening it finishes what a dead supervisor left in the spool."""

    def __init__(self, log_path: str, spool_path: str, config: LogConfig) -> None:
        """Raises OSError when the log or the spool can't be opened."""
        self._last = 0
        self._writer = LogWriter(log_path, config)
        try:
            self._spool = Spool(spool_path)
        except BaseException:
            self._writer.close()
            raise
        batch = self._spool.pending()
        if batch is not None:
            self._finish(batch)
        self._spool.clear()

    @property
    def position(self) -> LogPosition:
        """Where the next record will be."""
        return LogPosition(self._writer.inode, self._writer.size)

    @property
    def size(self) -> int:
        """Bytes in the current file."""
        return self._writer.size

    def configure(self, config: LogConfig) -> None:
        """Change the limits, from the next batch on."""
        self._writer.config = config

    def record(self, stream: int, source: int) -> bytes:
        """Take what the pipe `source` holds (up to 1 MiB), log it and return it; empty at its end.

        BlockingIOError when nothing is there. When it returns, the bytes are in the log.
        """
        now = self._clock()
        if self._writer.dropped:
            self._writer.note_loss(timestamp(now))
        self._spool.announce(stream, now, self._writer.inode, self._writer.size)
        try:
            data = self._spool.take(source)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                raise
            data = os.read(source, BATCH)  # the spool's disk is full: better unprotected than stuck
            self._spool.clear()
            if data:
                self._write(stream, now, data)
            return data
        if data:
            self._write(stream, now, data)
            self._spool.done(len(data))
        return data

    def close(self) -> None:
        self._writer.close()
        self._spool.close()

    def _clock(self) -> int:
        """Now, and always later than before: timestamps order the records."""
        self._last = max(time.time_ns(), self._last + 1)
        return self._last

    def _write(self, stream: int, now: int, data: bytes, skip: int = 0) -> None:
        def intend(inode: int, offset: int, first: int, last: int) -> None:
            self._spool.announce(stream, now, inode, offset, skip + first, skip + last)

        self._writer.write(stream, timestamp(now), data[skip:] if skip else data, intend)

    def _finish(self, batch: Batch) -> None:
        writer = self._writer
        self._last = batch.time
        in_parts = batch.last > 0
        begun = in_parts or writer.inode != batch.inode or writer.size > batch.offset
        done = 0
        if begun:
            done = batch.last if in_parts else len(batch.data)
            self._repeat(batch, batch.data[batch.first : done])
        if done < len(batch.data):
            self._write(batch.stream, batch.time, batch.data, skip=done)

    def _repeat(self, batch: Batch, data: bytes) -> None:
        """Write a part again where it was meant to be; nothing to do when that file has been rotated away."""
        path = self._writer.path
        for name in (path, *(f"{path}.{number}" for number in range(1, self._writer.config.max_file + 1))):
            try:
                file = os.open(name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except OSError:
                continue
            try:
                status = os.fstat(file)
                if status.st_ino == batch.inode and status.st_size >= batch.offset:
                    os.pwritev(file, encode(batch.stream, timestamp(batch.time), data), batch.offset)
                    break
            finally:
                os.close(file)
        self._writer.refresh()
