"""A container becomes an image."""

from __future__ import annotations

from wherry.api.call import Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.engine.models import ContainerConfig, IdResponse, from_wire


async def commit(call: Call) -> Response:
    query = call.query
    body = (await call.request.body()).strip()
    config = from_wire(ContainerConfig, body) if body not in (b"", b"null", b"{}") else None
    image = await call.engine.containers.commit(
        query.text("container"),
        repo=query.text("repo"),
        tag=query.text("tag"),
        comment=query.text("comment"),
        author=query.text("author"),
        pause=query.flag("pause") if query.text("pause") else True,
        changes=[line for text in query.texts("changes") for line in text.splitlines() if line.strip()],
        config=config,
    )
    return answer(IdResponse(id=image), 201)


ROUTES = [Route("POST", "/commit", commit)]
