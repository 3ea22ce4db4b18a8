"""`--dry-run`: questions go to the engine, changes to a stage, which answers as if they were made.

So every verb takes the very steps that it takes otherwise, and what it tells of them is what would happen.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from wherry.client.api import Client
from wherry.client.codec import decode
from wherry.client.credentials import auth_header
from wherry.client.objects.connections import Connections
from wherry.compose.stage import Stage, asked


class Rehearsal(Connections):
    """Connections to an engine that is only asked. Threads share one stage."""

    def __init__(self, address: str | None = None) -> None:
        super().__init__(address)
        self._stage, self._stage_lock = Stage(), threading.Lock()

    def make(self) -> Client:
        return _Rehearsing(self._address, self._stage, self._stage_lock)


class _Rehearsing(Client):
    def __init__(self, address: str | None, stage: Stage, lock: threading.Lock) -> None:
        super().__init__(address)
        self._stage, self._lock = stage, lock

    def __del__(self) -> None:
        self.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        with self._lock:
            if method == "GET":
                return self._stage.read(path, self._ask)
            return self._stage.change(method, path, body, self._ask)

    def _ask(self, path: str) -> Any:
        return super().call("GET", path)

    def begin(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> Any:
        """As `Client.begin`. Instead of a pull the registry is asked whether there is such an image."""
        if method == "GET":
            return super().begin(method, path, body, headers=headers)
        kind, _, what, values = asked(path)
        if (kind, what) == ("images", "create"):
            self._look_up(values["fromImage"], values["tag"])
        return _Answer()

    def _look_up(self, repository: str, version: str) -> None:
        name = f"{repository}{'@' if ':' in version else ':'}{version}"
        response = (
            super().begin("GET", f"/distribution/{name}/json", headers=auth_header(repository)).response()
        )
        try:
            digest = str(response.json()["Descriptor"]["digest"])
        finally:
            response.close()
        with self._lock:
            for known in {name, name.removesuffix(":latest")}:
                self._stage.has_image(known, digest)

    def upload(
        self, method: str, path: str, body: Iterable[bytes], *, headers: dict[str, str] | None = None
    ) -> Any:
        """As `Client.upload`, but nothing is sent; a build makes its image at once."""
        kind, _, what, values = asked(path)
        if kind == "build":
            # Our own kind of build begins with its description, four bytes with its length before it.
            name = decode(next(iter(body))[4:])["tags"][0] if what == "wherry" else values["t"]
            with self._lock:
                self._stage.has_image(name)
        return _Answer()


class _Answer:
    """What a request is answered that was not sent: all went well, and there is nothing to tell."""

    def response(self) -> _Answer:
        return self

    def upgraded(self) -> tuple[_Ended, bytes]:
        return _Ended(), b""

    def documents(self) -> Iterator[dict[str, Any]]:
        yield {"event": "built"}

    def json(self) -> dict[str, Any]:
        return {"StatusCode": 0}

    def read(self) -> bytes:
        return b""

    def close(self) -> None:
        pass


class _Ended:
    """A stream that has come to its end."""

    def recv(self, _size: int) -> bytes:
        return b""

    def recv_into(self, _buffer: bytearray | memoryview) -> int:
        return 0

    def shutdown(self, _how: int) -> None:
        pass

    def close(self) -> None:
        pass
