"""What a build reads, as BuildKit's options name it: directories of the client's, archives that it uploads,
git repositories and URLs."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

from grpclib.client import StreamStreamMethod
from grpclib.exceptions import GRPCError, StreamTerminatedError

from wherry.build.dockerfile import Dockerfile, parse
from wherry.build.dockerfile import instructions as ins
from wherry.build.sources import Files
from wherry.buildkit import messages as m
from wherry.buildkit.filesync import fetch
from wherry.buildkit.sessions import Session, encoded
from wherry.engine.builds.contexts import from_archive, from_remote, ignore_patterns, read_dockerfile
from wherry.errors import Invalid, Unsupported
from wherry.store.apart import to_its_end
from wherry.store.feed import Feed

__all__ = ["below", "dockerfile", "main_context", "named_contexts", "place_of"]

_UPLOAD = "http://buildkit-session/"  # as clients name what they upload themselves
_REMOTE = ("http://", "https://", "git://", "git@", "ssh://", "github.com/")


async def main_context(
    session: Session, options: Mapping[str, str], place: str
) -> tuple[Files | None, bytes]:
    """The context (None: no step looks into it), which the caller closes, and the Dockerfile's text. Raises
    Invalid."""
    name = options.get("filename") or "Dockerfile"
    context = options.get("context", "")
    if not context.startswith(_REMOTE):
        text, patterns = await _local_dockerfile(session, options, place)
        if not _needs_context(parse(text, name)):
            return None, text
        return await fetch(session, options.get("contextkey", "context"), place, patterns=patterns), text
    separate = "dockerfilekey" in options  # then it is the client's, whatever the context has
    text = (await _local_dockerfile(session, options, place))[0] if separate else b""
    inside = "" if separate else name
    files: Files | None
    if context.startswith(_UPLOAD):
        async with aclosing(_upload(session, context)) as chunks, Feed(chunks) as feed:
            files, found = await feed.apart(from_archive, feed.chunks, place, inside)
    else:
        files, found = await to_its_end(from_remote, context, place, inside)
    return files, text or found


async def dockerfile(session: Session, options: Mapping[str, str], place: str) -> bytes:
    """The Dockerfile's text alone. Raises Invalid."""
    if not options.get("context", "").startswith(_REMOTE) or "dockerfilekey" in options:
        return (await _local_dockerfile(session, options, place))[0]
    files, text = await main_context(session, options, place)
    if files is not None:
        files.close()
    return text


def place_of(options: Mapping[str, str]) -> str:
    """What the context is called in every build of it; empty for what has no lasting name."""
    context = options.get("context", "")
    return "" if context.startswith(_UPLOAD) else context


async def named_contexts(session: Session, options: Mapping[str, str], place: str) -> dict[str, Any]:
    """The further ones, by their names: files, which the caller closes, or the name of an image. Raises
    Invalid, Unsupported."""
    found: dict[str, Any] = {}
    for name, value in below(options, "context:").items():
        name = name.partition("::")[0]
        if value.startswith("docker-image://"):
            found[name] = value.removeprefix("docker-image://").partition("@")[0]
        elif value.startswith("local:"):
            found[name] = await fetch(session, value.removeprefix("local:"), place)
        elif value.startswith(_REMOTE):
            files, _ = await to_its_end(from_remote, value, os.path.join(place, f"named-{len(found)}"), "")
            if files is None:
                raise Invalid(f"the context {name!r} is no directory")
            found[name] = files
        else:
            raise Unsupported(f"the context {name}={value} is of a kind that is not supported")
    return found


def below(options: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The options whose names begin so, without that."""
    return {name.removeprefix(prefix): value for name, value in options.items() if name.startswith(prefix)}


async def _local_dockerfile(
    session: Session, options: Mapping[str, str], place: str
) -> tuple[bytes, list[str]]:
    """The text, and the patterns of the .dockerignore that counts."""
    name = options.get("filename") or "Dockerfile"
    key = options.get("dockerfilekey", "dockerfile")
    files = await fetch(session, key, place, only=[name, f"{name}.dockerignore", name.lower()])
    try:
        text = await to_its_end(read_dockerfile, files, name)
        own = files.find(f"{name}.dockerignore") is not None
        if own or options.get("context", "").startswith(_REMOTE):
            return text, ignore_patterns(files, name)
    finally:
        files.close()
    ignoring = await fetch(session, options.get("contextkey", "context"), place, only=[".dockerignore"])
    try:
        return text, ignore_patterns(ignoring, name)
    finally:
        ignoring.close()


async def _upload(session: Session, url: str) -> AsyncGenerator[bytes]:
    """What the client has under this name; it can be had once. Raises Invalid."""
    parts = urlsplit(url)
    where = encoded({"urlpath": [parts.path], "urlhost": [parts.netloc]})
    method = StreamStreamMethod(session.channel, "/moby.upload.v1.Upload/Pull", m.Bytes, m.Bytes)
    try:
        async with method.open(metadata=where) as stream:
            await stream.send_request(end=True)
            while (piece := await stream.recv_message()) is not None:
                yield piece.data
    except GRPCError as error:
        raise Invalid(f"failed to read the client's context: {error.message}") from None
    except (StreamTerminatedError, ConnectionError):
        raise Invalid("the client went while its context was read") from None


def _needs_context(file: Dockerfile) -> bool:
    """Whether any step may look into the context."""
    for stage in file.stages:
        for step in stage.steps:
            if isinstance(step, ins.Copy) and not step.flag("from"):
                return True
            if isinstance(step, ins.Run) and any("from=" not in mount for mount in step.mounts):
                return True
            if isinstance(step, ins.OnBuild):
                return True
        if not any(stage.start.base == other.start.name for other in file.stages):
            return True  # the base's triggers may
    return False
