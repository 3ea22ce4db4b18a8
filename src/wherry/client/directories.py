"""Directories of this machine in a build's order: the engine may see the same ones, and then none is sent."""

from __future__ import annotations

import os

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def directory_order(path: str, ignored: str) -> dict[str, Any]:
    """So that the engine can tell whether it sees the same directory; `ignored` is its .dockerignore."""
    status = os.stat(path)
    boot = read_text("/proc/sys/kernel/random/boot_id").strip()
    return {
        "kind": "directory",
        "path": path,
        "boot": boot,
        "device": status.st_dev,
        "inode": status.st_ino,
        "ignore": ignored,
    }


def read_text(path: str) -> str:
    """A file's text; empty where it is not there. Raises Invalid."""
    try:
        with open(path, "rb") as stream:
            return decoded(stream.read())
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Invalid(f"{path}: {(error.strerror or '').lower()}") from None


def decoded(data: bytes) -> str:
    """UTF-8, with or without a mark that says so. Raises Invalid."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("the Dockerfile is not UTF-8 text") from None
