"""Several layers as one: what is seen of them, and what they hide of the layers below."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from wherry.store.layers.overlayform import is_whiteout
from wherry.store.root import Root
from wherry.store.snapshots.driver import Delta
from wherry.store.snapshots.merged import Member, Merged

__all__ = ["squashed"]


def squashed(upper: Merged, lower: Merged) -> Iterator[Delta]:
    """The layer that does over `lower` what all of `upper` do: members, whiteouts, opaque marks."""
    yield from _walk(upper.roots, lower, "")


def _walk(roots: list[Root], lower: Merged, prefix: str) -> Iterator[Delta]:
    """`roots`, topmost first, are those whose directory `prefix` takes part in what is seen."""
    seen: dict[str, Member] = {}
    gone: set[str] = set()
    parts: dict[str, list[Root]] = {}
    covers: set[str] = set()  # directories that stand on a file or whiteout of these layers: opaque
    closed: set[str] = set()
    opaque = False
    for root in roots:
        members, hides = root.members(prefix.rstrip("/"))
        for name, status in members.items():
            if name in closed:
                continue
            if stat.S_ISDIR(status.st_mode):
                seen.setdefault(name, Member(prefix + name, root, status))
                parts.setdefault(name, []).append(root)
                continue
            closed.add(name)
            if name in parts:
                covers.add(name)
            elif is_whiteout(status):
                gone.add(name)
            else:
                seen[name] = Member(prefix + name, root, status)
        if hides:
            opaque = True
            break
    below = lower.names(prefix.rstrip("/")) if not opaque else set()
    if opaque and prefix:
        yield Delta(prefix.rstrip("/"), None, "opaque")
    for name in sorted(gone & below):
        yield Delta(prefix + name, None, "whiteout")
    for name in sorted(seen):
        member = seen[name]
        yield Delta(prefix + name, member, "")
        if name in parts:
            inner = list(_walk(parts[name], lower, f"{prefix}{name}/"))
            if name in covers and name in below and not (inner and inner[0].mark == "opaque"):
                yield Delta(prefix + name, None, "opaque")
            yield from inner
