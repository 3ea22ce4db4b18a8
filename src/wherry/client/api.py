"""Requests to an engine: JSON in, JSON out, the engine's errors as exceptions of a kind."""

from __future__ import annotations

import os

from wherry import errors
from wherry.client.address import chosen_address
from wherry.client.codec import decode, encode
from wherry.client.http import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from wherry.client.address import Address
    from wherry.client.http import Response, Stream

# RFC 3986's unreserved characters: all others are escaped in a query.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:")


def escape(text: str) -> str:
    """Percent-encode for a path or a query value; `/` and `:` stay, as Docker's clients leave them."""
    raw = text.encode("utf-8", "surrogateescape")
    if _PLAIN.issuperset(raw):
        return text
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)


def query(**values: object) -> str:
    """A query string of the values that are set; True is `1`; dicts and lists become JSON, as filters do."""
    pairs = []
    for name, value in values.items():
        if value is None or value is False or value == "" or value == {}:
            continue
        if value is True:
            value = "1"
        elif isinstance(value, (dict, list)):
            value = encode(value).decode()
        pairs.append(f"{name}={escape(str(value))}")
    return "?" + "&".join(pairs) if pairs else ""


class Client:
    """An engine, reached through `address`. Each call blocks until the engine answers.

    Not thread-safe. Calls share one connection; streams and upgrades have one of their own. Errors of the
    engine raise the `wherry.errors` kind of their status code, with the engine's own message.
    """

    def __init__(self, address: Address | str | None = None) -> None:
        if address is None or isinstance(address, str):
            address = chosen_address(address or "")
        self.address = address
        self._prefix = prefix()
        self._connection: Connection | None = None

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request with a JSON body, answered by one JSON document (None when the answer has no body)."""
        response = self._exchange(method, path, body)
        content = response.read()
        if response.headers.get("connection", "").lower() == "close":
            self.close()
        if response.status >= 400 or response.status == 304:
            raise failure(response.status, content)
        if not content.strip():
            return None
        return decode(content)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: object = None) -> Any:
        return self.call("POST", path, body)

    def delete(self, path: str) -> Any:
        return self.call("DELETE", path)

    def head(self, path: str) -> dict[str, str]:
        """The headers of the answer to a HEAD request. An error has no body here: only its kind."""
        connection = Connection(self.address.connect())
        try:
            connection.send("HEAD", self._prefix + path)
            response = connection.receive()
            if response.status >= 400:
                raise failure(response.status, b"")
            return response.headers
        finally:
            connection.close()

    def begin(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> Pending:
        """Send a request on a connection of its own, without waiting for the answer."""
        connection = Connection(self.address.connect())
        content = encode(body) if body is not None else None
        headers = {**({"Content-Type": "application/json"} if content is not None else {}), **(headers or {})}
        connection.send(method, self._prefix + path, headers=headers, body=content)
        return Pending(connection)

    def stream(self, method: str, path: str, body: object = None) -> Response:
        """A response whose body is read as it arrives. Close it to give it up."""
        return self.begin(method, path, body).response()

    def upload(
        self, method: str, path: str, body: Iterable[bytes], *, headers: dict[str, str] | None = None
    ) -> Response:
        """Send a body in chunks, e.g. a tar archive; the response's body is read as it arrives."""
        connection = Connection(self.address.connect())
        kind = {"Content-Type": "application/x-tar"}
        connection.send(method, self._prefix + path, headers={**kind, **(headers or {})}, body=body)
        return Pending(connection).response()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, method: str, path: str, body: object) -> Response:
        content = encode(body) if body is not None else None
        headers = {"Content-Type": "application/json"} if content is not None else None
        while True:
            reused = self._connection is not None
            connection = self._connection or Connection(self.address.connect())
            self._connection = connection
            sent = False
            try:
                connection.send(method, self._prefix + path, headers=headers, body=content)
                sent = True
                return connection.receive()
            except (OSError, errors.Unavailable) as error:
                self.close()
                # An idle connection may have been closed by the engine: then once more on a new one. Not when
                # a change was asked for and may have been made.
                if not reused or (sent and method not in ("GET", "DELETE")):
                    raise lost(self.address, error) from None


def lost(address: Address, error: Exception) -> errors.Unavailable:
    """Why the engine did not answer, from its log when it is our own and has ended."""
    if address.own:
        from wherry.client.autostart import ended_engine

        found = ended_engine(address.target)
        if found is not None:
            return found
    if isinstance(error, errors.Unavailable):
        return error
    return errors.Unavailable(f"lost the engine at {address}: {error}")


def prefix() -> str:
    """What stands before every path: the API version that DOCKER_API_VERSION asks for."""
    version = os.environ.get("DOCKER_API_VERSION")
    return f"/v{version}" if version else ""


class Pending:
    """A request that was sent, whose answer has not been read."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def response(self) -> Response:
        """The answer's head; raises the error that the engine answered."""
        response = self._connection.receive()
        if response.status >= 400 or response.status == 304:
            content = response.read()
            self._connection.close()
            raise failure(response.status, content)
        return response

    def upgraded(self) -> tuple[Stream, bytes]:
        """The raw stream of a request that asked for an upgrade, and what was already read from it."""
        return self.response().upgraded()

    def close(self) -> None:
        self._connection.close()


_KINDS: dict[int, type[errors.WherryError]] = {
    304: errors.NotModified,
    400: errors.Invalid,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    501: errors.Unsupported,
    503: errors.Unavailable,
}


def failure(status: int, content: bytes) -> errors.WherryError:
    """The exception for an engine's error answer: its message as it is, and its hint where it gives one."""
    message, hint = "", ""
    try:
        document = decode(content) if content.strip() else {}
        message = str(document.get("message") or "")
        hint = str(document.get("hint") or "")
    except (ValueError, AttributeError):
        message = content.decode("utf-8", "replace").strip()
    kind = _KINDS.get(status, errors.Invalid if 400 <= status < 500 else errors.Internal)
    return kind(message or f"the engine answered with status {status}", hint=hint)
