"""Writing archives: ustar headers, with a pax header before them for what ustar can't say.

The same entry gives the same bytes: no names of users, no times but the one given, sorted records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zlib import adler32

from wherry.store.tar.entry import Kind, TarEntry

__all__ = ["BLOCK", "Item", "end_of_archive", "header", "padding", "written"]

BLOCK = 512
Item = tuple[TarEntry, Iterable[bytes]]
"""One member and its content, `entry.stored` bytes."""
_NANO = 1_000_000_000
_MAX_OCTAL_7 = 0o7777777
_MAX_OCTAL_11 = 0o77777777777


def header(entry: TarEntry) -> bytes:
    """The header blocks of `entry`; its content, padded with `padding(entry.stored)`, follows them."""
    records: dict[bytes, bytes] = {}
    name, prefix = _split_name(entry.name)
    if name is None or not entry.name.isascii():
        records[b"path"] = entry.name
        name, prefix = _cut(entry.name, 100), b""
    linkname = entry.linkname
    if len(linkname) > 100 or not linkname.isascii():
        records[b"linkpath"] = linkname
        linkname = _cut(linkname, 100)
    seconds, fraction = divmod(entry.mtime_ns, _NANO)
    if fraction or not 0 <= seconds <= _MAX_OCTAL_11:
        records[b"mtime"] = _decimal(entry.mtime_ns)
        seconds = min(max(seconds, 0), _MAX_OCTAL_11)
    size = entry.stored
    if size > _MAX_OCTAL_11:
        records[b"size"] = b"%d" % size
        size = 0
    ids = []
    for key, number in ((b"uid", entry.uid), (b"gid", entry.gid)):
        if number > _MAX_OCTAL_7:
            records[key] = b"%d" % number
            number = 0
        ids.append(number)
    for key, value in (entry.xattrs or {}).items():
        records[b"SCHILY.xattr." + key] = value
    block = _block(name, entry.kind, entry.mode, ids[0], ids[1], size, seconds, linkname, prefix, entry)
    if not records:
        return block
    if not all(_is_utf8(value) for key, value in records.items() if not key.startswith(b"SCHILY.")):
        records = {b"hdrcharset": b"BINARY", **records}
    body = b"".join(_record(key, records[key]) for key in sorted(records, key=_record_order))
    extended_name = _cut(b"PaxHeaders.0/" + entry.name.rstrip(b"/").rpartition(b"/")[2], 100)
    extended = _block(extended_name, ord("x"), 0o644, 0, 0, len(body), 0, b"", b"", None)
    return extended + body + padding(len(body)) + block


def written(items: Iterable[Item]) -> Iterator[bytes]:
    """The archive of these members, in their order."""
    for entry, content in items:
        yield header(entry)
        if entry.stored:
            yield from content
            if pad := padding(entry.stored):
                yield pad
    yield end_of_archive()


def padding(size: int) -> bytes:
    """What fills the last block of `size` bytes of content."""
    return bytes(-size % BLOCK)


def end_of_archive() -> bytes:
    """The two blocks that end an archive."""
    return bytes(2 * BLOCK)


def _block(
    name: bytes,
    kind: int,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    seconds: int,
    linkname: bytes,
    prefix: bytes,
    entry: TarEntry | None,
) -> bytes:
    is_device = entry is not None and kind in (Kind.CHAR, Kind.BLOCK)
    major, minor = (entry.major, entry.minor) if entry is not None and is_device else (0, 0)
    before = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (name.ljust(100, b"\0"), mode, uid, gid, size, seconds)
    after = b"%c%sustar\00000%s%07o\0%07o\0%s" % (
        kind,
        linkname.ljust(100, b"\0"),
        bytes(64),
        major,
        minor,
        prefix.ljust(155, b"\0") + bytes(12),
    )
    # The lower half of Adler-32 is one more than the sum of all bytes, modulo 65521: 504 of ASCII are less.
    checksum = (adler32(after, adler32(before)) & 0xFFFF) - 1 + 8 * 32
    return before + b"%06o\0 " % checksum + after


def _split_name(name: bytes) -> tuple[bytes | None, bytes]:
    if len(name) <= 100:
        return name, b""
    if len(name) > 256:
        return None, b""
    slash = name.find(b"/", len(name) - 101, len(name) - 1)
    if slash <= 0 or slash > 155:
        return None, b""
    return name[slash + 1 :], name[:slash]


def _record(key: bytes, value: bytes) -> bytes:
    body = b" %s=%s\n" % (key, value)
    length = len(body)
    total = length + len(str(length))
    total = length + len(str(total))
    return b"%d%s" % (total, body)


def _record_order(key: bytes) -> tuple[bool, bytes]:
    return key != b"hdrcharset", key  # it says how to read the records after it


def _cut(name: bytes, limit: int) -> bytes:
    # Only for readers that do not know pax: keep it ASCII, keep a directory's slash.
    plain = bytes(byte if 32 <= byte < 127 else 95 for byte in name)
    return plain if len(plain) <= limit else plain[: limit - 1] + (b"/" if plain.endswith(b"/") else b"~")


def _decimal(mtime_ns: int) -> bytes:
    seconds, fraction = divmod(abs(mtime_ns), _NANO)
    text = b"%d.%09d" % (seconds, fraction) if fraction else b"%d" % seconds
    return (b"-" if mtime_ns < 0 else b"") + (text.rstrip(b"0") if fraction else text)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
