"""The content types of a container's output, and the frames that keep its two streams apart.

A frame is one byte for the stream (0 in, 1 out, 2 error), three zeros, the length in four bytes, big-endian.
"""

from __future__ import annotations

import struct

from wherry.api.versions import ApiVersion

RAW = "application/vnd.docker.raw-stream"
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"

STDOUT = 1
STDERR = 2


def media_type(version: ApiVersion, *, tty: bool) -> str:
    """What an output stream is announced as; the two kinds are told apart since API 1.42."""
    return RAW if tty or version < (1, 42) else MULTIPLEXED


def frame(stream: int, data: bytes) -> bytes:
    """`data` as one frame."""
    return struct.pack(">BxxxL", stream, len(data)) + data
