"""How many bytes a repository may have: the sum of the blobs that it has, shared ones included.

Before and while something is sent, a count of a few seconds ago tells early whether it fits. What decides is
the count after the blob has become the repository's: of several that are pushed at once, through any number
of workers and replicas, at least one sees all. What does not fit then is taken away again, and once more
given a little later: those that it did not fit beside may have been taken away too.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import time
import weakref
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from wherry.registry.server import quantities
from wherry.registry.server.failures import Refusal
from wherry.registry.server.names import blob_key, unflat
from wherry.registry.server.storage import Driver, Missing

_COUNTED_FOR = 10.0  # seconds that a count is good for
_MOST_SIZES = 100_000


class Allowance(NamedTuple):
    """Repositories that a pattern fits may have so many bytes each."""

    pattern: str
    size: int


class Quotas:
    """The first allowance that fits a repository holds."""

    def __init__(self, driver: Driver, allowances: Sequence[Allowance]) -> None:
        self._driver = driver
        self._allowances = allowances
        self._counted: dict[str, tuple[int, float]] = {}
        self._sizes: dict[str, int] = {}
        self._turns: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def left(self, name: str) -> int | None:
        """Bytes that the repository may still get; None without a quota."""
        limit = self._limit(name)
        if limit is None:
            return None
        used, when = self._counted.get(name, (0, 0.0))
        if time.monotonic() - when > _COUNTED_FOR or not when:
            used = await self._usage(name)
            self._counted[name] = used, time.monotonic()
        return limit - used

    async def check(self, name: str, wanted: int) -> None:
        """Raises Refusal unless `wanted` more bytes fit."""
        left = await self.left(name)
        if left is not None and wanted > left:
            self._counted.pop(name, None)  # is it still so?
            if wanted > (await self.left(name) or 0):
                raise self._exceeded(name)

    @contextlib.asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Where there is a quota, let one at a time get a blob and settle, as far as this process goes."""
        if self._limit(name) is None:
            yield
            return
        lock = self._turns.setdefault(name, asyncio.Lock())
        async with lock:
            yield

    async def settle(self, name: str) -> None:
        """The repository has got a blob. Raises Refusal when it has too much now."""
        limit = self._limit(name)
        if limit is None:
            return
        used = await self._usage(name)
        self._counted[name] = used, time.monotonic()
        if used > limit:
            del self._counted[name]
            raise self._exceeded(name)

    async def limited(self, name: str, already: int, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of an upload that has `already` bytes; refused where the quota ends."""
        left = await self.left(name)
        async for chunk in chunks:
            already += len(chunk)
            if left is not None and already > left:
                await self.check(name, already)
                left = await self.left(name)
            yield chunk

    async def _usage(self, name: str) -> int:
        return await usage(self._driver, name, self._sizes)

    def _limit(self, name: str) -> int | None:
        for one in self._allowances:
            if fnmatch.fnmatchcase(name, one.pattern):
                return one.size
        return None

    def _exceeded(self, name: str) -> Refusal:
        limit = quantities.shown(self._limit(name) or 0)
        return Refusal("DENIED", f"the quota of {name}, {limit}, is exhausted", {"name": name})


async def usage(driver: Driver, name: str, sizes: dict[str, int] | None = None) -> int:
    """Bytes of all blobs that a repository has. `sizes` remembers those of blobs, which never change."""
    prefix, total = f"repositories/{name}/_blobs/", 0
    known = {} if sizes is None else sizes
    async for key, _ in driver.keys(prefix):
        digest = unflat(key.removeprefix(prefix))
        size = known.get(digest)
        if size is None:
            try:
                size = (await driver.about(blob_key(digest))).size
            except Missing:
                continue
            if len(known) >= _MOST_SIZES:
                known.clear()
            known[digest] = size
        total += size
    return total
