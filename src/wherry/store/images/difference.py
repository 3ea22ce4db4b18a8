"""What differs between two images: their files, as seen from a container, and their configurations."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from wherry.store.images.model import Image
from wherry.store.layers.ownership import read_owner
from wherry.store.snapshots.merged import Member, Merged

if TYPE_CHECKING:
    from wherry.store.store import Store

__all__ = ["Difference", "FileChange", "compare"]

_CHUNK = 1 << 20


class FileChange(NamedTuple):
    """`kind` is A (only in the second), D (only in the first) or C; `what` of content, type, mode, owner,
    link, device; `before` and `after` are bytes."""

    kind: str
    path: str
    what: tuple[str, ...] = ()
    before: int = 0
    after: int = 0


class Difference(NamedTuple):
    """From one image to another; `config` are (field, before, after)."""

    first: Image
    second: Image
    files: list[FileChange]
    config: list[tuple[str, Any, Any]]


def compare(store: Store, first: str, second: str) -> Difference:
    """Compare two images, contents included where size and type leave it open. What is in a layer that both
    see is the same without a look. Times don't count. Blocks. Raises NotFound."""
    one, other = store.images.resolve(first), store.images.resolve(second)
    with store.layers.lease() as lease:
        for diff_id in (*one.layers, *other.layers):
            lease.hold(diff_id)
        stacks = [[store.layers.path(d) for d in reversed(image.layers)] for image in (one, other)]
        with Merged(stacks[0]) as before, Merged(stacks[1]) as after:
            files = _files(before, after)
    return Difference(one, other, files, _config(one, other))


def _files(before: Merged, after: Merged) -> list[FileChange]:
    was = {member.path: member for member in before.walk()}
    found = []
    for now in after.walk():
        then = was.pop(now.path, None)
        if then is None:
            found.append(FileChange("A", f"/{now.path}", after=_bytes(now)))
        elif then.root.path != now.root.path and (what := _what(then, now)):
            found.append(FileChange("C", f"/{now.path}", tuple(what), _bytes(then), _bytes(now)))
    found += [FileChange("D", f"/{path}", before=_bytes(member)) for path, member in was.items()]
    return sorted(found, key=lambda change: change.path)


def _bytes(member: Member) -> int:
    return member.status.st_size if stat.S_ISREG(member.status.st_mode) else 0


def _what(then: Member, now: Member) -> list[str]:
    old, new = then.status, now.status
    what = []
    if stat.S_IFMT(old.st_mode) != stat.S_IFMT(new.st_mode):
        return ["type"]
    if stat.S_ISREG(new.st_mode) and (old.st_size != new.st_size or not _same_content(then, now)):
        what.append("content")
    elif stat.S_ISLNK(new.st_mode) and then.root.link(then.path) != now.root.link(now.path):
        what.append("link")
    elif old.st_rdev != new.st_rdev and (stat.S_ISCHR(new.st_mode) or stat.S_ISBLK(new.st_mode)):
        what.append("device")
    if not stat.S_ISLNK(new.st_mode) and old.st_mode != new.st_mode:
        what.append("mode")
    if _owner(then) != _owner(now):
        what.append("owner")
    return what


def _owner(member: Member) -> tuple[int, int]:
    status = member.status
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return status.st_uid, status.st_gid
    fd = member.root.open(member.path, os.O_RDONLY)
    if fd is None:
        return status.st_uid, status.st_gid
    try:
        return read_owner(fd, status)
    finally:
        os.close(fd)


def _same_content(then: Member, now: Member) -> bool:
    first, second = then.root.open(then.path, os.O_RDONLY), now.root.open(now.path, os.O_RDONLY)
    try:
        if first is None or second is None:
            return False
        while True:
            data = os.read(first, _CHUNK)
            if data != os.read(second, _CHUNK):
                return False
            if not data:
                return True
    finally:
        for fd in (first, second):
            if fd is not None:
                os.close(fd)


def _config(one: Image, other: Image) -> list[tuple[str, Any, Any]]:
    found = []
    sides = [
        {
            **msgspec.to_builtins(image.config.config),
            "Architecture": image.config.architecture,
            "Os": image.config.os,
        }
        for image in (one, other)
    ]
    for name in sorted(sides[0].keys() | sides[1].keys()):
        before, after = sides[0].get(name), sides[1].get(name)
        if before != after:
            found.append((name, before, after))
    return found
