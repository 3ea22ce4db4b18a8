"""Whether this machine can run programs of another architecture: by itself, or by a registered emulator."""

from __future__ import annotations

import os

from wherry.errors import Unsupported
from wherry.store.machine import architecture

__all__ = ["check_runs"]

_REGISTERED = "/proc/sys/fs/binfmt_misc"
_TOO = {"amd64": ("386",), "arm64": ("arm",)}
_EMULATORS = {
    "amd64": "x86_64",
    "386": "i386",
    "arm64": "aarch64",
    "ppc64le": "ppc64le",
    "loong64": "loongarch64",
}
"""As qemu calls what Go calls otherwise."""


def check_runs(wanted: str) -> None:
    """Raises Unsupported when RUN can't be carried out in an image of this architecture.

    An emulator must be registered with flag F: the kernel has it open then, so it need not be in the image.
    """
    own, _ = architecture()
    if (
        not wanted
        or wanted == own
        or wanted in _TOO.get(own, ())
        or _emulated(_EMULATORS.get(wanted, wanted))
    ):
        return
    raise Unsupported(
        f"RUN in an image for {wanted} can't be carried out on this machine ({own})",
        hint="an emulator does it (qemu-user-static with binfmt-support); or the stage that compiles begins"
        " with FROM --platform=$BUILDPLATFORM",
    )


def _emulated(name: str) -> bool:
    try:
        with open(os.path.join(_REGISTERED, f"qemu-{name}"), encoding="ascii") as file:
            told = file.read()
    except OSError:
        return False
    flags = next((line.partition(":")[2] for line in told.splitlines() if line.startswith("flags")), "")
    return told.startswith("enabled") and "F" in flags
