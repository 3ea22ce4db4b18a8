"""One call of the API: what a handler needs to translate it to the engine and back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from wherry.api.http import Request, Response, ResponseStream
from wherry.api.query import Query
from wherry.api.versions import ApiVersion
from wherry.engine.models import Wire, encode, from_wire
from wherry.errors import Invalid

if TYPE_CHECKING:
    from wherry.engine.engine import Engine

W = TypeVar("W", bound=Wire)


class Call:
    """A request that has found its route."""

    __slots__ = ("engine", "params", "query", "request", "version")

    def __init__(
        self, engine: Engine, request: Request, version: ApiVersion, params: Mapping[str, str]
    ) -> None:
        self.engine = engine
        self.request = request
        self.version = version
        self.params = params
        self.query = Query(request.head.query)

    @property
    def name(self) -> str:
        """What the path's `{name}` took: a container, an image, …"""
        return self.params["name"]

    async def read(self, kind: type[W]) -> W:
        """The body as one of the engine's values. Raises Invalid, in Docker's words where it has some."""
        body = await self.request.body()
        media = self.request.head.headers.get("content-type", "")
        if media:
            if media.partition(";")[0].strip().lower() != "application/json":
                raise Invalid(f"unsupported Content-Type header ({media}): must be 'application/json'")
        elif body:
            raise Invalid("malformed Content-Type header (): mime: no media type")
        if body and not body.strip():
            raise Invalid("invalid JSON: got EOF while reading request body")
        return from_wire(kind, body)

    def archive(self) -> AsyncIterator[bytes]:
        """The body piece by piece, however long."""
        return self.request.chunks()

    async def stream(
        self, content_type: str = "application/json", headers: Mapping[str, str] | None = None
    ) -> ResponseStream:
        """Begin an answer of unknown length; its head goes out at once."""
        return await self.request.stream(content_type, headers=headers)


def answer(value: Any, status: int = 200) -> Response:
    """A value as JSON, ended by a newline as Go's encoder does."""
    return Response(status, encode(value) + b"\n")


NO_CONTENT = Response(204)
