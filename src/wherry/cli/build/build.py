"""`wherry build`: an image from a Dockerfile."""

from __future__ import annotations

import json
import sys
from base64 import b64decode

from wherry.cli.build.caches import CacheTarget
from wherry.cli.build.context import find_context
from wherry.cli.build.options import FLAGS, build_order
from wherry.cli.build.output import outputs_of
from wherry.cli.build.shell import open_shell
from wherry.cli.build.show import shown
from wherry.cli.command import Command, Invocation
from wherry.client.agents import lent
from wherry.errors import Conflict, Internal, Invalid, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from wherry.cli.build.context import Context
    from wherry.cli.build.output import Output
    from wherry.cli.build.show import View


class BuildFailed(Internal):
    """The engine says that the build failed. `image` is what the failed step has left, when that was kept."""

    image = ""


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    outputs = outputs_of(flags.every("output"), push=flags.on("push"), load=flags.on("load"))
    caches = [CacheTarget(text) for text in flags.every("cache-to")]
    if flags.on("push") and not flags.every("tag") and not any("name" in one.fields for one in outputs):
        raise Invalid("--push needs a name for the image", hint="-t REGISTRY/NAME:TAG")
    context = find_context(invocation.arguments[0], flags.text("file"))
    order = build_order(flags)
    check = flags.on("check") or flags.text("call") == "check"
    if flags.text("call") not in ("", "build", "check"):
        raise Unsupported(f"--call={flags.text('call')} is not supported", hint="build or check")
    order |= {
        "name": context.name,
        "dockerfile": context.dockerfile,
        "context": context.order,
        "place": context.place,
        "auths": _auths(),
        "check": check,
        "outputs": [output.order for output in outputs],
        "cache_to": [cache.order for cache in caches],
    }
    if flags.on("debug-shell") and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Invalid("--debug-shell needs a terminal")
    view = shown(flags.text("progress"), quiet=flags.on("quiet"), explain=flags.on("explain"))
    try:
        built = _build_there_or_here(invocation, order, context, view, [*outputs, *caches])
    except BuildFailed as error:
        view.close()
        if error.image:
            open_shell(invocation, error)
        raise
    except BaseException:
        view.close()
        raise
    view.close()
    if check:
        return 1 if built.get("warnings") else 0
    image = built["image"]
    if flags.text("iidfile") and image:
        _write(flags.text("iidfile"), image)
    if flags.text("metadata-file"):
        found = built.get("metadata", {})
        _write(flags.text("metadata-file"), json.dumps(found, indent=2, sort_keys=True) + "\n")
    if image and (flags.on("quiet") or not any(output.target == "-" for output in outputs)):
        print(image)
    return 0


def _build_there_or_here(
    invocation: Invocation,
    order: dict[str, Any],
    context: Context,
    view: View,
    takers: Sequence[Output | CacheTarget],
) -> dict[str, Any]:
    """With the directory that the engine sees too, or with what it is sent."""
    try:
        return _lend_and_build(invocation, order, context, view, takers)
    except Conflict:
        if not context.directory:
            raise
        context.as_archive()
        return _lend_and_build(invocation, {**order, "context": context.order}, context, view, takers)


def _lend_and_build(
    invocation: Invocation,
    order: dict[str, Any],
    context: Context,
    view: View,
    takers: Sequence[Output | CacheTarget],
) -> dict[str, Any]:
    with lent(invocation.client, invocation.flags.every("ssh")) as agents:
        return _build(invocation, {**order, "agents": agents}, context, view, takers)


def _build(
    invocation: Invocation,
    order: dict[str, Any],
    context: Context,
    view: View,
    takers: Sequence[Output | CacheTarget],
) -> dict[str, Any]:
    head = json.dumps(order).encode()

    def body() -> Iterator[bytes]:
        yield len(head).to_bytes(4, "big") + head
        if order["context"] is not None and order["context"]["kind"] == "archive":
            yield from context.pieces()

    response = invocation.client.upload("POST", "/build/wherry", body())
    events = response.documents()

    following: list[dict[str, Any]] = []

    def pieces(first: dict[str, Any]) -> Iterator[bytes]:
        """What one of the takers is sent; the event after it is put aside."""
        yield b64decode(first["data"])
        for event in events:
            if event.get("event") == "failed":
                raise _failure(event)
            if event.get("event") != "files" or event["to"] != first["to"]:
                following.append(event)
                return
            yield b64decode(event["data"])

    for event in events:
        while event.get("event") == "files":
            taken = pieces(event)
            takers[event["to"]].take(taken)
            for _ in taken:
                pass
            event = following.pop() if following else {}
        if event.get("event") == "failed":
            raise _failure(event)
        if event.get("event") == "built":
            found: dict[str, Any] = event
            return found
        view.show(event)
    raise Internal("the engine ended before the build did")


def _auths() -> dict[str, dict[str, str]]:
    """The credentials of all registries that are logged in to."""
    from wherry.client.credentials import every

    return every()


def _failure(event: dict[str, Any]) -> BuildFailed:
    failed = BuildFailed(event["message"], hint=event.get("hint", ""))
    failed.image = event.get("image", "")
    return failed


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Invalid(f"{path}: {(error.strerror or '').lower()}") from None


COMMAND = Command(
    run,
    usage="[OPTIONS] PATH|URL|-",
    minimum=1,
    maximum=1,
    flags=FLAGS,
    details="PATH is the directory whose files COPY and ADD see; only those that are used are read.",
    examples=(
        ("build -t web:1 .", "the Dockerfile of this directory"),
        ("build --explain -t web:1 .", "and why each step that ran was not in the cache"),
        ("build --target tests -o out .", "the files of a stage, into a directory"),
        ("build https://github.com/user/project.git#main:docker", "from a git repository"),
    ),
)
