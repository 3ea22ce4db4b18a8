"""What a container shows of itself: logs, processes, statistics, changed files."""

from __future__ import annotations

from wherry.api.call import Call, answer
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.api.streams.media import media_type
from wherry.api.streams.relay import relay, relay_json
from wherry.errors import Invalid


async def logs(call: Call) -> None:
    query = call.query
    stdout, stderr = query.flag("stdout"), query.flag("stderr")
    if not stdout and not stderr:
        raise Invalid("Bad parameters: you must choose at least one stream")
    pieces = await call.engine.containers.logs(
        call.name,
        stdout=stdout,
        stderr=stderr,
        follow=query.flag("follow"),
        since=query.instant("since"),
        until=query.instant("until"),
        timestamps=query.flag("timestamps"),
        details=query.flag("details"),
        tail=_tail(query.text("tail")),
    )
    tty = (await call.engine.containers.inspect(call.name)).config.tty
    await relay(await call.stream(media_type(call.version, tty=tty)), pieces)


def _tail(text: str) -> int | None:
    """`all`, and what is no number of lines, means all of them, as in Docker."""
    return int(text) if text.isascii() and text.isdigit() else None


async def top(call: Call) -> Response:
    return answer(await call.engine.containers.top(call.name, call.query.text("ps_args") or "-ef"))


async def stats(call: Call) -> None:
    streaming, one_shot = call.query.flag("stream", True), call.query.flag("one-shot")
    if streaming and one_shot:
        raise Invalid("cannot have stream=true and one-shot=true")
    readings = call.engine.containers.stats(call.name, stream=streaming, one_shot=one_shot)
    await relay_json(await call.stream(), readings)


async def changes(call: Call) -> Response:
    return answer(list(await call.engine.containers.changes(call.name)))


ROUTES = [
    Route("GET", "/containers/{name}/logs", logs, serves_client=True),
    Route("GET", "/containers/{name}/top", top),
    Route("GET", "/containers/{name}/stats", stats, serves_client=True),
    Route("GET", "/containers/{name}/changes", changes),
]
