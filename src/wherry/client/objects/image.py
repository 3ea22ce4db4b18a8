"""One image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.client.api import query
from wherry.client.objects.frames import Pieces
from wherry.client.objects.operation import Awaiting, Blocking, Core, operation, reading, streaming
from wherry.client.objects.steps import Call, Feed, Open, Steps
from wherry.client.reference import split_reference

if TYPE_CHECKING:
    from wherry.client.objects.async_engine import AsyncEngine
    from wherry.client.objects.engine import Engine


class ImageCore(Core):
    """Holds only its id: every property asks the engine."""

    def __init__(self, engine: Any, identity: str) -> None:
        self.engine = engine
        self.id = identity
        self._driver = engine._driver

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id.removeprefix('sha256:')[:12]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageCore) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    @operation
    def inspect(self) -> Steps[dict[str, Any]]:
        """Everything that is known of it, as `GET /images/{id}/json` says it."""
        return (yield from self._details())

    def _details(self) -> Steps[dict[str, Any]]:
        found: dict[str, Any] = yield Call("GET", f"/images/{self.id}/json")
        return found

    @reading
    def tags(self) -> Steps[list[str]]:
        """Its names."""
        details = yield from self._details()
        return list(details.get("RepoTags") or ())

    @reading
    def size(self) -> Steps[int]:
        """Bytes of all its layers."""
        details = yield from self._details()
        return int(details["Size"])

    @operation
    def tag(self, name: str) -> Steps[None]:
        """Give it another name."""
        repository, tag, _ = split_reference(name)
        yield Call("POST", f"/images/{self.id}/tag" + query(repo=repository, tag=tag or "latest"))

    @operation
    def history(self) -> Steps[list[dict[str, Any]]]:
        """The steps it was made in, the newest first."""
        return list((yield Call("GET", f"/images/{self.id}/history")))

    @streaming(bytes)
    def save(self) -> Steps[Feed]:
        """Its archive (for `load`), in pieces."""
        return Feed((yield Open("GET", f"/images/{self.id}/get")), Pieces())

    @operation
    def remove(self, *, force: bool = False) -> Steps[None]:
        """Remove it with all its names. Raises Conflict when a container uses it."""
        yield Call("DELETE", f"/images/{self.id}" + query(force=force))


class Image(ImageCore, Blocking):
    """An image. Holds only its id: every property asks the engine."""

    engine: Engine


class AsyncImage(ImageCore, Awaiting):
    """An image, with operations and properties to await."""

    engine: AsyncEngine
