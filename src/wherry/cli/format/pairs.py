"""Labels and options as lists show them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def shown(pairs: Mapping[str, str] | None) -> str:
    """`a=1,b=2`, sorted by name."""
    pairs = pairs or {}
    return ",".join(f"{name}={pairs[name]}" for name in sorted(pairs))
