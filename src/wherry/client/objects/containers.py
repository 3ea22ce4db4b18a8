"""All containers of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wherry.client.api import escape, query
from wherry.client.objects.configuration import body
from wherry.client.objects.container import Container
from wherry.errors import NotFound, WherryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from wherry.client.objects.configuration import Options
    from wherry.client.objects.engine import Engine


class Containers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, image: str, command: Sequence[str] | str = (), **options: Unpack[Options]) -> Container:
        """Make a container and start it; returns once its program runs.

        The image is pulled when it is not there. A container whose start fails is removed again. Raises what
        the engine answers.
        """
        container = self.create(image, command, **options)
        try:
            container.start()
        except WherryError:
            container.remove(force=True)
            raise
        return container

    def create(self, image: str, command: Sequence[str] | str = (), **options: Unpack[Options]) -> Container:
        """Make a container without starting it."""
        config = body(image, command, options)
        path = "/containers/create" + query(name=options.get("name"), platform=options.get("platform"))
        try:
            answer = self._engine.client.post(path, config)
        except NotFound as error:
            if "image" not in error.message.lower():
                raise
            self._engine.images.pull(image, platform=options.get("platform", ""))
            answer = self._engine.client.post(path, config)
        return Container(self._engine, answer["Id"], tuple(answer.get("Warnings") or ()))

    def get(self, name: str) -> Container:
        """The container with this name, id or beginning of an id. Raises NotFound."""
        return Container(self._engine, self._engine.client.get(f"/containers/{escape(name)}/json")["Id"])

    def list(
        self,
        *,
        all: bool = False,  # noqa: A002 — as Docker names it
        filters: dict[str, list[str]] | None = None,
    ) -> list[Container]:
        """The containers that run, or with `all` every one; `filters` as `{"label": ["role=db"]}`."""
        found: list[dict[str, Any]] = self._engine.client.get(
            "/containers/json" + query(all=all, filters=filters)
        )
        return [Container(self._engine, entry["Id"]) for entry in found]

    def prune(self, *, filters: dict[str, Sequence[str]] | None = None) -> Sequence[str]:
        """Remove all that do not run; returns their ids."""
        answer = self._engine.client.post("/containers/prune" + query(filters=filters))
        return list(answer.get("ContainersDeleted") or ())
