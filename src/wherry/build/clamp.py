"""Layer archives whose times are no later than a moment: for images that are the same whenever built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wherry.store.tar import ByteSource, end_of_archive, header, padding, read_entries

__all__ = ["clamp"]


def clamp(chunks: Iterable[bytes | memoryview], epoch: int) -> Iterator[bytes]:
    """The same archive, members written anew with their times cut at `epoch` (seconds since 1970)."""
    latest = epoch * 1_000_000_000
    source = ByteSource(chunks)
    for entry in read_entries(source):
        entry.mtime_ns = min(entry.mtime_ns, latest)
        if entry.segments is not None:
            entry.segments = None
            entry.stored = entry.size
        yield header(entry)
        if entry.stored:
            for piece in source.pieces(entry.stored):
                yield bytes(piece)
            if pad := padding(entry.stored):
                yield pad
    yield end_of_archive()
