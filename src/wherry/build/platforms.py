"""The platform arguments that exist without an ARG before FROM, and inside a stage once it declares them."""

from __future__ import annotations

from wherry.errors import Invalid
from wherry.store.machine import architecture

__all__ = ["platform_args"]


def platform_args(target: str, stage: str) -> dict[str, str]:
    """`target` is `os/arch[/variant]` or empty for this machine's; `stage` the name of the target stage."""
    own = ("linux", *architecture())
    build = "/".join(part for part in own if part)
    target = target or build
    parts = target.split("/")
    if not 1 < len(parts) < 4 or not all(parts):
        raise Invalid(f"invalid platform {target!r}", hint="for instance linux/amd64")
    return {
        "BUILDPLATFORM": build,
        "BUILDOS": own[0],
        "BUILDARCH": own[1],
        "BUILDVARIANT": own[2],
        "TARGETPLATFORM": target,
        "TARGETOS": parts[0],
        "TARGETARCH": parts[1],
        "TARGETVARIANT": parts[2] if len(parts) > 2 else "",
        "TARGETSTAGE": stage or "default",
    }
