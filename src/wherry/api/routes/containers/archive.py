"""Files in and out of containers: `cp` and `export`."""

from __future__ import annotations

import binascii

from wherry.api.call import Call
from wherry.api.http import Response
from wherry.api.routing import Route
from wherry.api.streams.relay import relay
from wherry.engine.models import PathStat, encode
from wherry.errors import Invalid


async def stat(call: Call) -> Response:
    found = await call.engine.containers.stat_path(call.name, _path(call))
    return Response(headers=_stat_header(found))


async def copy_out(call: Call) -> None:
    found, pieces = await call.engine.containers.copy_out(call.name, _path(call))
    await relay(await call.stream("application/x-tar", _stat_header(found)), pieces)


async def copy_in(call: Call) -> Response:
    await call.engine.containers.copy_in(
        call.name,
        _path(call),
        call.archive(),
        no_overwrite_dir_non_dir=call.query.flag("noOverwriteDirNonDir"),
        copy_uid_gid=call.query.flag("copyUIDGID"),
    )
    return Response()


async def export(call: Call) -> None:
    pieces = await call.engine.containers.export(call.name)
    await relay(await call.stream("application/octet-stream"), pieces)


def _path(call: Call) -> str:
    path = call.query.text("path")
    if not path:
        raise Invalid("bad parameter: path cannot be empty")
    return path


def _stat_header(found: PathStat) -> dict[str, str]:
    encoded = binascii.b2a_base64(encode(found), newline=False).decode()
    return {"X-Docker-Container-Path-Stat": encoded}


ROUTES = [
    Route("HEAD", "/containers/{name}/archive", stat),
    Route("GET", "/containers/{name}/archive", copy_out, serves_client=True),
    Route("PUT", "/containers/{name}/archive", copy_in),
    Route("GET", "/containers/{name}/export", export, serves_client=True),
]
