"""What a builder has made, in a form that can be compared and written down."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Mapping
from typing import Any

from tests.harness.engine import EngineUnderTest

__all__ = ["configuration_of", "files_in", "files_of", "history_of"]

_MACHINE = ("dev", "proc", "sys", "bin")
_PER_CONTAINER = (".dockerenv", "etc", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab")
_DIGEST = re.compile(r"(file|dir|multi):[0-9a-f]+")
_SHOWN = 200  # bytes of content that are kept as they are
_LATEST = 1_600_000_000  # a time after that is when the build ran


def configuration_of(inspected: Mapping[str, Any]) -> dict[str, Any]:
    """The `Config` of an inspected image, without what is empty."""
    return {name: value for name, value in inspected["Config"].items() if value and name != "Image"}


def files_of(exported: bytes) -> dict[str, str]:
    """Path → mode, owner, kind, time, and content or target, of an exported container's archive."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(exported)) as archive:
        for member in archive:
            name = member.name.strip("/")
            if not name or name in _PER_CONTAINER or name.split("/")[0] in _MACHINE:
                continue
            found[name] = _described(archive, member)
    return found


def history_of(lines: list[str]) -> list[str]:
    """The history's commands, oldest first, without the digests of files. Docker prints a Go struct for
    HEALTHCHECK: only the word is kept."""
    cleaned = [_DIGEST.sub("", line) for line in reversed(lines)]
    return [re.sub(r"HEALTHCHECK .*", "HEALTHCHECK", line) for line in cleaned]


def _described(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    owner = f"{member.uid}:{member.gid}"
    if member.issym():
        return f"link {owner} -> {member.linkname}"
    mode = f"{member.mode & 0o7777:04o}"
    if member.isdir():
        return f"directory {mode} {owner}"
    if not member.isreg() and not member.islnk():
        return f"special {mode} {owner} {member.type.decode()} {member.devmajor},{member.devminor}"
    time = f" at {int(member.mtime)}" if member.mtime < _LATEST else ""
    stream = archive.extractfile(member)
    content = stream.read() if stream is not None else b""
    if len(content) > _SHOWN:
        return f"file {mode} {owner}{time} {hashlib.sha256(content).hexdigest()}"
    return f"file {mode} {owner}{time} {content.decode('utf-8', 'backslashreplace')!r}"


def files_in(engine: EngineUnderTest, image: str) -> dict[str, str]:
    """`files_of` an image that the engine has."""
    box = engine.wherry("create", "--network", "none", image, "x").line
    try:
        return files_of(engine.wherry.raw("export", box).stdout)
    finally:
        engine.wherry("rm", box)
