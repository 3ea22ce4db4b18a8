"""`--output`: what becomes of a build, and where the part of it that comes here goes."""

from __future__ import annotations

import os
import sys

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_FILES = ("local", "tar")


class Output:
    """One `--output`. `order` is what the engine is told of it."""

    def __init__(self, text: str) -> None:
        """Raises Invalid."""
        kind, fields = _parse(text)
        self.target = fields.pop("dest", "")
        self.folder = kind == "local"
        if kind in ("oci", "docker") and "tar" in fields:
            self.folder = fields.pop("tar").lower() in ("false", "0")
        if kind == "docker" and not self.target:
            kind = "image"  # into the engine
        if self.folder and not self.target:
            raise Invalid(f"dest is required for {kind} output")
        if kind in ("oci", "docker", "tar") and not self.target:
            self.target = "-"
        if self.target == "-" and not self.folder and os.isatty(1):
            raise Invalid("cowardly refusing to write to a terminal", hint="-o FILE, or redirect the output")
        self.kind = kind
        self.fields = fields

    @property
    def order(self) -> dict[str, Any]:
        """For the engine."""
        return {"kind": self.kind, "fields": self.fields}

    def take(self, pieces: Iterator[bytes]) -> None:
        """Write what the build sends."""
        if self.folder:
            from wherry.client.unpack import unpack

            os.makedirs(self.target, exist_ok=True)
            unpack(pieces, self.target, lambda parts: parts, owners=self.kind == "local" and _as_root())
        elif self.target == "-":
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            _whole(self.target, pieces)


def outputs_of(given: list[str], *, push: bool, load: bool) -> list[Output]:
    """Those that were asked for; `--push` and `--load` are short for two of them. Raises Invalid."""
    found = [Output(text) for text in given]
    if sum(output.target == "-" and not output.folder for output in found) > 1:
        raise Invalid("only one output can go to standard output")
    images = [output for output in found if output.kind == "image"]
    if push:
        for image in images:
            image.fields["push"] = "true"
        if not images and not any(output.kind == "registry" for output in found):
            found.append(Output("type=registry"))
    if load and found and not images:
        found.append(Output("type=image"))
    return found


def _whole(path: str, pieces: Iterator[bytes]) -> None:
    if os.path.exists(path) and not os.path.isfile(path):
        temporary = path  # a device or a pipe: written to, not replaced
    else:
        temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            for piece in pieces:
                file.write(piece)
        if temporary != path:
            os.replace(temporary, path)
    except OSError as error:
        raise Invalid(f"{path}: {(error.strerror or '').lower()}") from None
    finally:
        if temporary != path and os.path.exists(temporary):
            os.unlink(temporary)


def _as_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0  # Windows has no such thing


def _parse(text: str) -> tuple[str, dict[str, str]]:
    if "=" not in text:
        return ("tar", {"dest": "-"}) if text == "-" else ("local", {"dest": text})
    fields = fields_of(text)
    kind = fields.pop("type", "")
    if kind not in (*_FILES, "oci", "docker", "image", "registry", "cacheonly"):
        raise Invalid(f"unknown output type {kind!r}", hint="local, tar, oci, docker, image or registry")
    return kind, fields


def fields_of(text: str) -> dict[str, str]:
    """`a=b,"c=d,e"` as Docker reads it: comma-separated values, quoted where they have commas."""
    import csv

    try:
        (row,) = csv.reader([text])
    except (ValueError, csv.Error):
        raise Invalid(f"malformed value: {text}") from None
    fields = {}
    for item in row:
        name, _, value = item.partition("=")
        fields[name.strip().lower()] = value
    return fields
