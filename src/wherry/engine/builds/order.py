"""What our command line asks for, as it is sent; and the request that it becomes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import msgspec

from wherry.build.ignore import parse_ignore
from wherry.build.request import Context, Request
from wherry.build.sharing.layouts import LayoutBase
from wherry.build.sources import Files
from wherry.errors import Invalid, Unsupported
from wherry.oci.manifest import Descriptor
from wherry.store.apart import to_its_end
from wherry.store.feed import Feed

from .agents import Agents
from .bundle import check_attests
from .contexts import from_archive, from_directory, from_remote, is_seen, read_dockerfile
from .outputs import cache_source, cache_target, output

__all__ = ["BuildOrder", "ContextOrder", "prepare", "requests_of"]


class ContextOrder(msgspec.Struct):
    """`kind`: directory (with `boot`, `device`, `inode` to know that it is the same one here), archive (it
    follows), remote, image, layout (a directory, with `tag` or `digest`)."""

    kind: str
    path: str = ""
    boot: str = ""
    device: int = 0
    inode: int = 0
    ignore: str = ""
    tag: str = ""
    digest: str = ""


class CacheOrder(msgspec.Struct):
    """One `--cache-from` or `--cache-to`: its fields, `type` among them. `directory` says where a local one
    is read; `have` is what a local one that is written has already: descriptors by diff id."""

    fields: dict[str, str]
    directory: ContextOrder | None = None
    have: dict[str, Descriptor] = {}


class OutputOrder(msgspec.Struct):
    """One `--output`: its kind and its other fields, without those that only concern the client."""

    kind: str
    fields: dict[str, str] = {}


class BuildOrder(msgspec.Struct):
    """`dockerfile` is its text when it is not in the context; `secrets` are base64;
    `agents` are tokens of SSH agents that were lent before."""

    name: str = "Dockerfile"
    dockerfile: str | None = None
    context: ContextOrder | None = None
    contexts: dict[str, ContextOrder] = {}
    place: str = ""
    target: str = ""
    args: dict[str, str | None] = {}
    labels: dict[str, str] = {}
    tags: list[str] = []
    no_cache: bool = False
    no_cache_stages: list[str] = []
    pull: bool = False
    network: str = ""
    platform: str = ""
    secrets: dict[str, str] = {}
    agents: dict[str, str] = {}
    epoch: int | None = None
    insecure: bool = False
    host_network: bool = False
    keep_failed: bool = False
    attests: dict[str, dict[str, str]] = {}
    annotations: list[str] = []
    squash: bool = False
    shm_size: int = 0
    limits: dict[str, Any] = {}
    outputs: list[OutputOrder] = []
    cache_from: list[CacheOrder] = []
    cache_to: list[CacheOrder] = []
    cache_images: list[str] = []
    check: bool = False
    auths: dict[str, dict[str, str]] = {}


async def prepare(
    order: BuildOrder, archive: AsyncIterator[bytes], workplace: str, root: str, agents: Agents
) -> Request:
    """The request; the caller closes its files. Raises Invalid, and Conflict when a directory is not seen
    here."""
    with ExitStack() as opened:
        request = await _prepare(order, archive, workplace, root, agents, opened)
        opened.pop_all()
        return request


async def _prepare(
    order: BuildOrder,
    archive: AsyncIterator[bytes],
    workplace: str,
    root: str,
    agents: Agents,
    opened: ExitStack,
) -> Request:
    outputs = [output(one, order.tags) for one in order.outputs]
    text = order.dockerfile.encode() if order.dockerfile is not None else None
    files: Files | None = None
    context = order.context
    name = "" if text is not None else order.name
    if context is not None and context.kind == "archive":
        async with Feed(archive) as feed:
            files, found = await feed.apart(from_archive, feed.chunks, workplace, name)
        text = text if text is not None else found
    elif context is not None and context.kind == "remote":
        files, found = await to_its_end(from_remote, context.path, workplace, name)
        text = text if text is not None else found
    elif context is not None:
        files = await to_its_end(_directory, context, root)
    if files is not None:
        opened.callback(files.close)
    if text is None:
        if files is None:
            raise Invalid("there is neither a Dockerfile nor a context")
        text = await to_its_end(read_dockerfile, files, order.name)
    contexts: dict[str, Context] = {}
    for key, other in order.contexts.items():
        if other.kind == "image":
            contexts[key] = other.path
        elif other.kind == "layout":
            if not is_seen(other.path, (other.boot, other.device, other.inode)):
                raise Unsupported(
                    f"the engine does not see the directory {other.path}",
                    hint="an image in a registry is seen everywhere: docker-image://",
                )
            contexts[key] = LayoutBase(other.path, other.tag, other.digest)
        elif other.kind == "directory":
            contexts[key] = named = await to_its_end(_directory, other, root)
            opened.callback(named.close)
        elif other.kind == "remote":
            place = f"{workplace}/{len(contexts)}"
            remote, _ = await to_its_end(from_remote, other.path, place, "")
            if remote is None:
                raise Invalid(f"the context {key!r} is no directory")
            contexts[key] = remote
            opened.callback(remote.close)
        else:
            raise Invalid(f"unknown kind of context {other.kind!r}")
    try:
        secrets = {key: base64.b64decode(value) for key, value in order.secrets.items()}
    except binascii.Error:
        raise Invalid("secrets must be base64") from None
    return Request(
        dockerfile=text,
        name=order.name,
        context=files,
        contexts=contexts,
        place=order.place,
        target=order.target,
        args=order.args,
        labels=order.labels,
        tags=order.tags,
        no_cache=order.no_cache,
        no_cache_stages=order.no_cache_stages,
        pull=order.pull,
        network=order.network,
        platform=order.platform,
        secrets=secrets,
        agents={key: agents.take(token) for key, token in order.agents.items()},
        epoch=order.epoch,
        squash=order.squash,
        insecure=order.insecure,
        host_network=order.host_network,
        keep_failed=order.keep_failed,
        shm_size=order.shm_size,
        limits=order.limits,
        cache_from=[cache_source(one) for one in order.cache_from],
        cache_images=order.cache_images,
        inline_cache=bool(order.args.get("BUILDKIT_INLINE_CACHE") not in (None, "", "0", "false"))
        or any(cache_target(one).kind == "inline" for one in order.cache_to),
        export=bool(outputs) and not any(one.image for one in outputs),
    )


def requests_of(order: BuildOrder, request: Request) -> list[Request]:
    """One a platform. Several are loose images, which only an index holds together. Raises Unsupported when
    what is wanted can't be kept."""
    platforms = [one.strip() for one in request.platform.split(",")]
    outputs = [output(one, order.tags) for one in order.outputs]
    check_attests(order, platforms, [(one.kind, one.push) for one in outputs])
    if len(platforms) == 1:
        return [request]
    return [
        msgspec.structs.replace(request, platform=one, loose=True, tags=[])
        for one in dict.fromkeys(platforms)
        if one
    ]


def _directory(order: ContextOrder, root: str) -> Files:
    mark = (order.boot, order.device, order.inode)
    return from_directory(order.path, mark, root, parse_ignore(order.ignore))
