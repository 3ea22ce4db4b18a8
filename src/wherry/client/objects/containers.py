"""All containers of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from wherry.client.api import escape, query
from wherry.client.objects.configuration import body
from wherry.client.objects.container import AsyncContainer, Container, ContainerCore
from wherry.client.objects.operation import Awaiting, Blocking, Core, operation
from wherry.client.objects.steps import Call, Steps
from wherry.errors import NotFound, WherryError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from wherry.client.objects.configuration import Options

C = TypeVar("C", bound=ContainerCore[Any])


class ContainersCore(Core, Generic[C]):
    """The operations of both."""

    _item: type[C]

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._driver = engine._driver

    @operation
    def run(self, image: str, command: Sequence[str] | str = (), **options: Unpack[Options]) -> Steps[C]:
        """Make a container and start it; done once its program runs.

        The image is pulled when it is not there. A container whose start fails is removed again. Raises what
        the engine answers.
        """
        container = yield from self._create(image, command, options)
        try:
            yield from container._post("start")
        except WherryError:
            yield from container._remove(force=True, volumes=True)
            raise
        return container

    @operation
    def create(self, image: str, command: Sequence[str] | str = (), **options: Unpack[Options]) -> Steps[C]:
        """Make a container without starting it."""
        return (yield from self._create(image, command, options))

    def _create(self, image: str, command: Sequence[str] | str, options: Options) -> Steps[C]:
        config = body(image, command, options)
        path = "/containers/create" + query(name=options.get("name"), platform=options.get("platform"))
        try:
            answer = yield Call("POST", path, config)
        except NotFound as error:
            if "image" not in error.message.lower():
                raise
            yield from type(self._engine.images).pull.steps(
                self._engine.images, image, platform=options.get("platform", "")
            )
            answer = yield Call("POST", path, config)
        return self._item(self._engine, answer["Id"], tuple(answer.get("Warnings") or ()))

    @operation
    def get(self, name: str) -> Steps[C]:
        """The container with this name, id or beginning of an id. Raises NotFound."""
        found = yield Call("GET", f"/containers/{escape(name)}/json")
        return self._item(self._engine, found["Id"])

    @operation
    def list(
        self,
        *,
        all: bool = False,  # noqa: A002 — as Docker names it
        filters: dict[str, list[str]] | None = None,
    ) -> Steps[list[C]]:
        """The containers that run, or with `all` every one; `filters` as `{"label": ["role=db"]}`."""
        found = yield Call("GET", "/containers/json" + query(all=all, filters=filters))
        return [self._item(self._engine, entry["Id"]) for entry in found]

    @operation
    def prune(self, *, filters: dict[str, Sequence[str]] | None = None) -> Steps[Sequence[str]]:
        """Remove all that do not run; returns their ids."""
        answer = yield Call("POST", "/containers/prune" + query(filters=filters))
        return tuple(answer.get("ContainersDeleted") or ())


class Containers(ContainersCore[Container], Blocking):
    """All containers of an engine."""

    _item = Container


class AsyncContainers(ContainersCore[AsyncContainer], Awaiting):
    """All containers of an engine, with operations to await."""

    _item = AsyncContainer
