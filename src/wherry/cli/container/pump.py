"""The middle of every attached command: bytes between this process and a container, both ways at once."""

from __future__ import annotations

import os

from wherry.client.demux import BUFFER, Demultiplexer, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.container.detach import KeyWatch
    from wherry.client.http import Stream

_INPUT = 1 << 16  # bytes read from standard input at once
_ENOUGH = 1 << 18  # bytes waiting to be sent at which standard input is left unread


def pump(
    stream: Stream, left: bytes, *, raw: bool, stdin: bool, keys: KeyWatch | None = None, stderr: int = 2
) -> bool:
    """Copy until the engine ends the stream; True when the detach keys were typed instead.

    `raw`: a terminal's bytes, not Docker's frames. `stdin`: pass standard input on; its end half-closes the
    stream and the output goes on. `left`: what was already read from the stream. Blocks; signal handlers run
    in between. Closes the stream.
    """
    output = OutputCopy(raw=raw, stderr=stderr)
    try:
        if left:
            output.feed(memoryview(left))
        if stdin:
            return _both_ways(stream, output, keys)
        buffer = bytearray(BUFFER)
        view = memoryview(buffer)
        while count := _receive(stream, view):
            output.feed(view[:count])
        return False
    finally:
        stream.close()


class OutputCopy:
    """Where a container's output goes: `feed` writes the next bytes of it. `raw` as for `pump`."""

    __slots__ = ("feed",)

    def __init__(self, *, raw: bool, stderr: int = 2) -> None:
        self.feed = _write_raw if raw else Demultiplexer(1, stderr).feed


def _write_raw(data: memoryview) -> None:
    write_all(1, [data])


def _receive(stream: Stream, view: memoryview) -> int:
    try:
        return stream.recv_into(view)
    except ConnectionResetError:
        return 0


def _both_ways(stream: Stream, output: OutputCopy, keys: KeyWatch | None) -> bool:
    import select

    if not hasattr(select, "poll"):
        from wherry.cli.container.threaded_pump import both_ways

        return both_ways(stream, output, keys)
    readable, writable = select.POLLIN | select.POLLHUP | select.POLLERR, select.POLLOUT
    poll = select.poll()
    stream.settimeout(0.0)
    socket_fd = stream.fileno()
    view = memoryview(bytearray(BUFFER))
    waiting = b""  # input that the engine has not taken yet
    ended = closed = listening = False
    poll.register(socket_fd, select.POLLIN)
    while True:
        hears = not ended and len(waiting) < _ENOUGH
        if hears != listening:
            poll.register(0, select.POLLIN) if hears else poll.unregister(0)
            listening = hears
        for fd, event in poll.poll():
            if fd == socket_fd and event & readable:
                try:
                    count = _receive(stream, view)
                except BlockingIOError:
                    continue
                if not count:
                    return False
                output.feed(view[:count])
            elif fd == 0:
                data, detached = _typed(keys)
                if detached:
                    return True
                ended = ended or data is None
                waiting += data or b""
        if waiting:
            waiting = _send(stream, waiting)
        if ended and not waiting and not closed:
            closed = True
            _half_close(stream)
        poll.modify(socket_fd, select.POLLIN | (writable if waiting else 0))


def _typed(keys: KeyWatch | None) -> tuple[bytes | None, bool]:
    """What standard input has now (None at its end), and whether the detach keys are complete."""
    try:
        data = os.read(0, _INPUT)
    except BlockingIOError:
        return b"", False
    except OSError:
        return None, False  # the terminal is gone
    if not data:
        return None, False
    return keys.pass_on(data) if keys is not None else (data, False)


def _send(stream: Stream, data: bytes) -> bytes:
    """Send what the engine takes now; return the rest. Nothing is left when it takes no more at all."""
    try:
        return data[stream.send(data) :]
    except BlockingIOError:
        return data
    except (BrokenPipeError, ConnectionResetError):
        return b""


def _half_close(stream: Stream) -> None:
    try:
        stream.shutdown(1)  # SHUT_WR
    except OSError:
        pass  # the container was quicker
