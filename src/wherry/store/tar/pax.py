"""Extended headers of pax archives (POSIX.1-2017, pax, "Extended Header"), with usual vendors' keywords."""

from __future__ import annotations

from wherry.errors import Invalid
from wherry.store.tar.entry import TarEntry

__all__ = ["apply_records", "decimal_ns", "parse_records"]

_XATTR = b"SCHILY.xattr."
_SPARSE = b"GNU.sparse."
_NANO = 1_000_000_000
_MAX_SIZE = 1 << 63


def parse_records(data: bytes) -> dict[bytes, bytes]:
    """The keyword=value records of one extended header. Raises Invalid when malformed."""
    records: dict[bytes, bytes] = {}
    sparse: list[bytes] = []
    position = 0
    while position < len(data) and data[position]:
        space = data.find(b" ", position, position + 20)
        length = data[position:space]
        if space < 0 or not length.isdigit():
            raise Invalid("malformed pax header")
        stop = position + int(length)
        key, equals, value = data[space + 1 : stop - 1].partition(b"=")
        if stop > len(data) or stop <= space + 1 or data[stop - 1 : stop] != b"\n" or not equals or not key:
            raise Invalid("malformed pax header")
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            sparse.append(value)  # version 0.0 repeats the pair for each run
        else:
            records[key] = value
        position = stop
    if sparse:
        records[b"GNU.sparse.map"] = b",".join(sparse)
    return records


def apply_records(entry: TarEntry, records: dict[bytes, bytes]) -> None:
    """Let `records` overrule what the ustar header said. Raises Invalid for values that make no sense.

    Not the sparse map: that one changes how the content is to be read, which is the reader's business.
    """
    for key, value in records.items():
        if key == b"path":
            entry.name = _no_zero(value)
        elif key == b"linkpath":
            entry.linkname = _no_zero(value)
        elif key == b"mtime":
            entry.mtime_ns = decimal_ns(value)
        elif key == b"size":
            entry.size = entry.stored = _number(value)
        elif key == b"uid":
            entry.uid = _number(value)
        elif key == b"gid":
            entry.gid = _number(value)
        elif key == b"SCHILY.devmajor":
            entry.major = _number(value)
        elif key == b"SCHILY.devminor":
            entry.minor = _number(value)
        elif key.startswith(_XATTR):
            if entry.xattrs is None:
                entry.xattrs = {}
            entry.xattrs[_no_zero(key[len(_XATTR) :])] = value
        elif key == b"GNU.sparse.name":
            entry.name = _no_zero(value)


def decimal_ns(value: bytes) -> int:
    """Seconds with a fraction, as nanoseconds since the epoch; digits beyond the ninth are dropped."""
    whole, _, fraction = value.partition(b".")
    negative = whole.startswith(b"-")
    digits = whole[1:] if negative else whole
    if not digits.isdigit() or (fraction and not fraction.isdigit()) or len(digits) > 18:
        raise Invalid(f"malformed time {value[:40]!r} in a pax header")
    total = int(digits) * _NANO + int(fraction[:9].ljust(9, b"0"))
    return -total if negative else total


def _number(value: bytes) -> int:
    if not value.isdigit() or len(value) > 20 or int(value) >= _MAX_SIZE:
        raise Invalid(f"malformed number {value[:40]!r} in a pax header")
    return int(value)


def _no_zero(value: bytes) -> bytes:
    if b"\0" in value or not value:
        raise Invalid("empty name or NUL byte in a pax header")
    return value
