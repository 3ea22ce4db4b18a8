"""What a build made, brought to where the client wants it: the store, a registry, back over the session."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec
from grpclib.client import StreamStreamMethod
from grpclib.exceptions import GRPCError, StreamTerminatedError

from wherry.build.events import StageEnded, StepDone, StepOutput, StepStarted, Warned
from wherry.build.finish import Built
from wherry.build.sources import File, LayerFiles
from wherry.buildkit import messages as m
from wherry.buildkit.modes import go_mode
from wherry.buildkit.progress import Progress
from wherry.buildkit.sessions import Session
from wherry.engine.builds.deliver import deliver
from wherry.engine.builds.order import BuildOrder
from wherry.errors import Invalid
from wherry.store.apart import to_its_end
from wherry.store.tar import Kind

if TYPE_CHECKING:
    from wherry.engine.builds import Builds

__all__ = ["bring"]

_EXPORTER = "buildkit-attachable-exporter-id"
_LARGEST = 1 << 20  # bytes of one message
_STAT, _REQ, _DATA, _FIN, _ERR = range(5)


async def bring(
    builds: Builds, order: BuildOrder, built: list[Built], place: str, session: Session, progress: Progress
) -> dict[str, str]:
    """Carry out the order's outputs; what BuildKit's exporters would answer. Raises what went wrong."""
    metadata: dict[str, Any] = {}
    vertex = await progress.step("exporting")
    try:
        for number, output in enumerate(order.outputs):
            if output.kind == "local":
                await _send_files(builds, built[0], session, number)
        rest = msgspec.structs.replace(order, outputs=[_without_files(output) for output in order.outputs])
        async with contextlib.aclosing(_Files(session)) as files:
            async for event in deliver(builds, rest, built, place, metadata):
                if isinstance(event, StepStarted | StepOutput | StepDone | StageEnded | Warned):
                    await progress.say(event)
                elif event.get("event") == "files":
                    await files.write(event["to"], base64.b64decode(event["data"]))
                else:
                    await progress.say(event)
    except BaseException as error:
        await progress.done(vertex, str(error))
        raise
    await progress.done(vertex)
    return {name: _text(value) for name, value in metadata.items()}


def _without_files(output: Any) -> Any:
    """An output that is done, as one that does nothing: the others keep their numbers."""
    return msgspec.structs.replace(output, kind="cacheonly", fields={}) if output.kind == "local" else output


def _text(value: Any) -> str:
    """Structures are base64 of JSON, as BuildKit has them."""
    return value if isinstance(value, str) else base64.b64encode(msgspec.json.encode(value)).decode()


class _Files:
    """Archives on their way to the client, one stream an output."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._stack = contextlib.AsyncExitStack()
        self._streams: dict[int, Any] = {}

    async def write(self, number: int, data: bytes) -> None:
        """More of one output. Raises Invalid when the client takes no more."""
        if number not in self._streams:
            method = StreamStreamMethod(
                self._session.channel, "/moby.filesync.v1.FileSend/DiffCopy", m.Bytes, m.Bytes
            )
            stream = await self._stack.enter_async_context(method.open(metadata={_EXPORTER: str(number)}))
            await stream.send_request()
            self._streams[number] = stream
        for at in range(0, len(data), _LARGEST):
            await self._streams[number].send_message(m.Bytes(data[at : at + _LARGEST]))

    async def aclose(self) -> None:
        """End them, and wait until the client has written everything."""
        try:
            for stream in self._streams.values():
                await stream.end()
                while await stream.recv_message() is not None:
                    pass
            await self._stack.aclose()
        except (GRPCError, StreamTerminatedError) as error:
            raise Invalid(f"the client did not take the output: {error}") from None


async def _send_files(builds: Builds, built: Built, session: Session, number: int) -> None:
    """The files of the result into a directory of the client's."""
    files = LayerFiles(builds.layer_directories(built.state.layers))
    method = StreamStreamMethod(session.channel, "/moby.filesync.v1.FileSend/DiffCopy", m.Packet, m.Packet)
    try:
        async with method.open(metadata={_EXPORTER: str(number)}) as stream:
            await stream.send_request()
            listed = await to_its_end(lambda: list(files.walk("")))
            for file in listed:
                await stream.send_message(m.Packet(type=_STAT, stat=_stat(file)))
            await stream.send_message(m.Packet(type=_STAT))
            while (packet := await stream.recv_message()) is not None:
                if packet.type == _REQ:
                    if packet.id >= len(listed):
                        raise Invalid("the client asks for a file that is not there")
                    async for data in _pieces(files, listed[packet.id]):
                        await stream.send_message(m.Packet(type=_DATA, id=packet.id, data=data))
                    await stream.send_message(m.Packet(type=_DATA, id=packet.id))
                elif packet.type == _ERR:
                    raise Invalid(f"error from the client: {packet.data.decode('utf-8', 'replace')}")
                elif packet.type == _FIN:
                    await stream.send_message(m.Packet(type=_FIN), end=True)
                    break
            await stream.recv_trailing_metadata()
    except (GRPCError, StreamTerminatedError) as error:
        raise Invalid(f"the client did not take the output: {error}") from None
    finally:
        files.close()


async def _pieces(files: LayerFiles, file: File) -> AsyncIterator[bytes]:
    pieces = files.read(file)
    while data := await to_its_end(next, pieces, b""):
        yield data


def _stat(file: File) -> m.Stat:
    return m.Stat(
        path=file.path,
        mode=go_mode(file),
        uid=file.uid,
        gid=file.gid,
        size=file.size if file.kind == Kind.FILE else 0,
        mtime=file.mtime_ns,
        link=file.link,
    )
