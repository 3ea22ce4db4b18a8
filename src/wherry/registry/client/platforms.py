"""Which manifest of an index is for a platform."""

from __future__ import annotations

from collections.abc import Iterable

from wherry.errors import Invalid
from wherry.oci.manifest import Descriptor, Platform

_ALIASES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
    "i386": "386",
}
_OLD_ARM = {"v8": ("v8", "v7", "v6", "v5"), "v7": ("v7", "v6", "v5"), "v6": ("v6", "v5"), "v5": ("v5",)}


def parse_platform(text: str) -> Platform:
    """`linux/arm64/v8`, `linux/amd64` or `arm64`. Raises Invalid in Docker's words."""
    parts = text.lower().split("/")
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise Invalid(f'"{text}": unknown operating system or architecture: invalid argument')
    if len(parts) == 1:
        parts = ["linux", parts[0]] if parts[0] != "linux" else ["linux", ""]
    system, architecture = parts[0], _ALIASES.get(parts[1], parts[1])
    variant = parts[2] if len(parts) == 3 else ""
    if architecture == "arm" and not variant:
        variant = "v7"
    if architecture == "arm64" and variant == "v8":
        variant = ""
    return Platform(architecture=architecture, os=system, variant=variant)


def choose(manifests: Iterable[Descriptor], wanted: Platform) -> Descriptor | None:
    """The best manifest for a platform, or None.

    An exact variant is better than an older one that the machine runs as well; attestations (of an unknown
    platform) are none.
    """
    best: tuple[int, Descriptor] | None = None
    for one in manifests:
        rank = _rank(one.platform, wanted)
        if rank is not None and (best is None or rank < best[0]):
            best = rank, one
    return best[1] if best else None


def _rank(have: Platform | None, wanted: Platform) -> int | None:
    """How good a match is, 0 being best; None for none."""
    if have is None:
        return 9
    if have.os != wanted.os or _ALIASES.get(have.architecture, have.architecture) != wanted.architecture:
        return None
    variant = "" if (have.architecture, have.variant) == ("arm64", "v8") else have.variant
    if variant == wanted.variant or not variant:
        return 0 if variant == wanted.variant else 5
    older = _OLD_ARM.get(wanted.variant, ())
    if wanted.architecture == "arm" and variant in older:
        return older.index(variant)
    if wanted.architecture == "amd64" and variant == "v1":
        return 1
    return None
