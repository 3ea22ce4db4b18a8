"""Images in and out: pull, import, load, save, push."""

from __future__ import annotations

import binascii

import msgspec

from wherry.api.call import Call
from wherry.api.routing import Route
from wherry.api.streams.relay import relay, relay_progress
from wherry.errors import Invalid, Unsupported


async def create(call: Call) -> None:
    """Docker's one door for two things: `fromImage` pulls, `fromSrc` imports a root filesystem."""
    query = call.query
    repo, source = query.text("fromImage"), query.text("fromSrc")
    if repo:
        credentials = _credentials(call)
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
    await relay_progress(call, call.engine.images.load(call.archive(), quiet=quiet))


async def save_one(call: Call) -> None:
    pieces = await call.engine.images.save([call.name])
    await relay(await call.stream("application/x-tar"), pieces)


async def save_several(call: Call) -> None:
    pieces = await call.engine.images.save(call.query.texts("names"))
    await relay(await call.stream("application/x-tar"), pieces)


async def push(call: Call) -> None:
    await relay_progress(
        call,
        call.engine.images.push(call.name, tag=call.query.text("tag"), credentials=_credentials(call)),
    )


def _credentials(call: Call) -> dict[str, str] | None:
    """The `X-Registry-Auth` header: URL-safe base64 of a JSON object. Raises Invalid."""
    header = call.request.head.headers.get("x-registry-auth", "").strip()
    if not header:
        return None
    try:
        plain = header.rstrip("=").replace("-", "+").replace("_", "/")
        raw = msgspec.json.decode(binascii.a2b_base64(plain + "=" * (-len(plain) % 4)))
    except (ValueError, msgspec.DecodeError):
        raise Invalid("invalid X-Registry-Auth header: must be base64 of a JSON object") from None
    if not isinstance(raw, dict):
        raise Invalid("invalid X-Registry-Auth header: must be base64 of a JSON object")
    return {name: value for name, value in raw.items() if isinstance(value, str)}


ROUTES = [
    Route("POST", "/images/create", create, serves_client=True),
    Route("POST", "/images/load", load, serves_client=True),
    Route("GET", "/images/get", save_several, serves_client=True),
    Route("GET", "/images/{name}/get", save_one, serves_client=True),
    Route("POST", "/images/{name}/push", push, serves_client=True),
]
