"""Samples of several containers at once, as their streams bring them."""

from __future__ import annotations

import selectors
import time

from wherry.errors import WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from wherry.client.api import Client
    from wherry.client.http import Response

_PAUSE = 0.5  # seconds between two pictures, at the least
_QUIET = 2.0  # seconds without news after which there is one all the same


class Watch:
    """The stats streams of some containers. With `follow`, those that start join and those that end leave."""

    def __init__(self, client: Client, names: list[str], *, follow: bool) -> None:
        self.drawn = False
        self._client = client
        self._samples: dict[str, Any] = {}
        self._streams: dict[int, tuple[str, Response, Iterator[Any]]] = {}
        self._poll = selectors.DefaultSelector()
        if follow:
            path = "/events?filters=" + '{"type":["container"],"event":["start","die"]}'.replace('"', "%22")
            self._add("", path)
        for name in names:
            self._join(name)

    def rounds(self) -> Iterator[dict[str, Any]]:
        """The latest sample of each container, again and again.

        Ends when all containers that were named ended.
        """
        drawn = 0.0
        while self._streams:
            ready = self._poll.select(_QUIET)
            for key, _ in ready:
                self._read(key.fd)
            if not ready or time.monotonic() - drawn >= _PAUSE:
                drawn = time.monotonic()
                yield self._samples

    def close(self) -> None:
        for _, response, _ in self._streams.values():
            response.close()
        self._streams.clear()
        self._poll.close()

    def _join(self, name: str) -> None:
        self._samples.setdefault(name, None)
        self._add(name, f"/containers/{name}/stats?stream=1")

    def _add(self, name: str, path: str) -> None:
        response = self._client.stream("GET", path)
        fd = response.fileno()
        self._streams[fd] = (name, response, response.documents())
        self._poll.register(fd, selectors.EVENT_READ)

    def _read(self, fd: int) -> None:
        """Take the next document of a stream, and those that arrived with it."""
        name, response, documents = self._streams[fd]
        while True:
            try:
                document = next(documents, None)
            except WherryError:
                document = None
            if document is None:
                self._poll.unregister(fd)
                del self._streams[fd]
                response.close()
                self._samples.pop(name, None)
                return
            if name:
                self._samples[name] = document
            elif document.get("Action") == "start":
                self._join(document["Actor"]["ID"])
            else:
                self._samples.pop(document["Actor"]["ID"], None)
            if not response.has_more():
                return
