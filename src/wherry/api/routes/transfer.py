"""Images in and out: pull, import, load, save, push."""

from __future__ import annotations

from wherry.api.call import Call
from wherry.api.credentials import registry_auth
from wherry.api.routing import Route
from wherry.api.streams.relay import relay, relay_progress
from wherry.errors import Unsupported


async def create(call: Call) -> None:
    """Docker's one door for two things: `fromImage` pulls, `fromSrc` imports a root filesystem."""
    query = call.query
    repo, source = query.text("fromImage"), query.text("fromSrc")
    if repo:
        credentials = registry_auth(call)
        await relay_progress(
            call,
            call.engine.images.pull(
                repo, tag=query.text("tag"), platform=query.text("platform"), credentials=credentials
            ),
        )
        return
    if source != "-":
        raise Unsupported(
            "importing from a URL is not supported", hint="fetch it and import it from standard input"
        )
    await relay_progress(
        call,
        call.engine.images.import_(
            call.archive(),
            repo=query.text("repo"),
            tag=query.text("tag"),
            message=query.text("message"),
            changes=query.texts("changes"),
            platform=query.text("platform"),
        ),
    )


async def load(call: Call) -> None:
    quiet = call.query.flag("quiet", True)
    await relay_progress(call, call.engine.images.load(call.archive(), quiet=quiet), always=True)


async def save_one(call: Call) -> None:
    pieces = await call.engine.images.save([call.name])
    await relay(await call.stream("application/x-tar"), pieces)


async def save_several(call: Call) -> None:
    pieces = await call.engine.images.save(call.query.texts("names"))
    await relay(await call.stream("application/x-tar"), pieces)


async def push(call: Call) -> None:
    await relay_progress(
        call,
        call.engine.images.push(call.name, tag=call.query.text("tag"), credentials=registry_auth(call)),
    )


ROUTES = [
    Route("POST", "/images/create", create, serves_client=True),
    Route("POST", "/images/load", load, serves_client=True),
    Route("GET", "/images/get", save_several, serves_client=True),
    Route("GET", "/images/{name}/get", save_one, serves_client=True),
    Route("POST", "/images/{name}/push", push, serves_client=True),
]
