"""Garbage collection while the registry works.

First the blobs go that a repository has but none of its manifests needs, then the bytes that no repository
has. Whatever changed within the grace time stays: a push may be building on it. How the last look and the
deletion are kept safe from pushes that go on meanwhile is described in `content`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, NamedTuple

from wherry.registry.server.content import LONGEST_DECISION, Content
from wherry.registry.server.names import blob_key, condemned_key, damaged_key, link_key
from wherry.registry.server.storage import About
from wherry.registry.server.upkeep.lease import Lease, lease
from wherry.registry.server.upkeep.survey import all_blobs, survey, used

_BATCH = 500
_AT_ONCE = 32


class Report(NamedTuple):
    """What a collection did, or would do."""

    uploads: int = 0
    links: int = 0
    blobs: int = 0
    freed: int = 0  # bytes
    kept: tuple[str, ...] = ()  # repositories left alone because a manifest of theirs can't be understood


class _Candidates(NamedTuple):
    links: dict[str, dict[str, float]]  # digest → repository → when it changed
    blobs: dict[str, About]


class Collector:
    """Collects over one storage; several may be made, one works at a time."""

    def __init__(self, content: Content, *, grace: float = 3600, uploads: float = 86400) -> None:
        """`grace` and `uploads` in seconds: the ages below which blobs and unfinished uploads stay."""
        self._content = content
        self._driver = content.driver
        self._grace = max(grace, 2 * content.fresh)
        self._uploads = uploads

    async def collect(self, *, dry_run: bool = False) -> Report:
        """Raises Conflict while another collector is at work."""
        if dry_run:
            uploads, freed = await self._drop_uploads(dry_run=True)
            kept, found = await self._candidates()
            links = sum(len(repositories) for repositories in found.links.values())
            freed += sum(about.size for about in found.blobs.values())
            return Report(uploads, links, len(found.blobs), freed, kept)
        async with lease(self._driver) as held:
            async for key, _ in self._driver.keys("condemned/"):
                await self._driver.delete(key)  # a collector's that died
            uploads, freed = await self._drop_uploads(dry_run=False)
            kept, found = await self._candidates()
            report = Report(uploads, 0, 0, freed, kept)
            digests = sorted({*found.links, *found.blobs})
            for start in range(0, len(digests), _BATCH):
                done = await self._decide(digests[start : start + _BATCH], found, held)
                report = report._replace(
                    links=report.links + done.links,
                    blobs=report.blobs + done.blobs,
                    freed=report.freed + done.freed,
                )
            return report

    async def _drop_uploads(self, *, dry_run: bool) -> tuple[int, int]:
        count = freed = 0
        async for upload, about in self._driver.uploads():
            if about.changed < time.time() - self._uploads:
                count, freed = count + 1, freed + about.size
                if not dry_run:
                    await self._driver.drop(upload)
        return count, freed

    async def _candidates(self) -> tuple[tuple[str, ...], _Candidates]:
        """What may go, unless something happens to it; and the repositories that are left alone."""
        blobs = await all_blobs(self._driver)  # first: what comes later is too young anyway
        found = await survey(self._driver)
        old = time.time() - self._grace
        links: dict[str, dict[str, float]] = {}
        staying: set[str] = set()
        kept = []
        for name, digests in found.blobs.items():
            needed = await used(self._content, name, found.manifests.get(name, {}))
            if needed is None:
                kept.append(name)
            for digest, changed in digests.items():
                if needed is None or digest in needed or changed >= old:
                    staying.add(digest)
                else:
                    links.setdefault(digest, {})[name] = changed
        going = {
            digest: about for digest, about in blobs.items() if digest not in staying and about.changed < old
        }
        return tuple(sorted(kept)), _Candidates(links, going)

    async def _decide(self, digests: Sequence[str], found: _Candidates, held: Lease) -> Report:
        """Condemn a batch, look again, delete what nobody has touched, and take the marks off."""
        await held.renew()
        began = time.monotonic()
        try:
            await _together(self._driver.write(condemned_key(one), b"") for one in digests)
            again = await survey(self._driver)
            if time.monotonic() - began > LONGEST_DECISION / 2:
                return Report()  # too slow to be safe; what is garbage stays so until the next time
            links = 0
            holders: dict[str, int] = {}
            for blobs in again.blobs.values():
                for digest in blobs:
                    holders[digest] = holders.get(digest, 0) + 1
            for digest in digests:
                for name, changed in found.links.get(digest, {}).items():
                    if again.blobs.get(name, {}).get(digest) == changed:
                        links += await self._driver.delete(link_key(name, digest))
                        holders[digest] -= 1
            gone = [one for one in digests if one in found.blobs and not holders.get(one)]
            freed = 0
            for digest in gone:
                if time.monotonic() - began > LONGEST_DECISION:
                    gone = gone[: gone.index(digest)]
                    break
                if await self._driver.delete(blob_key(digest)):
                    freed += found.blobs[digest].size
                await self._driver.delete(damaged_key(digest))
            return Report(0, links, len(gone), freed)
        finally:
            await _together(self._driver.delete(condemned_key(one)) for one in digests)


async def _together(calls: Iterable[Coroutine[Any, Any, bool]]) -> None:
    """Some at once, so that a batch is condemned quickly and connections are not exhausted."""
    waiting = list(calls)
    for start in range(0, len(waiting), _AT_ONCE):
        await asyncio.gather(*waiting[start : start + _AT_ONCE])
