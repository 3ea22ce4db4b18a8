"""All images of an engine."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

from wherry.client.api import escape, query
from wherry.client.credentials import auth_header
from wherry.client.objects.image import Image
from wherry.client.pack import packed
from wherry.client.reference import split_reference
from wherry.errors import Internal, Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wherry.client.objects.engine import Engine

_PIECE = 1 << 18
Source = str | os.PathLike[str] | IO[bytes]


class Images:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, name: str) -> Image:
        """The image with this name or id. Raises NotFound."""
        return Image(self._engine, self._engine.client.get(f"/images/{escape(name)}/json")["Id"])

    def exists(self, name: str) -> bool:
        try:
            self.get(name)
        except NotFound:
            return False
        return True

    def list(self, *, filters: Mapping[str, Sequence[str]] | None = None) -> list[Image]:
        found = self._engine.client.get("/images/json" + query(filters=dict(filters or {})))
        return [Image(self._engine, entry["Id"]) for entry in found]

    def pull(self, name: str, *, platform: str = "") -> Image:
        """Download an image, with what `login` has kept for its registry. Blocks until it is there."""
        repository, tag, digest = split_reference(name)
        path = "/images/create" + query(
            fromImage=repository, tag=digest or tag or "latest", platform=platform
        )
        self._progress("POST", path, headers=auth_header(repository))
        return self.get(name)

    def push(self, name: str) -> str:
        """Upload an image to the registry in its name; the digest it has there, where the engine says it."""
        repository, tag, _ = split_reference(name)
        path = f"/images/{escape(repository)}/push" + query(tag=tag or "latest")
        headers = auth_header(repository) or {"X-Registry-Auth": "e30="}
        reports = self._progress("POST", path, headers=headers)
        digests = [report["aux"]["Digest"] for report in reports if "Digest" in (report.get("aux") or {})]
        return str(digests[-1]) if digests else ""

    def load(self, source: Source) -> Sequence[Image]:
        """The images of an archive (what `save` wrote, or an OCI layout): a path, or a file open to read."""
        found = []
        for report in self._upload("/images/load?quiet=1", source):
            for line in str(report.get("stream", "")).splitlines():
                kind, _, name = line.partition(": ")
                if kind in ("Loaded image", "Loaded image ID"):
                    found.append(self.get(name))
        return found

    def import_(self, source: Source, name: str, *, changes: Sequence[str] = (), message: str = "") -> Image:
        """Make an image of one layer from the tar archive of a file system."""
        repository, tag, _ = split_reference(name)
        path = "/images/create" + query(fromSrc="-", repo=repository, tag=tag or "latest", message=message)
        path += "".join(query(changes=change).replace("?", "&") for change in changes)
        self._upload(path, source)
        return self.get(name)

    def build(
        self,
        folder: str | os.PathLike[str],
        tag: str,
        *,
        dockerfile: str = "Dockerfile",
        args: Mapping[str, str] | None = None,
        target: str = "",
    ) -> Image:
        """Build an image from a folder. Raises Unsupported where the engine has no builds."""
        if not os.path.isdir(folder):
            raise Invalid(f"no such folder: {os.fspath(folder)}")
        path = "/build" + query(t=tag, dockerfile=dockerfile, buildargs=dict(args or {}), target=target)
        self._reports(self._engine.client.upload("POST", path, packed(os.fspath(folder), ".")))
        return self.get(tag)

    def prune(self, *, all: bool = False) -> int:  # noqa: A002 — the command line's name
        """Remove images without a name, or with `all` every one that no container uses; bytes gained."""
        filters = {"dangling": ["false"]} if all else {}
        answer = self._engine.client.post("/images/prune" + query(filters=filters))
        return int(answer.get("SpaceReclaimed") or 0)

    def _upload(self, path: str, source: Source) -> Sequence[dict[str, Any]]:
        return self._reports(self._engine.client.upload("POST", path, _pieces(source)))

    def _progress(self, method: str, path: str, *, headers: dict[str, str]) -> Sequence[dict[str, Any]]:
        return self._reports(self._engine.client.begin(method, path, headers=headers).response())

    def _reports(self, response: Any) -> Sequence[dict[str, Any]]:
        """The reports of a long request. Raises NotFound or Internal with the error among them."""
        reports = []
        try:
            for report in response.documents():
                if error := report.get("error"):
                    missing = "not found" in error.lower() or "no such" in error.lower()
                    raise (NotFound if missing else Internal)(error, hint=report.get("hint", ""))
                reports.append(report)
        finally:
            response.close()
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
