"""Reading and writing the small files of cgroup file systems: one open, one call, one close."""

from __future__ import annotations

import os


def read(path: str) -> str:
    """The whole file. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(fd, 65536)
        while len(data) % 65536 == 0 and (more := os.read(fd, 65536)):
            data += more
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(fd)
    return data.decode("ascii", "replace")


def read_or(path: str, default: str = "") -> str:
    """The whole file, or `default` where it is missing or can't be read."""
    try:
        return read(path)
    except OSError:
        return default


def write(path: str, value: str) -> None:
    """Write `value` in one call, as these files want it. Raises OSError with the path."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode("ascii"))
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(fd)


def number(path: str) -> int | None:
    """The one number in a file; None where there is no such file, and for "max"."""
    text = read_or(path).strip()
    return int(text) if text.lstrip("-").isdecimal() else None


def table(path: str) -> dict[str, int]:
    """A file of lines "name value"; empty where there is no such file. Other lines are passed over."""
    found: dict[str, int] = {}
    for line in read_or(path).splitlines():
        name, _, value = line.partition(" ")
        if value.isdecimal():
            found[name] = int(value)
    return found
