"""The CRI log format: one record a line, `<RFC 3339 time with nanoseconds, UTC> <stream> <P|F> <content>`.

`F` ends a line of output, `P` is a part of one that had no newline yet, so the bytes of a stream are exactly
the contents joined, with a newline after each `F`. Source: the Kubernetes Container Runtime Interface. All
records of one batch carry one timestamp, which lets both directions work on whole batches with
`bytes.replace` instead of line by line.
"""

from __future__ import annotations

import time
from typing import NamedTuple

STDOUT = 1
STDERR = 2
NAMES = {STDOUT: b"stdout", STDERR: b"stderr"}
NUMBERS = {b"stdout": STDOUT, b"stderr": STDERR}

TIMESTAMP_LENGTH = 30
"""`2025-11-24T10:57:03.123456789Z`"""
PREFIX_LENGTH = 40
"""The timestamp, ` stdout F `: everything before the content."""


class Run(NamedTuple):
    """Consecutive records of one stream and one timestamp, put together."""

    stream: int
    timestamp: bytes
    content: bytes
    """Lines, each with its newline, but the last when the output had none there."""


_second = (-1, "")


def timestamp(nanoseconds: int) -> bytes:
    """A time since the epoch as 30 bytes; they compare as the times do (years 1 to 9999)."""
    global _second
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    if _second[0] != seconds:
        _second = (seconds, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)))
    return f"{_second[1]}.{fraction:09d}Z".encode()


def encode(stream: int, stamp: bytes, data: bytes) -> list[bytes | memoryview]:
    """Output as records: buffers to be written one after the other. `data` must not be empty."""
    prefix = b"%s %s F " % (stamp, NAMES[stream])
    end = data.rfind(b"\n") + 1
    buffers: list[bytes | memoryview] = []
    if end:
        lines = data if end == len(data) else data[:end]
        # The last newline gets a prefix after it too; the view leaves that one out without another copy.
        marked = lines.replace(b"\n", b"\n" + prefix)
        buffers += [prefix, memoryview(marked)[: -len(prefix)]]
    if end < len(data):
        buffers += [b"%s %s P " % (stamp, NAMES[stream]), data[end:], b"\n"]
    return buffers


def encoded_length(data: bytes) -> int:
    """How many bytes `encode` makes of `data`."""
    newlines = data.count(b"\n")
    if data[-1:] == b"\n":
        return len(data) + newlines * PREFIX_LENGTH
    return len(data) + (newlines + 1) * PREFIX_LENGTH + 1


def decode(block: bytes) -> list[Run]:
    """Runs of a block of whole records (it ends with a newline). What is not a record is left out."""
    runs: list[Run] = []
    start, size = 0, len(block)
    while start < size:
        prefix = block[start : start + PREFIX_LENGTH]
        stream = NUMBERS.get(prefix[TIMESTAMP_LENGTH + 1 : TIMESTAMP_LENGTH + 7])
        tag = prefix[TIMESTAMP_LENGTH + 8 : TIMESTAMP_LENGTH + 9]
        first_end = block.index(b"\n", start) + 1
        if stream is None or len(prefix) < PREFIX_LENGTH or tag not in (b"F", b"P"):
            start = first_end
            continue
        stamp = prefix[:TIMESTAMP_LENGTH]
        if tag == b"P":
            runs.append(Run(stream, stamp, block[start + PREFIX_LENGTH : first_end - 1]))
            start = first_end
            continue
        # Records of one prefix follow each other: look for the last one in ever longer steps.
        end, step = first_end, 4096
        while block.startswith(prefix, end):
            last = block.rfind(b"\n" + prefix, end - 1, end + step)
            end = block.index(b"\n", last + 1) + 1
            step *= 4
        content = block[start + PREFIX_LENGTH : end]
        if end != first_end:
            content = content.replace(b"\n" + prefix, b"\n")
        runs.append(Run(stream, stamp, content))
        start = end
    return runs
