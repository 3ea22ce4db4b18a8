"""`--output`: files instead of an image, or the image in a file."""

from __future__ import annotations

import os
import sys
from base64 import b64decode

from wherry.errors import Invalid, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from wherry.client.api import Client


class Output:
    """One `--output`. `files`: the build's files are wanted, not an image."""

    def __init__(self, text: str) -> None:
        """Raises Invalid, Unsupported."""
        self.kind, self.target = _parse(text)
        self.files = self.kind in ("local", "tar")
        if self.kind in ("oci", "docker", "tar") and not self.target:
            self.target = "-"
        if self.target == "-" and self.files and os.isatty(1):
            raise Invalid("cowardly refusing to write to a terminal", hint="-o FILE, or redirect the output")

    def take(self, pieces: Iterator[bytes]) -> None:
        """Write the build's files."""
        if self.kind == "local":
            from wherry.client.unpack import unpack

            os.makedirs(self.target, exist_ok=True)
            unpack(pieces, self.target, lambda parts: parts, owners=_as_root())
        elif self.target == "-":
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            _whole(self.target, pieces)

    def save(self, client: Client, image: str) -> None:
        """Write the image, when that was asked for."""
        if self.kind in ("oci", "docker") and self.target:
            from wherry.cli.archive import write_archive

            write_archive(client, f"/images/get?names={image}", self.target)


def decoded(events: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """The bytes in `files` events."""
    for event in events:
        yield b64decode(event["data"])


def _whole(path: str, pieces: Iterator[bytes]) -> None:
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            for piece in pieces:
                file.write(piece)
        os.replace(temporary, path)
    except OSError as error:
        raise Invalid(f"{path}: {(error.strerror or '').lower()}") from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _as_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0  # Windows has no such thing


def _parse(text: str) -> tuple[str, str]:
    if "=" not in text:
        return ("tar", "-") if text == "-" else ("local", text)
    fields = {}
    for item in text.split(","):
        name, _, value = item.partition("=")
        fields[name.strip()] = value
    kind, target = fields.pop("type", ""), fields.pop("dest", "")
    if kind not in ("local", "tar", "oci", "docker", "image", "registry"):
        raise Invalid(f"unknown output type {kind!r}", hint="local, tar, oci, docker or image")
    if kind == "registry":
        raise Unsupported("--output type=registry is not supported", hint="--push pushes the image")
    if kind == "local" and not target:
        raise Invalid("dest is required for local output")
    if fields.keys() - {"name", "tar"}:
        raise Unsupported(f"--output options {', '.join(sorted(fields))} are not supported yet")
    return kind, target
