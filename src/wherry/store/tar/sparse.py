"""Sparse members of GNU tar: the old format in header blocks, and pax formats 0.0, 0.1 and 1.0
(GNU tar manual, "Sparse Formats")."""

from __future__ import annotations

from collections.abc import Callable

from wherry.errors import Invalid
from wherry.store.tar.entry import TarEntry
from wherry.store.tar.source import ByteSource

__all__ = ["read_map"]

_BLOCK = 512
_MAX_RUNS = 1 << 17
_LIMIT = 1 << 62


def read_map(
    source: ByteSource,
    block: bytes,
    records: dict[bytes, bytes],
    entry: TarEntry,
    keep: Callable[[bytes], object],
) -> None:
    """Set `segments`, `size` and `stored` of a sparse `entry` whose header is `block`. Raises Invalid."""
    if records.get(b"GNU.sparse.major") == b"1":
        size = _number(records.get(b"GNU.sparse.realsize", b""))
        numbers = _map_in_content(source, entry, keep)
    elif b"GNU.sparse.map" in records:
        size = _number(records.get(b"GNU.sparse.size", records.get(b"GNU.sparse.realsize", b"")))
        text = records[b"GNU.sparse.map"]
        numbers = [_number(part) for part in text.split(b",")] if text else []
    elif block[156:157] == b"S":
        size = _field(block[483:495])
        numbers = _map_in_headers(source, block, keep)
    else:
        raise Invalid(f"sparse tar member of unknown format: {entry.name[:200]!r}")
    if len(numbers) % 2 or len(numbers) > 2 * _MAX_RUNS:
        raise Invalid(f"malformed sparse map: {entry.name[:200]!r}")
    end = 0
    segments = []
    for offset, length in zip(numbers[::2], numbers[1::2], strict=True):
        if offset < end or offset + length > size:
            raise Invalid(f"malformed sparse map: {entry.name[:200]!r}")
        end = offset + length
        if length:
            segments.append((offset, length))
    if sum(length for _, length in segments) != entry.stored or size >= _LIMIT:
        raise Invalid(f"sparse map does not fit its content: {entry.name[:200]!r}")
    entry.size = size
    entry.segments = segments


def _map_in_headers(source: ByteSource, block: bytes, keep: Callable[[bytes], object]) -> list[int]:
    numbers = _pairs(block, 386, 4)
    more = block[482]
    while more:
        extension = source.take(_BLOCK)
        keep(extension)
        numbers += _pairs(extension, 0, 21)
        more = extension[504]
        if len(numbers) > 2 * _MAX_RUNS:
            raise Invalid("sparse map with too many runs")
    return numbers


def _pairs(block: bytes, start: int, count: int) -> list[int]:
    numbers = []
    for offset in range(start, start + 24 * count, 24):
        if not block[offset]:
            break
        numbers += [_field(block[offset : offset + 12]), _field(block[offset + 12 : offset + 24])]
    return numbers


def _map_in_content(source: ByteSource, entry: TarEntry, keep: Callable[[bytes], object]) -> list[int]:
    # The content begins with decimal lines, padded to a block: how many runs, then offset and length of each.
    text = bytearray()
    wanted = 1
    while True:
        if len(text) >= entry.stored:
            raise Invalid(f"malformed sparse map: {entry.name[:200]!r}")
        piece = source.take(_BLOCK)
        keep(piece)
        text += piece
        lines = text.split(b"\n")
        if len(lines) > 1:
            wanted = 1 + 2 * min(_number(bytes(lines[0])), _MAX_RUNS + 1)
        if wanted > 1 + 2 * _MAX_RUNS:
            raise Invalid("sparse map with too many runs")
        if len(lines) > wanted:
            break
    entry.stored -= len(text)
    return [_number(bytes(line)) for line in lines[1:wanted]]


def _field(field: bytes) -> int:
    if field[0] & 0x80:
        return int.from_bytes(field, "big") & ((1 << 95) - 1)
    digits = field.partition(b"\0")[0].strip()
    if not digits or any(digit not in b"01234567" for digit in digits):
        raise Invalid("malformed number in a sparse map")
    return int(digits, 8)


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 20:
        raise Invalid("malformed number in a sparse map")
    return int(text)
