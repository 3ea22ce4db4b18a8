"""Where copied files go: the rules of `cp`, between a container and this machine."""

from __future__ import annotations

import os
import stat
from base64 import b64decode

from wherry.client.api import escape, query
from wherry.client.codec import decode
from wherry.client.demux import write_all
from wherry.errors import Invalid, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from wherry.client.api import Client

_GO_FOLDER, _GO_LINK = 1 << 31, 1 << 27  # bits of Go's FileMode


def stream_out(client: Client, container: str, path: str, *, follow: bool) -> None:
    """The archive of a container's path, on standard output."""
    if os.isatty(1):
        raise Invalid("refusing to copy to a terminal", hint="redirect the output, or name a file")
    source, _ = _followed(client, container, path, follow)
    response = client.stream("GET", _archive(container, path=source))
    for piece in response.chunks():
        write_all(1, [memoryview(piece)])


def stream_in(client: Client, container: str, path: str, *, owners: bool) -> None:
    """The archive on standard input, unpacked into a container's folder."""
    from wherry.client.upload import pieces_of

    path, found = _target(client, container, _rooted(path))
    if found is None or not found["mode"] & _GO_FOLDER:
        raise Invalid(f'destination "{container}:{path}" must be a directory')
    _put(client, container, path, pieces_of("-"), owners)


def copy_out(client: Client, container: str, path: str, target: str, *, follow: bool, owners: bool) -> int:
    """Copy from a container to this machine; returns the bytes of content."""
    from wherry.client.unpack import unpack

    parent = os.path.dirname(os.path.abspath(target))
    if not os.path.isdir(parent):
        raise Invalid(f'invalid output path: directory "{parent}" does not exist')
    source, name = _followed(client, container, path, follow)
    response = client.stream("GET", _archive(container, path=source))
    try:
        status = _status(response.headers)
        folder = bool(status["mode"] & _GO_FOLDER)
        contents = path.endswith("/.") or os.path.basename(path.rstrip("/")) in ("", ".")
        _check(folder, target, os.path.isdir(target), os.path.lexists(target))
        if folder and contents:
            os.makedirs(target, exist_ok=True)
            return unpack(response.chunks(), target, _Content(source), owners=owners)
        if os.path.isdir(target):
            parent = target
        else:
            name = os.path.basename(os.path.abspath(target))
        return unpack(response.chunks(), parent, lambda parts: [name, *parts[1:]], owners=owners)
    finally:
        response.close()


class _Content:
    """The place of entries when only a folder's content is wanted.

    Engines differ: some call the folder `.` in the archive, others by its name, which is then left out.
    """

    def __init__(self, source: str) -> None:
        self._name = os.path.basename(os.path.normpath(source))
        self._named: bool | None = None

    def __call__(self, parts: list[str]) -> list[str]:
        if self._named is None:
            self._named = parts == [self._name]
        return parts[1:] if self._named else parts


def copy_in(client: Client, path: str, container: str, target: str, *, follow: bool, owners: bool) -> int:
    """Copy from this machine to a container; returns the bytes of content."""
    from wherry.client.pack import packed

    contents = path.endswith("/.") or path == "."
    source = os.path.realpath(path) if follow else os.path.abspath(path)
    try:
        status = os.lstat(source)
    except OSError as error:
        raise Invalid(f"lstat {source}: {(error.strerror or '').lower()}") from None
    folder = stat.S_ISDIR(status.st_mode)
    if path.endswith("/") and not folder:
        raise Invalid(f"{path}: not a directory")
    slash = "/" if target.endswith("/") and target != "/" else ""
    place, found = _target(client, container, _rooted(target))
    into = found is not None and bool(found["mode"] & _GO_FOLDER)
    _check(folder, place + slash, into, found is not None)
    if into and contents:
        where, name = place, "."
    elif into:
        where, name = place, os.path.basename(os.path.abspath(path))
    else:
        where, name = os.path.split(place.rstrip("/"))
    counted = _Counted(packed(source, name))
    _put(client, container, where or "/", counted, owners)
    return counted.bytes


class _Counted:
    """Pieces on their way, counted."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.bytes += len(piece)
            yield piece


def _check(folder: bool, target: str, into: bool, exists: bool) -> None:
    """Refuse what can't be: a folder over a file, a file into a folder that is not there."""
    if into:
        return
    if folder and exists:
        raise Invalid("cannot copy directory")
    if not folder and target.endswith(("/", "/.")):
        raise Invalid("no such directory")


def _rooted(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _archive(container: str, **options: Any) -> str:
    return f"/containers/{escape(container)}/archive{query(**options)}"


def _put(client: Client, container: str, path: str, pieces: Any, owners: bool) -> None:
    options = _archive(container, path=path, noOverwriteDirNonDir=True, copyUIDGID=owners)
    response = client.upload("PUT", options, pieces)
    response.read()
    response.close()


def _status(headers: dict[str, str]) -> Any:
    return decode(b64decode(headers["x-docker-container-path-stat"]))


def _stat(client: Client, container: str, path: str) -> Any:
    """What is at a container's path; None when nothing is. Raises NotFound for the container itself."""
    try:
        return _status(client.head(_archive(container, path=path)))
    except NotFound:
        client.get(
            f"/containers/{escape(container)}/json"
        )  # says so when it is the container that is missing
        return None


def _target(client: Client, container: str, path: str) -> tuple[str, Any]:
    """The path that a copy goes to, behind a symbolic link, and what is there."""
    found = _stat(client, container, path)
    if found is not None and found["mode"] & _GO_LINK:
        path = os.path.join(os.path.dirname(path), found["linkTarget"])
        found = _stat(client, container, path)
    return path, found


def _followed(client: Client, container: str, path: str, follow: bool) -> tuple[str, str]:
    """The path to copy, and the name it is to have: the link's own, also when it is followed."""
    path = _rooted(path)
    name = os.path.basename(os.path.normpath(path))
    if follow:
        found = _stat(client, container, path)
        if found is not None and found["mode"] & _GO_LINK:
            return os.path.join(os.path.dirname(path), found["linkTarget"]), name
    return path, name
