"""The archive of one file, made and read in memory."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from wherry.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable


def packed_bytes(content: bytes, name: str, mode: int) -> bytes:
    """The archive of one file with this content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), mode
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def only_file(pieces: Iterable[bytes]) -> bytes:
    """The content of the one file in an archive. Raises Invalid when it is no file."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces)), mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                return content.read()
            raise Invalid(f"{member.name} is not a file")
    raise Invalid("the archive is empty")
