"""Builds: `POST /build` as Docker's classic builder has it, the same for our own command line, the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from wherry.api.call import Call, answer
from wherry.api.credentials import registry_config
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.api.streams.relay import relay_progress
from wherry.errors import Invalid, Unsupported

if TYPE_CHECKING:
    import socket

    from wherry.engine.builds import BuildOrder

_LIMITS = {
    "memory": "Memory",
    "memswap": "MemorySwap",
    "cpushares": "CpuShares",
    "cpuperiod": "CpuPeriod",
    "cpuquota": "CpuQuota",
}
_WORDS = {"cpusetcpus": "CpusetCpus", "cpusetmems": "CpusetMems", "cgroupparent": "CgroupParent"}


async def build(call: Call) -> None:
    if call.query.text("version") == "2":
        raise Unsupported("BuildKit is not spoken by this endpoint", hint="install docker-buildx")
    order = _order(call)
    quiet = call.query.flag("q")
    await relay_progress(call, call.engine.builds.classic(order, call.archive(), quiet=quiet))


def _order(call: Call) -> BuildOrder:
    from wherry.engine.builds import BuildOrder, ContextOrder
    from wherry.oci import parse_reference

    query = call.query
    for name in ("outputs", "isolation"):
        if name in query and query.text(name) not in ("", "0", "false", "default", "[]"):
            raise Unsupported(
                f"builds with {name!r} are not supported by this endpoint", hint="use wherry build"
            )
    limits: dict[str, Any] = {}
    for name, member in _LIMITS.items():
        number = query.number(name)
        if number:
            limits[member] = number
    for name, member in _WORDS.items():
        if query.text(name):
            limits[member] = query.text(name)
    ulimits = _json(query.text("ulimits"), "ulimits")
    if ulimits:
        limits["Ulimits"] = ulimits
    hosts = [host for text in query.texts("extrahosts") for host in text.split(",") if host]
    if hosts:
        limits["ExtraHosts"] = hosts
    tags = [tag for tag in query.texts("t") if tag]
    for tag in tags:
        if parse_reference(tag).digest:
            raise Invalid(f"invalid tag {tag!r}: a digest can't be given to a build")
    args = _json(query.text("buildargs"), "buildargs") or {}
    labels = _json(query.text("labels"), "labels") or {}
    if not isinstance(args, dict) or not isinstance(labels, dict):
        raise Invalid("buildargs and labels must be JSON objects")
    images = _json(query.text("cachefrom"), "cachefrom") or []
    if not isinstance(images, list):
        raise Invalid("cachefrom must be a JSON array of images")
    epoch = args.get("SOURCE_DATE_EPOCH")
    remote = query.text("remote")
    return BuildOrder(
        context=ContextOrder("remote", remote) if remote else ContextOrder("archive"),
        place=remote,
        auths=registry_config(call),
        name=query.text("dockerfile") or "Dockerfile",
        target=query.text("target"),
        args={str(name): None if value is None else str(value) for name, value in args.items()},
        labels={str(name): str(value) for name, value in labels.items()},
        tags=tags,
        no_cache=query.flag("nocache"),
        pull=query.flag("pull"),
        network=query.text("networkmode"),
        platform=query.text("platform"),
        shm_size=query.number("shmsize", 0) or 0,
        limits=limits,
        epoch=int(epoch) if epoch and str(epoch).isdigit() else None,
        squash=query.flag("squash"),
        cache_images=[str(name) for name in images],
    )


def _json(text: str, what: str) -> Any:
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Invalid(f"error reading {what}: {error}") from None


async def prune(call: Call) -> Response:
    query = call.query
    gone, freed = await call.engine.builds.prune(
        query.filters(),
        everything=query.flag("all"),
        reserved=query.number("reserved-space") or query.number("keep-storage") or 0,
        most=query.number("max-used-space") or 0,
        free=query.number("min-free-space") or 0,
    )
    return answer({"CachesDeleted": gone, "SpaceReclaimed": freed})


async def usage(call: Call) -> Response:
    rows = await call.engine.builds.usage()
    return answer({"Entries": [row._asdict() for row in rows]})


async def session(call: Call) -> None:
    """A client that is going to build offers its files, secrets, agents and credentials."""
    connection, early = await _upgraded(call)
    from wherry.buildkit.control import buildkit_of

    sessions = buildkit_of(call.engine.builds).sessions
    await sessions.serve(call.request.head.headers, connection, early)


async def grpc(call: Call) -> None:
    """BuildKit's own services."""
    connection, early = await _upgraded(call)
    from wherry.buildkit.control import buildkit_of

    await buildkit_of(call.engine.builds).serve(connection, early)


async def _upgraded(call: Call) -> tuple[socket.socket, bytes]:
    if call.request.head.upgrade != "h2c":
        raise Invalid("no h2c upgrade was asked for")
    head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    return await call.request.hijack(f"{head}{call.request.base}\r\n".encode())


async def cancel(_call: Call) -> Response:
    raise Unsupported("builds are not cancelled by id", hint="end the connection of the build")


ROUTES = [
    Route("POST", "/build", build, serves_client=True),
    Route("POST", "/build/prune", prune),
    Route("GET", "/build/usage", usage),
    Route("POST", "/build/cancel", cancel),
    Route("POST", "/session", session, serves_client=True),
    Route("POST", "/grpc", grpc, serves_client=True),
]
