"""`docker buildx du` and `prune`: the cache of builds, in BuildKit's words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wherry.build.cache import CacheRow
from wherry.buildkit import messages as m
from wherry.engine.builds.pruning import fitting

if TYPE_CHECKING:
    from wherry.engine.builds import Builds

__all__ = ["prune", "usage"]

_FILTER = re.compile(r"([A-Za-z-]+)(?:(?:==|~=|=)(.*))?", re.DOTALL)


async def usage(builds: Builds, filters: Sequence[str]) -> list[m.UsageRecord]:
    """What is kept. Raises Invalid for a filter that is not known."""
    fits = fitting(_filters(filters))
    return [_record(row) for row in await builds.usage() if fits is None or fits(row)]


async def prune(builds: Builds, request: m.PruneRequest) -> list[m.UsageRecord]:
    """What was removed. Raises Invalid for a filter that is not known."""
    filters = _filters(request.filter)
    if request.keep_ns > 0:
        filters.setdefault("until", []).append(f"{request.keep_ns // 1_000_000_000}s")
    rows = {row.key: row for row in await builds.usage()}
    gone, _ = await builds.prune(
        filters, everything=request.all, reserved=request.reserved, most=request.most, free=request.free
    )
    return [_record(rows[key]) for key in gone if key in rows]


def _filters(texts: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in filter(None, texts):
        match = _FILTER.fullmatch(text)
        name, value = (match[1].lower(), match[2] or "") if match else (text, "")
        found.setdefault(name, []).append(value)
    return found


def _record(row: CacheRow) -> m.UsageRecord:
    return m.UsageRecord(
        id=row.key[:25],
        in_use=row.in_use,
        size=row.size,
        created=m.Timestamp(*divmod(row.added, 1_000_000_000)),
        used=m.Timestamp(*divmod(row.used, 1_000_000_000)),
        uses=row.uses,
        description=row.step,
        kind=row.kind,
        shared=row.shared,
        parents=[row.parent[:25]] if row.parent else [],
    )
