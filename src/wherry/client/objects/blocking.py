"""Operations driven by calls that block."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from wherry.client.objects import steps as do
from wherry.client.objects.waiting import answers, exchange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wherry.client.http import Response
    from wherry.client.objects.connections import Connections
    from wherry.client.objects.steps import Step, Steps

R = TypeVar("R")


class Channel:
    """The body of one answer."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._pieces: Iterator[bytes] = response.chunks()

    def receive(self, timeout: float | None) -> bytes:
        self._response.settimeout(timeout)
        return next(self._pieces, b"")

    def close(self) -> None:
        self._response.close()


class Driver:
    """Drives operations over one client for each thread."""

    def __init__(self, connections: Connections) -> None:
        self.connections = connections

    def drive(self, steps: Steps[R]) -> R:
        """Go through the steps; their result. Raises what they raise."""
        try:
            step = next(steps)
            while True:
                try:
                    value = self._do(step)
                except BaseException as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(value)
        except StopIteration as stop:
            found: R = stop.value
            return found

    def _do(self, step: Step) -> Any:
        client = self.connections.client
        match step:
            case do.Call(method, path, body):
                return client.call(method, path, body)
            case do.Receive(channel, timeout):
                return channel.receive(timeout)
            case do.Close(channel):
                return channel.close()
            case do.Open(method, path, body, headers, None):
                return Channel(client.begin(method, path, body, headers=dict(headers or {})).response())
            case do.Open(method, path, _, headers, pieces):
                assert pieces is not None
                return Channel(client.upload(method, path, pieces, headers=dict(headers or {})))
            case do.Exchange(path, body, stdin):
                stream, left = client.begin("POST", path, body, headers=do.UPGRADE).upgraded()
                return exchange(stream, left, stdin)
            case do.Sleep(seconds):
                return time.sleep(seconds)
            case do.Knock(address):
                return answers(address)
            case do.Aside(work):
                return work(client)
