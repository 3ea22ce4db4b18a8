"""Finding the program to execute inside the container, and saying in Docker's words why it can't be."""

from __future__ import annotations

import errno
import os
import stat

from wherry.runtime.failure import NOT_EXECUTABLE, NOT_FOUND, RuntimeFailure

_STAGE = "finding the program"


def look_up(name: str, search_path: str) -> str:
    """The path of program `name`, as the caller's user sees it from its root and working directory.

    A name with a slash stands for itself. Raises RuntimeFailure with exit code 127 or 126.
    """
    if "/" in name:
        _check(name)
        return name
    found = 0
    for directory in search_path.split(":"):
        path = f"{directory or '.'}/{name}"
        try:
            status = os.stat(path)
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode):
            continue
        if status.st_mode & 0o111 and os.access(path, os.X_OK, effective_ids=True):
            return path
        found = errno.EACCES
    if found:
        raise _failure(name, "permission denied", errno.EACCES, NOT_EXECUTABLE)
    raise _failure(name, "executable file not found in $PATH", errno.ENOENT, NOT_FOUND)


def _check(path: str) -> None:
    try:
        status = os.stat(path)
    except OSError as error:
        raise _failure(
            path, f"stat {path}: {(error.strerror or '').lower()}", error.errno or 0, NOT_FOUND
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise _failure(path, "is a directory", errno.EISDIR, NOT_EXECUTABLE)
    if not status.st_mode & 0o111 or not os.access(path, os.X_OK, effective_ids=True):
        raise _failure(path, "permission denied", errno.EACCES, NOT_EXECUTABLE)


def refused(path: str, error: OSError) -> RuntimeFailure:
    """The failure that execve's `error` for `path` amounts to."""
    number = error.errno or 0
    # ENOENT for a file that is there: its interpreter is what is missing.
    code = NOT_FOUND if number == errno.ENOENT else NOT_EXECUTABLE
    return _failure(path, (error.strerror or "").lower(), number, code, stage="executing the program")


def _failure(name: str, said: str, number: int, code: int, *, stage: str = _STAGE) -> RuntimeFailure:
    return RuntimeFailure(f'exec: "{name}": {said}', stage=stage, errno=number, path=name, exit_code=code)
