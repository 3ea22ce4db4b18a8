"""The services that a client calls: Control, and the bridge by which a client drives a build itself.

`docker buildx` does so: it opens a solve without a frontend, asks the bridge for what the frontend makes of
the Dockerfile, and returns that as the result of its solve, which is exported then.
"""

from __future__ import annotations

import asyncio
import platform
import weakref
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Stream

from wherry.buildkit import messages as m
from wherry.buildkit.building import Solving
from wherry.buildkit.cache import prune, usage
from wherry.buildkit.channel import Method, serve
from wherry.buildkit.sessions import Sessions
from wherry.errors import WherryError

if TYPE_CHECKING:
    import socket

    from wherry.engine.builds import Builds

__all__ = ["BuildKit", "buildkit_of"]

_CONTROL, _BRIDGE = "/moby.buildkit.v1.Control", "/moby.buildkit.v1.frontend.LLBBridge"
_BUILD_ID = "buildkit-controlapi-buildid"
_CAPABILITIES = (
    "solve.base",
    "proto.refarray",
    "return",
    "frontend.inputs",
    "frontend.caps",
    "gateway.solve.metadata",
    "gateway.solve.evaluate",
    "gateway.evaluate",
    "exporter.image.attestations",
)
_LABELS = {
    "org.mobyproject.buildkit.worker.executor": "wherry",
    "org.mobyproject.buildkit.worker.snapshotter": "wherry",  # buildx takes it as: all kinds of output
}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


_ALL: weakref.WeakKeyDictionary[Builds, BuildKit] = weakref.WeakKeyDictionary()


def buildkit_of(builds: Builds) -> BuildKit:
    """The one that serves an engine's builds; made with its first client."""
    found = _ALL.get(builds)
    if found is None:
        found = _ALL[builds] = BuildKit(builds)
    return found


