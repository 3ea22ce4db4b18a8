"""One volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.client.api import escape, query
from wherry.errors import NotFound

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from wherry.client.objects.engine import Engine


class Volume:
    """A volume. As a context manager it is removed at the end."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    def __repr__(self) -> str:
        return f"<Volume {self.name}>"

    def inspect(self) -> dict[str, Any]:
        found: dict[str, Any] = self.engine.client.get(f"/volumes/{escape(self.name)}")
        return found

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.inspect().get("Labels") or {})

    def remove(self, *, force: bool = False) -> None:
        """Remove it with its content; nothing when it is gone. Raises Conflict while a container uses it."""
        try:
            self.engine.client.delete(f"/volumes/{escape(self.name)}" + query(force=force))
        except NotFound:
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()
