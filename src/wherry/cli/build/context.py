"""What is built, and from which files: directories, archives, git, a Dockerfile of one's own."""

from __future__ import annotations

import os
import sys

from wherry.client.directories import decoded, directory_order, read_text
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_PIECE = 1 << 20


class Context:
    """`order` is what the engine is told; `pieces` what it is sent besides, when that is wanted."""

    def __init__(self) -> None:
        self.order: dict[str, Any] | None = None
        self.dockerfile: str | None = None
        self.name = "Dockerfile"
        self.place = ""
        self.directory = ""
        self.head = b""
        """The beginning of an archive that comes from standard input."""

    def pieces(self) -> Iterator[bytes]:
        """The archive that follows the order."""
        if self.head:
            yield self.head
            while data := sys.stdin.buffer.read(_PIECE):
                yield data
        elif self.directory:
            from wherry.client.pack import packed

            yield from packed(self.directory, ".")

    def as_archive(self) -> None:
        """The engine is elsewhere: send the directory."""
        self.order = {"kind": "archive"}


def find_context(argument: str, file: str) -> Context:
    """Work out what PATH, URL or `-`, and -f, mean. Raises Invalid, in Docker's words."""
    context = Context()
    if argument == "-" and file == "-":
        raise Invalid("invalid argument: can't use stdin for both build context and dockerfile")
    if argument == "-":
        _from_stdin(context, file)
        return context
    if _is_remote(argument) and not os.path.exists(argument):
        context.order = {"kind": "remote", "path": argument}
        context.place = argument
        context.name = file or "Dockerfile"
        if file == "-":
            context.dockerfile = decoded(sys.stdin.buffer.read())
        return context
    if not os.path.isdir(argument):
        raise Invalid(f'unable to prepare context: path "{argument}" not found')
    context.directory = os.path.realpath(argument)
    context.place = context.directory
    ignored = ""
    if file == "-":
        context.dockerfile = decoded(sys.stdin.buffer.read())
        context.name = "Dockerfile"
    else:
        path = file or os.path.join(argument, "Dockerfile")
        if not file and not os.path.exists(path) and os.path.exists(path.replace("Dockerfile", "dockerfile")):
            path = os.path.join(argument, "dockerfile")
        try:
            with open(path, "rb") as stream:
                context.dockerfile = decoded(stream.read())
        except OSError as error:
            raise Invalid(
                f"unable to prepare context: unable to evaluate symlinks in Dockerfile path: {path}: "
                f"{(error.strerror or '').lower()}",
                hint="-f names a Dockerfile that is elsewhere",
            ) from None
        context.name = os.path.relpath(path, argument) if file else "Dockerfile"
        if context.name.startswith(".."):
            context.name = os.path.basename(path)
        ignored = read_text(f"{path}.dockerignore")
    context.order = directory_order(
        context.directory, ignored or read_text(os.path.join(argument, ".dockerignore"))
    )
    return context


def named_context(text: str) -> tuple[str, dict[str, Any]]:
    """`--build-context NAME=VALUE`. Raises Invalid."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise Invalid(f"invalid context value: {text}, expected key=value")
    if value.startswith("docker-image://"):
        return name, {"kind": "image", "path": value.removeprefix("docker-image://")}
    if value.startswith("oci-layout://"):
        return name, _layout(name, value.removeprefix("oci-layout://"))
    if _is_remote(value):
        return name, {"kind": "remote", "path": value}
    if not os.path.isdir(value):
        raise Invalid(f"failed to get build context {name}: {value}: no such directory")
    return name, directory_order(os.path.realpath(value), read_text(os.path.join(value, ".dockerignore")))


def _layout(name: str, text: str) -> dict[str, Any]:
    """`PATH[:TAG][@DIGEST]`: an image in an OCI image layout."""
    path, _, digest = text.partition("@")
    tag = ""
    if not os.path.isdir(path) and ":" in path:
        path, _, tag = path.rpartition(":")
    if not os.path.isfile(os.path.join(path, "index.json")):
        raise Invalid(f"failed to get build context {name}: {path}: no OCI image layout")
    return directory_order(os.path.realpath(path), "") | {"kind": "layout", "tag": tag, "digest": digest}


def _from_stdin(context: Context, file: str) -> None:
    if sys.stdin.isatty():
        raise Invalid("there is nothing on standard input", hint="wherry build - < Dockerfile")
    head = sys.stdin.buffer.read(512)
    if head[257:262] == b"ustar" or head[:2] in (b"\x1f\x8b", b"BZ", b"\xfd7", b"\x28\xb5"):
        context.order = {"kind": "archive"}
        context.name = file or "Dockerfile"
        context.head = head
        return
    if file:
        raise Invalid("-f needs a context that has the file, and standard input is a Dockerfile alone")
    context.dockerfile = decoded(head + sys.stdin.buffer.read())


def _is_remote(text: str) -> bool:
    return text.startswith(("http://", "https://", "git://", "git@", "ssh://", "github.com/"))
