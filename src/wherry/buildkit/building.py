"""One solve: a frontend's work, the build of a Dockerfile, and what is made of its result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack, aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from wherry.build.checks import check
from wherry.build.dockerfile import parse
from wherry.build.finish import Built
from wherry.buildkit import messages as m
from wherry.buildkit.contexts import dockerfile
from wherry.buildkit.delivery import bring
from wherry.buildkit.lint import findings
from wherry.buildkit.options import credentials, prepare
from wherry.buildkit.progress import Progress
from wherry.buildkit.sessions import Session, Sessions
from wherry.engine.builds.order import BuildOrder, CacheOrder, OutputOrder, requests_of
from wherry.errors import Internal, Invalid, Unsupported

if TYPE_CHECKING:
    from wherry.engine.builds import Builds

__all__ = ["Solving"]

_OF_FORM = ("prefer-image-digest", "oci-artifact")  # what clients show, and a form that is taken anyway
_FRONTENDS = ("dockerfile.v0", "gateway.v0")


class Made(NamedTuple):
    """What came of a frontend, and what is wanted of it. `place` is a directory of the build's."""

    built: list[Built]
    order: BuildOrder
    place: str
    session: Session


class Solving:
    """Of one client; `run` once. A client that drives the build itself calls `build`, `keep` and `finish`."""

    def __init__(self, builds: Builds, sessions: Sessions, request: m.Solve) -> None:
        self.progress = Progress(request.ref)
        self._builds = builds
        self._sessions = sessions
        self._request = request
        self._returned: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._results: dict[str, Made] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()

    async def run(self) -> dict[str, str]:
        """What the exporters say. Raises what went wrong."""
        request = self._request
        if request.frontend:
            made = await self.build(request.frontend, request.attrs, {})
        elif request.definition is not None:
            raise Unsupported("LLB definitions are not solved here", hint="only Dockerfiles are built")
        else:
            name = await self._returned
            if not name:
                return {}  # buildx only wanted to know what is possible here
            if name not in self._results:
                raise Invalid("the client returned a result that was not made here")
            made = self._results[name]
        return await bring(self._builds, made.order, made.built, made.place, made.session, self.progress)

    async def build(self, frontend: str, options: Mapping[str, str], inputs: Mapping[str, Any]) -> Made:
        """What a frontend makes of its options: a built Dockerfile, whose layers are held until `close`.
        Raises what went wrong."""
        made: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(self._build(frontend, options, inputs, made))
        self._tasks.add(task)  # ended by `close`, whatever becomes of who asked

        def ended(task: asyncio.Task[None]) -> None:
            if made.done():
                return
            error = None if task.cancelled() else task.exception()
            if error is None:
                made.cancel()
            else:
                made.set_exception(error)

        task.add_done_callback(ended)
        return await made

    async def _build(
        self,
        frontend: str,
        options: Mapping[str, str],
        inputs: Mapping[str, Any],
        made: asyncio.Future[Made],
    ) -> None:
        if frontend not in _FRONTENDS:
            raise Unsupported(
                f"the frontend {frontend!r} is not supported", hint="only Dockerfiles are built"
            )
        if inputs:
            raise Unsupported("inputs of a frontend are not supported")
        session = await self._sessions.get(self._request.session)
        with self._builds.workplace() as place, ExitStack() as stack:
            loading = await self.progress.step("[internal] load build definition and context")
            try:
                order = self._order()
                request = await prepare(session, options, place, order, stack)
                order.epoch = request.epoch
                order.auths = await credentials(session, request)
            except Exception as error:
                await self.progress.done(loading, str(error))
                raise
            await self.progress.done(loading)
            for warning in check(parse(request.dockerfile, request.name)):
                await self.progress.say(warning)
            async with AsyncExitStack() as held:
                if self._over.is_set():
                    raise asyncio.CancelledError
                built = []
                for one in requests_of(order, request):
                    building = self._builds.build(one, place, order.auths)
                    async for event in await held.enter_async_context(aclosing(building)):
                        if isinstance(event, Built):
                            built.append(event)
                            break  # what it holds is held until all is delivered
                        await self.progress.say(event)
                if not made.cancelled():
                    made.set_result(Made(built, order, place, session))
                await self._over.wait()

    def keep(self, made: Made) -> str:
        """A name for a result, by which the client returns it."""
        name = os.urandom(12).hex()
        self._results[name] = made
        return name

    async def lint(self, options: Mapping[str, str]) -> dict[str, bytes]:
        """What `docker build --check` asks for, instead of building: the checks' findings."""
        session = await self._sessions.get(self._request.session)
        with self._builds.workplace() as place:
            text = await dockerfile(session, options, place)
        return findings(text, options.get("filename") or "Dockerfile")

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
        if self._returned.done() and not self._returned.cancelled():
            self._returned.exception()
        self._over.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.progress.end()

    def _order(self) -> BuildOrder:
        """The outputs and caches that are wanted."""
        request = self._request
        exporters = list(request.exporters)
        if request.exporter and not exporters:  # clients say it twice, for older builders
            exporters.append(m.Entry(request.exporter, request.exporter_attrs))
        outputs, annotations = [], []
        for one in exporters:
            fields = {name: value for name, value in one.attrs.items() if name not in _OF_FORM}
            for name in [name for name in fields if name.startswith("annotation")]:
                annotations.append(f"{_annotated(name)}={fields.pop(name)}")
            outputs.append(OutputOrder("image" if one.type == "moby" else one.type, fields))
        exports = request.cache.exports if request.cache is not None else []
        return BuildOrder(
            outputs=outputs or [OutputOrder("cacheonly", {})],
            cache_to=[CacheOrder({"type": one.type, **one.attrs}) for one in exports],
            insecure="security.insecure" in request.entitlements,
            host_network="network.host" in request.entitlements,
            annotations=annotations,
        )


def _annotated(name: str) -> str:
    """`annotation-index[PLATFORM].KEY` is `index[PLATFORM]:KEY` on a command line."""
    level, _, key = name.removeprefix("annotation").partition(".")
    level = level.removeprefix("-")
    if level.startswith("["):
        level = f"manifest{level}"
    return f"{level}:{key}" if level else key
