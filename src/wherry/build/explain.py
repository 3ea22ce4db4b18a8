"""Why a step was not in the cache: what it depends on now, against what it did when it was last built."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

__all__ = ["facts_of", "reasons"]

_SHOWN = 5


def facts_of(
    instruction: str,
    parent: str,
    *,
    files: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What a step depends on, to be kept. Values of variables are kept as digests: some are secret."""
    return {
        "instruction": instruction,
        "parent": parent,
        "files": dict(files or {}),
        "variables": {name: _short(value) for name, value in (variables or {}).items()},
        "settings": dict(settings or {}),
    }


def reasons(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """What changed, one line each, the most telling first."""
    if before is None:
        return ["it was never built here before"]
    found = []
    if before["instruction"] != now["instruction"]:
        found.append(f"the instruction changed, it was: {before['instruction'][:200]}")
    found += _changes("file", before["files"], now["files"])
    found += _changes("variable", before["variables"], now["variables"])
    for name, value in now["settings"].items():
        was = before["settings"].get(name, "")
        if was != value:
            found.append(f"{name} changed from {was or 'nothing'} to {value or 'nothing'}")
    if before["parent"] != now["parent"]:
        found.append("the layers below it changed")
    return found or ["its result is no longer in the cache"]


def _changes(what: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    changed = sorted(name for name in now if name in before and before[name] != now[name])
    added = sorted(now.keys() - before.keys())
    removed = sorted(before.keys() - now.keys())
    found = []
    for names, verb in ((changed, "changed"), (added, "is new"), (removed, "is gone")):
        found += [f"{what} {name} {verb}" for name in names[:_SHOWN]]
        if len(names) > _SHOWN:
            found.append(f"… and {len(names) - _SHOWN} more {what}s: {verb}")
    return found


def _short(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).hexdigest()[:16]