class BuildKit:
    """All connections of one engine."""

    def __init__(self, builds: Builds) -> None:
        self.sessions = Sessions()
        self._builds = builds
        self._solving: dict[str, Solving] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._begun = asyncio.Condition()

    async def serve(self, connection: socket.socket, early: bytes) -> None:
        """One connection of `POST /grpc`, until it ends."""
        await serve(connection, early, self._methods())

    def _methods(self) -> dict[str, Method]:
        one, many = Cardinality.UNARY_UNARY, Cardinality.UNARY_STREAM
        return {
            f"{_CONTROL}/Info": (self._info, one, m.Empty, m.InfoResponse),
            f"{_CONTROL}/ListWorkers": (self._workers, one, m.Empty, m.Workers),
            f"{_CONTROL}/DiskUsage": (self._usage, one, m.DiskUsageRequest, m.DiskUsageResponse),
            f"{_CONTROL}/Prune": (self._prune, many, m.PruneRequest, m.UsageRecord),
            f"{_CONTROL}/Solve": (self._solve, one, m.Solve, m.SolveResponse),
            f"{_CONTROL}/Status": (self._status, many, m.RefRequest, m.StatusResponse),
            f"{_CONTROL}/ListenBuildHistory": (self._history, many, m.HistoryRequest, m.Empty),
            f"{_BRIDGE}/Ping": (self._ping, one, m.Empty, m.Pong),
            f"{_BRIDGE}/Inputs": (self._inputs, one, m.Empty, m.Empty),
            f"{_BRIDGE}/Solve": (self._bridge, one, m.SolveBridge, m.SolveBridgeResponse),
            f"{_BRIDGE}/Evaluate": (self._inputs, one, m.Empty, m.Empty),
            f"{_BRIDGE}/Return": (self._return, one, m.Return, m.Empty),
        }

    async def _info(self, stream: Stream[m.Empty, m.InfoResponse]) -> None:
        await stream.recv_message()
        await stream.send_message(m.InfoResponse(_version()))

    async def _workers(self, stream: Stream[m.Empty, m.Workers]) -> None:
        await stream.recv_message()
        await stream.send_message(m.Workers([_worker()]))

    async def _ping(self, stream: Stream[m.Empty, m.Pong]) -> None:
        await stream.recv_message()
        able = [m.Capability(name, True) for name in _CAPABILITIES]
        await stream.send_message(m.Pong(frontend=able, llb=able, workers=[_worker()]))

    async def _inputs(self, stream: Stream[m.Empty, m.Empty]) -> None:
        await stream.recv_message()
        await stream.send_message(m.Empty())

    async def _usage(self, stream: Stream[m.DiskUsageRequest, m.DiskUsageResponse]) -> None:
        request = await stream.recv_message()
        assert request is not None
        try:
            records = await usage(self._builds, request.filter)
        except WherryError as error:
            raise _refusal(error) from None
        await stream.send_message(m.DiskUsageResponse(records))

    async def _prune(self, stream: Stream[m.PruneRequest, m.UsageRecord]) -> None:
        request = await stream.recv_message()
        assert request is not None
        try:
            for record in await prune(self._builds, request):
                await stream.send_message(record)
        except WherryError as error:
            raise _refusal(error) from None

    async def _history(self, stream: Stream[m.HistoryRequest, m.Empty]) -> None:
        """No history is kept: there is nothing to tell."""
        await stream.recv_message()

    async def _solve(self, stream: Stream[m.Solve, m.SolveResponse]) -> None:
        request = await stream.recv_message()
        assert request is not None
        solving = Solving(self._builds, self.sessions, request)
        async with self._begun:
            self._solving[request.ref] = solving
            self._begun.notify_all()
        try:
            response = await solving.run()
        except WherryError as error:
            raise _refusal(error) from None
        finally:
            await asyncio.shield(
                self._background(solving.close())
            )  # also when the connection is lost meanwhile
            asyncio.get_running_loop().call_later(60, self._forget, request.ref, solving)
        await stream.send_message(m.SolveResponse(response))

    async def _status(self, stream: Stream[m.RefRequest, m.StatusResponse]) -> None:
        request = await stream.recv_message()
        assert request is not None
        solving = await self._of(request.ref)
        async for response in solving.progress.watch():
            await stream.send_message(response)

    async def _bridge(self, stream: Stream[m.SolveBridge, m.SolveBridgeResponse]) -> None:
        request = await stream.recv_message()
        assert request is not None
        solving = await self._of_stream(stream)
        try:
            if request.options.get("requestid") == "frontend.lint":
                told = await solving.lint(request.options)
                await stream.send_message(m.SolveBridgeResponse(result=m.Result(metadata=told)))
                return
            made = await solving.build(request.frontend, request.options, request.inputs)
        except WherryError as error:
            raise _refusal(error) from None
        result = m.Result(m.Ref(solving.keep(made)))
        await stream.send_message(m.SolveBridgeResponse(result=result))

    async def _return(self, stream: Stream[m.Return, m.Empty]) -> None:
        request = await stream.recv_message()
        assert request is not None
        solving = await self._of_stream(stream)
        if request.error is not None and request.error.code:
            solving.fail(request.error.message)
        else:
            ref = request.result.ref if request.result is not None else None
            solving.finish(ref.id if ref is not None else "")
        await stream.send_message(m.Empty())

    async def _of_stream(self, stream: Stream[Any, Any]) -> Solving:
        metadata = stream.metadata
        return await self._of(str(metadata.get(_BUILD_ID, "")) if metadata is not None else "")

    async def _of(self, ref: str) -> Solving:
        """A solve, which may not have begun yet: its watcher and its driver can be quicker."""
        try:
            async with asyncio.timeout(10), self._begun:
                await self._begun.wait_for(lambda: ref in self._solving)
        except TimeoutError:
            raise GRPCError(Status.NOT_FOUND, f"no such job {ref}") from None
        return self._solving[ref]

    def _background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    def _forget(self, ref: str, solving: Solving) -> None:
        if self._solving.get(ref) is solving:
            del self._solving[ref]


def _refusal(error: WherryError) -> GRPCError:
    hint = f" ({error.hint})" if error.hint else ""
    return GRPCError(Status.UNKNOWN, f"{error.message}{hint}")


def _version() -> m.BuildkitVersion:
    from wherry import __version__

    return m.BuildkitVersion("wherry", f"v0.0.0+wherry.{__version__}", "")


def _worker() -> m.WorkerRecord:
    machine = platform.machine()
    here = m.Platform(_ARCHITECTURES.get(machine, machine), "linux", "")
    return m.WorkerRecord("wherry", _LABELS, [here], _version())
