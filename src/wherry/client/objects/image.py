"""One image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.client.api import query
from wherry.client.reference import split_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wherry.client.objects.engine import Engine


class Image:
    """An image. Holds only its id: every property asks the engine."""

    def __init__(self, engine: Engine, identity: str) -> None:
        self.engine = engine
        self.id = identity

    def __repr__(self) -> str:
        return f"<Image {self.id.removeprefix('sha256:')[:12]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def inspect(self) -> dict[str, Any]:
        found: dict[str, Any] = self.engine.client.get(f"/images/{self.id}/json")
        return found

    @property
    def tags(self) -> list[str]:
        return list(self.inspect().get("RepoTags") or ())

    @property
    def size(self) -> int:
        """Bytes of all its layers."""
        return int(self.inspect()["Size"])

    def tag(self, name: str) -> None:
        """Give it another name."""
        repository, tag, _ = split_reference(name)
        self.engine.client.post(f"/images/{self.id}/tag" + query(repo=repository, tag=tag or "latest"))

    def history(self) -> list[dict[str, Any]]:
        return list(self.engine.client.get(f"/images/{self.id}/history"))

    def save(self) -> Iterator[bytes]:
        """Its archive (for `load`), in pieces."""
        response = self.engine.client.stream("GET", f"/images/{self.id}/get")
        try:
            yield from response.chunks()
        finally:
            response.close()

    def remove(self, *, force: bool = False) -> None:
        """Remove it with all its names. Raises Conflict when a container uses it."""
        self.engine.client.delete(f"/images/{self.id}" + query(force=force))
