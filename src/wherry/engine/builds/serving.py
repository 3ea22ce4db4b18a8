"""A build for a client: its context received, its events in the client's form, all closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

from wherry.build.checks import check
from wherry.build.dockerfile import DockerfileError, parse
from wherry.build.failed import StepFailed
from wherry.build.finish import Built
from wherry.build.request import Request
from wherry.build.sources import Files
from wherry.errors import WherryError
from wherry.oci import parse_reference

from .classic import Classic
from .deliver import deliver
from .order import BuildOrder, prepare, requests_of

if TYPE_CHECKING:
    from .manager import Builds

__all__ = ["classic", "events"]


async def classic(
    builds: Builds, order: BuildOrder, archive: AsyncIterator[bytes], *, quiet: bool
) -> AsyncIterator[dict[str, Any]]:
    """Docker's objects. What is wrong with context or Dockerfile is raised before the first."""
    with builds.workplace() as place:
        request = await prepare(order, archive, place, builds.root, builds.agents)
        show = Classic()
        try:
            async with aclosing(builds.build(request, place, order.auths)) as building:
                async for event in building:
                    said = show.feed(event) if not isinstance(event, Built) else show.finish()
                    for item in () if quiet else said:
                        yield item
                    for item in _built(event, request, quiet) if isinstance(event, Built) else ():
                        yield item
        except WherryError as error:
            for item in () if quiet else show.finish():
                yield item
            detail: dict[str, Any] = {"message": error.message}
            if isinstance(error, StepFailed) and error.code:
                detail["code"] = error.code
            yield {"errorDetail": detail, "error": error.message}
        finally:
            _close(request)


async def events(builds: Builds, order: BuildOrder, archive: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    """Our own objects; the last is `built` or `failed`. Raises `Conflict` before the first when the context's
    directory is not seen here."""
    with builds.workplace() as place:
        request = await prepare(order, archive, place, builds.root, builds.agents)
        try:
            warnings = check(parse(request.dockerfile, request.name))
            for warning in warnings:
                yield warning
            if order.check:
                yield {"event": "built", "image": "", "tags": [], "warnings": len(warnings)}
                return
            metadata: dict[str, Any] = {}
            async with AsyncExitStack() as held:
                made: list[Built] = []
                running = []
                for one in requests_of(order, request):
                    building = await held.enter_async_context(aclosing(builds.build(one, place, order.auths)))
                    running.append(building)
                    async for event in building:
                        if isinstance(event, Built):
                            made.append(event)
                            break  # what it holds is held until all is delivered
                        yield event
                async for event in deliver(builds, order, made, place, metadata):
                    yield event
                for building in running:
                    async for _ in building:
                        pass
                image = made[0].image
                tags = list(image.tags) if image is not None else []
                if tags:
                    metadata.setdefault("image.name", ",".join(tags))
                yield {
                    "event": "built",
                    "image": image.id if image is not None else "",
                    "tags": tags,
                    "metadata": metadata,
                }
        except WherryError as error:
            step = error if isinstance(error, StepFailed) else None
            yield {
                "event": "failed",
                "message": error.message,
                "hint": error.hint,
                "code": step.code if step else 0,
                "line": error.line if isinstance(error, (StepFailed, DockerfileError)) else 0,
                "image": step.image if step else "",
            }
        finally:
            _close(request)
            for token in order.agents.values():
                builds.agents.give_back(token)


def _close(request: Request) -> None:
    for files in (request.context, *request.contexts.values()):
        if isinstance(files, Files):
            files.close()


def _built(built: Built, request: Request, quiet: bool) -> list[dict[str, Any]]:
    assert built.image is not None
    said: list[dict[str, Any]] = [{"aux": {"ID": built.image.id}}]
    if quiet:
        return [*said, {"stream": f"{built.image.id}\n"}]
    said.append({"stream": f"Successfully built {built.image.id[7:19]}\n"})
    for tag in request.tags:
        said.append({"stream": f"Successfully tagged {parse_reference(tag).tagged.familiar}\n"})
    return said
