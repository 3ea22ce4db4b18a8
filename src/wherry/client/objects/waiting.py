"""Waiting for a container to be of use: healthy, answering on a port, having said something."""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from typing import TYPE_CHECKING

from wherry.client.objects.frames import gathered
from wherry.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wherry.client.http import Stream
    from wherry.client.objects.container import Container

_STEP = 0.05  # seconds between two looks


def until_healthy(container: Container, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        state = container.inspect()["State"]
        health = (state.get("Health") or {}).get("Status") or "none"
        if health == "healthy":
            return
        _still_running(container, state)
        if health == "none":
            raise Unavailable(
                f"container {container.id[:12]} has no health check", hint="run(…, health='command')"
            )
        if health == "unhealthy":
            log = (state["Health"].get("Log") or [{}])[-1]
            raise Unavailable(f"container {container.id[:12]} is unhealthy: {log.get('Output', '').strip()}")
        _pause(deadline, f"container {container.id[:12]} is still {health} after {timeout:g} s")


def until_port(container: Container, port: int | str, timeout: float) -> tuple[str, int]:
    deadline = time.monotonic() + timeout
    address = container.address(port)
    while True:
        if _answers(address):
            return address
        _still_running(container, container.inspect()["State"])
        _pause(deadline, f"nothing answers on port {port} of {container.id[:12]} after {timeout:g} s")


def _answers(address: tuple[str, int]) -> bool:
    """Whether a connection is taken and kept: what publishes a port may take it before the service does."""
    try:
        with socket.create_connection(address, timeout=1) as connection:
            connection.settimeout(0.1)
            try:
                return connection.recv(1) != b""
            except TimeoutError:
                return True
    except OSError:
        return False


def until_line(container: Container, text: str, timeout: float) -> str:
    pattern = re.compile(text)
    found: list[str] = []
    failed: list[Exception] = []

    def read() -> None:
        try:
            for line in container.follow():
                if pattern.search(line):
                    found.append(line)
                    return
        except Exception as error:
            failed.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout)
    if found:
        return found[0]
    if failed:
        raise failed[0]
    if reader.is_alive():
        raise Unavailable(f"container {container.id[:12]} did not write {text!r} in {timeout:g} s")
    raise Unavailable(f"container {container.id[:12]} ended without writing {text!r}:\n{_end(container)}")


def _still_running(container: Container, state: dict[str, object]) -> None:
    if not state["Running"]:
        raise Unavailable(
            f"container {container.id[:12]} ended with code {state['ExitCode']}:\n{_end(container)}"
        )


def _end(container: Container) -> str:
    return container.logs(tail=10).strip()


def _pause(deadline: float, message: str) -> None:
    if time.monotonic() > deadline:
        raise Unavailable(message)
    time.sleep(_STEP)


def exchange(stream: Stream, left: bytes, stdin: bytes) -> tuple[bytes, bytes]:
    """Send input and read output at once, so that neither side waits for the other; closes the stream."""

    def pieces() -> Iterator[bytes]:
        if left:
            yield left
        waiting = memoryview(stdin)
        stream.settimeout(0.0)
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLIN | select.POLLOUT)
        if not waiting:
            _end_input(stream, poll)
        while True:
            event = poll.poll()[0][1]
            if event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                try:
                    piece = stream.recv(1 << 18)
                except BlockingIOError:
                    continue
                except ConnectionResetError:
                    return
                if not piece:
                    return
                yield piece
            if waiting and event & select.POLLOUT:
                try:
                    waiting = waiting[stream.send(waiting[: 1 << 18]) :]
                except BlockingIOError:
                    continue
                except (BrokenPipeError, ConnectionResetError):
                    waiting = waiting[:0]
                if not waiting:
                    _end_input(stream, poll)

    try:
        return gathered(pieces(), raw=False)
    finally:
        stream.close()


def _end_input(stream: Stream, poll: select.poll) -> None:
    poll.modify(stream.fileno(), select.POLLIN)
    try:
        stream.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # it was quicker
