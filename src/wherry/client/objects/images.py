"""All images of an engine."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

from wherry.client.api import escape, query
from wherry.client.credentials import auth_header
from wherry.client.objects.frames import Documents
from wherry.client.objects.image import AsyncImage, Image, ImageCore
from wherry.client.objects.operation import Awaiting, Blocking, Core, operation
from wherry.client.objects.steps import Call, Close, Open, Receive, Steps
from wherry.client.pack import packed
from wherry.client.reference import split_reference
from wherry.errors import Internal, Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_PIECE = 1 << 18
Source = str | os.PathLike[str] | IO[bytes]
I = TypeVar("I", bound=ImageCore)  # noqa: E741 — I for image


class ImagesCore(Core, Generic[I]):
    """The operations of both."""

    _item: type[I]

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._driver = engine._driver

    @operation
    def get(self, name: str) -> Steps[I]:
        """The image with this name or id. Raises NotFound."""
        return (yield from self._get(name))

    def _get(self, name: str) -> Steps[I]:
        details = yield Call("GET", f"/images/{escape(name)}/json")
        return self._item(self._engine, details["Id"])

    @operation
    def exists(self, name: str) -> Steps[bool]:
        """Whether there is an image with this name or id."""
        try:
            yield Call("GET", f"/images/{escape(name)}/json")
        except NotFound:
            return False
        return True

    @operation
    def list(self, *, filters: Mapping[str, Sequence[str]] | None = None) -> Steps[list[I]]:
        """The images, those in use between others left out; `filters` as `{"reference": ["debian*"]}`."""
        found = yield Call("GET", "/images/json" + query(filters=dict(filters or {})))
        return [self._item(self._engine, entry["Id"]) for entry in found]

    @operation
    def pull(self, name: str, *, platform: str = "") -> Steps[I]:
        """Download an image, with what `login` has kept for its registry. Done when it is there."""
        repository, tag, digest = split_reference(name)
        path = "/images/create" + query(
            fromImage=repository, tag=digest or tag or "latest", platform=platform
        )
        yield from _reports(Open("POST", path, headers=auth_header(repository)))
        return (yield from self._get(name))

    @operation
    def push(self, name: str) -> Steps[str]:
        """Upload an image to the registry in its name; the digest it has there, where the engine says it."""
        repository, tag, _ = split_reference(name)
        path = f"/images/{escape(repository)}/push" + query(tag=tag or "latest")
        headers = auth_header(repository) or {"X-Registry-Auth": "e30="}
        reports = yield from _reports(Open("POST", path, headers=headers))
        digests = [report["aux"]["Digest"] for report in reports if "Digest" in (report.get("aux") or {})]
        return str(digests[-1]) if digests else ""

    @operation
    def load(self, source: Source) -> Steps[Sequence[I]]:
        """The images of an archive (what `save` wrote, or an OCI layout): a path, or a file open to read."""
        found = []
        reports = yield from _reports(Open("POST", "/images/load?quiet=1", pieces=_pieces(source)))
        for report in reports:
            for line in str(report.get("stream", "")).splitlines():
                kind, _, name = line.partition(": ")
                if kind in ("Loaded image", "Loaded image ID"):
                    found.append((yield from self._get(name)))
        return found

    @operation
    def import_(
        self, source: Source, name: str, *, changes: Sequence[str] = (), message: str = ""
    ) -> Steps[I]:
        """Make an image of one layer from the tar archive of a file system."""
        repository, tag, _ = split_reference(name)
        path = "/images/create" + query(fromSrc="-", repo=repository, tag=tag or "latest", message=message)
        path += "".join(query(changes=change).replace("?", "&") for change in changes)
        yield from _reports(Open("POST", path, pieces=_pieces(source)))
        return (yield from self._get(name))

    @operation
    def build(
        self,
        folder: str | os.PathLike[str],
        tag: str,
        *,
        dockerfile: str = "Dockerfile",
        args: Mapping[str, str] | None = None,
        target: str = "",
    ) -> Steps[I]:
        """Build an image from a folder. Raises Internal with what the failing step wrote."""
        if not os.path.isdir(folder):
            raise Invalid(f"no such folder: {os.fspath(folder)}")
        path = "/build" + query(t=tag, dockerfile=dockerfile, buildargs=dict(args or {}), target=target)
        yield from _reports(Open("POST", path, pieces=packed(os.fspath(folder), ".")))
        return (yield from self._get(tag))

    @operation
    def prune(self, *, all: bool = False) -> Steps[int]:  # noqa: A002 — the command line's name
        """Remove images without a name, or with `all` every one that no container uses; bytes gained."""
        filters = {"dangling": ["false"]} if all else {}
        answer = yield Call("POST", "/images/prune" + query(filters=filters))
        return int(answer.get("SpaceReclaimed") or 0)


class Images(ImagesCore[Image], Blocking):
    """All images of an engine."""

    _item = Image


class AsyncImages(ImagesCore[AsyncImage], Awaiting):
    """All images of an engine, with operations to await."""

    _item = AsyncImage


def _reports(request: Open) -> Steps[Sequence[dict[str, Any]]]:
    """The reports of a long request. Raises NotFound or Internal with the error among them."""
    reports: list[dict[str, Any]] = []
    decoder = Documents()
    channel = yield request
    try:
        while piece := (yield Receive(channel)):
            reports += decoder.feed(piece)
    finally:
        yield Close(channel)
    reports += decoder.end()
    for report in reports:
        if error := report.get("error"):
            missing = "not found" in error.lower() or "no such" in error.lower()
            raise (NotFound if missing else Internal)(error, hint=report.get("hint", ""))
    return reports


def _pieces(source: Source) -> Iterable[bytes]:
    if isinstance(source, (str, os.PathLike)):
        try:
            file = open(source, "rb")
        except OSError as error:
            raise Invalid(f"open {os.fspath(source)}: {error.strerror}") from None
        return _read(file, close=True)
    return _read(source, close=False)


def _read(file: IO[bytes], *, close: bool) -> Iterator[bytes]:
    try:
        while piece := file.read(_PIECE):
            yield piece
    finally:
        if close:
            file.close()
