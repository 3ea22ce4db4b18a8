"""Waiting for a container to be of use: healthy, answering on a port, having said something."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from wherry.client.api import query
from wherry.client.objects.frames import Frames, Lines
from wherry.client.objects.steps import Call, Close, Knock, Open, Receive, Sleep, Steps
from wherry.errors import Unavailable

if TYPE_CHECKING:
    from wherry.client.objects.container import ContainerCore

_STEP = 0.05  # seconds between two looks


def details(identity: str) -> Steps[dict[str, Any]]:
    found: dict[str, Any] = yield Call("GET", f"/containers/{identity}/json")
    return found


def until_healthy(identity: str, timeout: float) -> Steps[None]:
    deadline = time.monotonic() + timeout
    while True:
        state = (yield from details(identity))["State"]
        health = (state.get("Health") or {}).get("Status") or "none"
        if health == "healthy":
            return
        yield from _still_running(identity, state)
        if health == "none":
            raise Unavailable(
                f"container {identity[:12]} has no health check", hint="run(…, health='command')"
            )
        if health == "unhealthy":
            log = (state["Health"].get("Log") or [{}])[-1]
            raise Unavailable(f"container {identity[:12]} is unhealthy: {log.get('Output', '').strip()}")
        yield from _pause(deadline, f"container {identity[:12]} is still {health} after {timeout:g} s")


def until_port(container: ContainerCore[Any], port: int | str, timeout: float) -> Steps[tuple[str, int]]:
    deadline = time.monotonic() + timeout
    address = yield from container._address(port)
    while True:
        if (yield Knock(address)):
            return address
        yield from _still_running(container.id, (yield from details(container.id))["State"])
        yield from _pause(
            deadline, f"nothing answers on port {port} of {container.id[:12]} after {timeout:g} s"
        )


def until_line(identity: str, text: str, timeout: float) -> Steps[str]:
    pattern = re.compile(text)
    deadline = time.monotonic() + timeout
    raw = bool((yield from details(identity))["Config"].get("Tty"))
    path = f"/containers/{identity}/logs" + query(stdout=True, stderr=True, follow=True, tail="all")
    channel = yield Open("GET", path)
    decoder = Lines(raw=raw)
    try:
        while piece := (yield Receive(channel, max(0.001, deadline - time.monotonic()))):
            for line in decoder.feed(piece):
                if pattern.search(line):
                    return line
        for line in decoder.end():
            if pattern.search(line):
                return line
    except TimeoutError:
        raise Unavailable(f"container {identity[:12]} did not write {text!r} in {timeout:g} s") from None
    finally:
        yield Close(channel)
    end = yield from last_lines(identity, raw=raw)
    raise Unavailable(f"container {identity[:12]} ended without writing {text!r}:\n{end}")


def last_lines(identity: str, *, raw: bool) -> Steps[str]:
    """The last ten lines of a container's log."""
    channel = yield Open("GET", f"/containers/{identity}/logs" + query(stdout=True, stderr=True, tail="10"))
    frames, found = Frames(raw=raw), b""
    try:
        while piece := (yield Receive(channel)):
            found += b"".join(data for _, data in frames.feed(piece))
    finally:
        yield Close(channel)
    return found.decode("utf-8", "replace").strip()


def _still_running(identity: str, state: dict[str, Any]) -> Steps[None]:
    if not state["Running"]:
        end = yield from last_lines(identity, raw=False)
        raise Unavailable(f"container {identity[:12]} ended with code {state['ExitCode']}:\n{end}")


def _pause(deadline: float, message: str) -> Steps[None]:
    if time.monotonic() > deadline:
        raise Unavailable(message)
    yield Sleep(_STEP)
