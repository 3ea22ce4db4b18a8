"""RPM's database of installed packages in its SQLite form. Source: rpm's lib/backend/sqlite.c, header.c."""

from __future__ import annotations

import sqlite3
import struct
import tempfile
from collections.abc import Iterator

__all__ = ["read_rpms"]

_NAME, _VERSION, _RELEASE, _EPOCH, _LICENSE, _ARCHITECTURE = 1000, 1001, 1002, 1003, 1014, 1022
_INT32, _STRING, _TRANSLATED = 4, 6, 9
_MOST = 100_000  # entries of one header


def read_rpms(data: bytes) -> list[tuple[str, str, str, str]]:
    """(name, version, architecture, licence) of each package; nothing for what is no such database."""
    found = []
    with tempfile.NamedTemporaryFile(prefix="wherry-rpm-") as file:
        file.write(data)
        file.flush()
        try:
            database = sqlite3.connect(f"file:{file.name}?mode=ro&immutable=1", uri=True)
            try:
                for (blob,) in database.execute("SELECT blob FROM Packages ORDER BY hnum"):
                    header = dict(_header(blob)) if isinstance(blob, bytes) else {}
                    package = _package(header)
                    if package is not None:
                        found.append(package)
            finally:
                database.close()
        except (sqlite3.Error, struct.error, ValueError):
            return found
    return found


def _package(header: dict[int, str]) -> tuple[str, str, str, str] | None:
    if not header.get(_NAME) or header[_NAME] == "gpg-pubkey":
        return None
    version = f"{header.get(_VERSION, '')}-{header.get(_RELEASE, '')}".strip("-")
    if header.get(_EPOCH, "0") != "0":
        version = f"{header[_EPOCH]}:{version}"
    return header[_NAME], version, header.get(_ARCHITECTURE, ""), header.get(_LICENSE, "")


def _header(blob: bytes) -> Iterator[tuple[int, str]]:
    """The texts and first numbers of a header: an index of (tag, type, offset, count), then a store."""
    count, _ = struct.unpack_from(">II", blob)
    if count > _MOST:
        raise ValueError("too many entries")
    store = 8 + 16 * count
    for number in range(count):
        tag, kind, offset, items = struct.unpack_from(">IIII", blob, 8 + 16 * number)
        at = store + offset
        if kind in (_STRING, _TRANSLATED):
            end = blob.find(b"\0", at)
            yield tag, blob[at : end if end >= 0 else len(blob)].decode("utf-8", "replace")
        elif kind == _INT32 and items:
            yield tag, str(struct.unpack_from(">I", blob, at)[0])
