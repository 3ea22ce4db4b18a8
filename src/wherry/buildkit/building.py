"""One solve: a frontend's work, the build of a Dockerfile, and what is made of its result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

from wherry.build.checks import check
from wherry.build.dockerfile import parse
from wherry.build.finish import Built
from wherry.buildkit import messages as m
from wherry.buildkit.options import credentials, prepare
from wherry.buildkit.progress import Progress
from wherry.buildkit.sessions import Session, Sessions
from wherry.errors import Internal, Invalid, Unsupported

if TYPE_CHECKING:
    from wherry.build.request import Request
    from wherry.engine.builds import Builds

__all__ = ["Solving"]

_FRONTENDS = ("dockerfile.v0", "gateway.v0")
_IMAGES = ("moby", "image", "docker")


class Solving:
    """Of one client; `run` once. A client that drives the build itself calls `build`, `keep` and `finish`."""

    def __init__(self, builds: Builds, sessions: Sessions, request: m.Solve) -> None:
        self.progress = Progress(request.ref)
        self._builds = builds
        self._sessions = sessions
        self._request = request
        self._returned: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._results: dict[str, Built] = {}
        self._stack = AsyncExitStack()
        exporters = list(request.exporters)
        if request.exporter:
            exporters.append(m.Entry(request.exporter, request.exporter_attrs))
        self._exporters = exporters

    async def run(self) -> dict[str, str]:
        """What the exporters say. Raises what went wrong."""
        request = self._request
        for exporter in self._exporters:
            if exporter.type not in _IMAGES:
                raise Unsupported(
                    f"output of type {exporter.type} is not supported over this protocol",
                    hint="wherry build -o",
                )
        if request.cache is not None and (request.cache.exports or request.cache.imports):
            for one in request.cache.exports:
                if one.type != "inline":
                    raise Unsupported(
                        f"cache export of type {one.type} is not supported over this protocol",
                        hint="wherry build --cache-to",
                    )
        if request.frontend:
            built = await self.build(request.frontend, request.attrs, {})
        elif request.definition is not None:
            raise Unsupported("LLB definitions are not solved here", hint="only Dockerfiles are built")
        else:
            name = await self._returned
            if not name:
                return {}  # buildx only wanted to know what is possible here
            found = self._results.get(name)
            if found is None:
                raise Invalid("the client returned a result that was not made here")
            built = found
        return self._response(built)

    async def build(self, frontend: str, options: Mapping[str, str], inputs: Mapping[str, Any]) -> Built:
        """What a frontend makes of its options: a built Dockerfile. Raises what went wrong."""
        if frontend not in _FRONTENDS:
            raise Unsupported(
                f"the frontend {frontend!r} is not supported", hint="only Dockerfiles are built"
            )
        if inputs:
            raise Unsupported("inputs of a frontend are not supported")
        session = await self._sessions.get(self._request.session)
        place = self._stack.enter_context(self._builds.workplace())
        loading = await self.progress.step("[internal] load build definition and context")
        try:
            request = await self._prepare(session, options, place)
            auths = await credentials(session, request)
        except Exception as error:
            await self.progress.done(loading, str(error))
            raise
        await self.progress.done(loading)
        for warning in check(parse(request.dockerfile, request.name)):
            await self.progress.say(warning)
        async with aclosing(self._builds.build(request, place, auths)) as events:
            async for event in events:
                if isinstance(event, Built):
                    return event
                await self.progress.say(event)
        raise Internal("the build ended without a result")

    def keep(self, built: Built) -> str:
        """A name for a result, by which the client returns it."""
        name = os.urandom(12).hex()
        self._results[name] = built
        return name

    def finish(self, name: str) -> None:
        """The client has returned this result."""
        if not self._returned.done():
            self._returned.set_result(name)

    def fail(self, message: str) -> None:
        """The client has returned an error."""
        if not self._returned.done():
            self._returned.set_exception(Internal(message))

    async def close(self) -> None:
        """It is over: watchers hear so, files go."""
        if self._returned.done():
            self._returned.exception()
        await self.progress.end()
        await self._stack.aclose()

    async def _prepare(self, session: Session, options: Mapping[str, str], place: str) -> Request:
        tags = []
        for exporter in self._exporters:
            if exporter.attrs.get("push") == "true":
                raise Unsupported("pushing from within a build is not supported", hint="docker push does it")
            tags += [name for name in exporter.attrs.get("name", "").split(",") if name]
        insecure = "security.insecure" in self._request.entitlements
        request = await prepare(session, options, place, tags=tags, insecure=insecure)
        for files in (request.context, *request.contexts.values()):
            if files is not None and not isinstance(files, str):
                self._stack.callback(files.close)
        return request

    def _response(self, built: Built) -> dict[str, str]:
        if built.image is None:
            return {}
        found = {
            "containerimage.digest": built.image.id,
            "containerimage.config.digest": built.image.id,
        }
        names = ",".join(name for exporter in self._exporters if (name := exporter.attrs.get("name")))
        return {**found, "image.name": names} if names else found
