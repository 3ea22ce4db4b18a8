"""This machine, in the words of image configurations."""

from __future__ import annotations

import os

__all__ = ["architecture"]

_NAMES = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "s390x": ("s390x", ""),
    "riscv64": ("riscv64", ""),
    "loongarch64": ("loong64", ""),
}


def architecture() -> tuple[str, str]:
    """(architecture, variant) as Go and OCI name them: ("amd64", ""), ("arm64", "v8")."""
    machine = os.uname().machine
    return _NAMES.get(machine, (machine, ""))
