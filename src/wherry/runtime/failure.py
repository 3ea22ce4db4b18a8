"""Why a container or a process in it did not start."""

from __future__ import annotations

import errno as errors
import os

from wherry.errors import WherryError

NOT_FOUND = 127
NOT_EXECUTABLE = 126
RUNTIME = 125


class RuntimeFailure(WherryError):
    """A container's set-up or start failed.

    `stage` says what was being done, `errno` and `path` what the kernel said to which file (0 and "" when it
    was no system call), `exit_code` is what `docker run` ends with: 127 program not found, 126 program not
    executable, 125 anything else.
    """

    def __init__(
        self,
        message: str,
        *,
        stage: str = "",
        errno: int = 0,
        path: str = "",
        exit_code: int = RUNTIME,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.stage = stage
        self.errno = errno
        self.path = path
        self.exit_code = exit_code
        self.status = 500 if exit_code == RUNTIME else 400


def from_error(error: BaseException, stage: str) -> RuntimeFailure:
    """The failure that `error`, met while doing `stage`, amounts to."""
    if isinstance(error, RuntimeFailure):
        return error
    if isinstance(error, OSError):
        path = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
        said = (error.strerror or "unknown error").lower()
        where = f"{path}: " if path and path not in stage else ""
        number = error.errno or 0
        return RuntimeFailure(
            f"{stage}: {where}{said}", stage=stage, errno=number, path=path, hint=_hint(stage, number)
        )
    if isinstance(error, WherryError):
        return RuntimeFailure(f"{stage}: {error.message}", stage=stage, hint=error.hint)
    return RuntimeFailure(f"{stage}: {type(error).__name__}: {error}", stage=stage)


def _hint(stage: str, number: int) -> str:
    if number == errors.EPERM and stage == "mounting /proc":
        return (
            "a new procfs is refused where the one outside is partly hidden, as inside another container: "
            "run that one with --security-opt systempaths=unconfined, or this one with --pid=host"
        )
    if number == errors.ENOSPC and stage.startswith("creating"):
        return "raise /proc/sys/user/max_*_namespaces"
    return ""


def pack(failure: RuntimeFailure) -> bytes:
    """`failure` as bytes for a pipe; `unpack` reads them."""
    fields = (
        failure.message,
        failure.stage,
        str(failure.errno),
        failure.path,
        str(failure.exit_code),
        failure.hint,
    )
    return "\0".join(field.replace("\0", " ") for field in fields).encode(errors="surrogateescape")


def unpack(data: bytes) -> RuntimeFailure:
    """What `pack` was given."""
    message, stage, number, path, code, hint = data.decode(errors="surrogateescape").split("\0")
    return RuntimeFailure(message, stage=stage, errno=int(number), path=path, exit_code=int(code), hint=hint)
