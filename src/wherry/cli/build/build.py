"""`wherry build`: an image from a Dockerfile."""

from __future__ import annotations

import json

from wherry.cli.build.agents import lent
from wherry.cli.build.context import find_context
from wherry.cli.build.options import FLAGS, build_order
from wherry.cli.build.output import Output, decoded
from wherry.cli.build.show import shown
from wherry.cli.command import Command, Invocation
from wherry.errors import Conflict, Internal, Invalid, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from wherry.cli.build.context import Context
    from wherry.cli.build.show import Plain, Quiet, Raw


class BuildFailed(Internal):
    """The engine says that the build failed."""


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    outputs = [Output(text) for text in flags.every("output")]
    if len(outputs) > 1:
        raise Unsupported("several --output are not supported yet")
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
        "export": any(output.files for output in outputs),
    }
    view = shown(flags.text("progress"), quiet=flags.on("quiet"), explain=flags.on("explain"))
    try:
        built = _lend_and_build(invocation, order, context, view, outputs)
    except Conflict:
        if not context.directory:
            raise
        context.as_archive()
        order |= {"context": context.order}
        built = _lend_and_build(invocation, order, context, view, outputs)
    if check:
        return 1 if built.get("warnings") else 0
    image = built["image"]
    for output in outputs:
        output.save(invocation.client, image)
    if flags.text("iidfile") and image:
        _write(flags.text("iidfile"), image)
    if flags.text("metadata-file"):
        found = {"containerimage.config.digest": image, "containerimage.digest": image}
        if order["tags"]:
            found["image.name"] = ",".join(built["tags"])
        _write(flags.text("metadata-file"), json.dumps(found, indent=2) + "\n")
    if flags.on("push"):
        _push(invocation, order["tags"])
    if image and (flags.on("quiet") or not outputs):
        print(image)
    return 0


def _lend_and_build(
    invocation: Invocation,
    order: dict[str, Any],
    context: Context,
    view: Plain | Raw | Quiet,
    outputs: list[Output],
) -> dict[str, Any]:
    with lent(invocation.client, invocation.flags.every("ssh")) as agents:
        return _build(invocation, {**order, "agents": agents}, context, view, outputs)


def _build(
    invocation: Invocation,
    order: dict[str, Any],
    context: Context,
    view: Plain | Raw | Quiet,
    outputs: list[Output],
) -> dict[str, Any]:
    head = json.dumps(order).encode()

    def body() -> Iterator[bytes]:
        yield len(head).to_bytes(4, "big") + head
        if order["context"] is not None and order["context"]["kind"] == "archive":
            yield from context.pieces()

    response = invocation.client.upload("POST", "/build/wherry", body())
    events = response.documents()

    def files(first: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield first
        for event in events:
            if event.get("event") != "files":
                ends.append(event)
                return
            yield event

    ends: list[dict[str, Any]] = []
    for event in events:
        if event.get("event") == "files":
            outputs[0].take(decoded(files(event)))
            event = ends.pop() if ends else {}
        found: dict[str, Any] = event
        if event.get("event") == "failed":
            error = BuildFailed(event["message"], hint=event.get("hint", ""))
            raise error
        if event.get("event") == "built":
            return found
        view.show(event)
    raise Internal("the engine ended before the build did")


def _auths() -> dict[str, dict[str, str]]:
    """The credentials of all registries that are logged in to."""
    from wherry.client.credentials import every

    return every()


def _push(invocation: Invocation, tags: list[str]) -> None:
    if not tags:
        raise Invalid("--push needs a name for the image", hint="-t REGISTRY/NAME:TAG")
    import sys

    from wherry.cli.image.progress import show_progress
    from wherry.client.api import escape
    from wherry.client.credentials import auth_header

    for tag in tags:
        pending = invocation.client.begin(
            "POST", f"/images/{escape(tag)}/push", headers=auth_header(tag) or {"X-Registry-Auth": "e30="}
        )
        show_progress(pending.response().documents(), sys.stderr)


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
