"""How many bytes a repository may have: the sum of the blobs that it has, shared ones included."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from wherry.registry.server import quantities
from wherry.registry.server.failures import Refusal
from wherry.registry.server.names import blob_key, unflat
from wherry.registry.server.storage import Driver, Missing

_COUNTED_FOR = 10.0  # seconds that a count is good for


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

    async def left(self, name: str) -> int | None:
        """Bytes that the repository may still get; None without a quota."""
        limit = self._limit(name)
        if limit is None:
            return None
        used, when = self._counted.get(name, (0, 0.0))
        if time.monotonic() - when > _COUNTED_FOR or not when:
            used = await usage(self._driver, name)
            self._counted[name] = used, time.monotonic()
        return limit - used

    async def check(self, name: str, wanted: int) -> None:
        """Raises Refusal unless `wanted` more bytes fit."""
        left = await self.left(name)
        if left is not None and wanted > left:
            raise self._exceeded(name)

    def note(self, name: str, size: int) -> None:
        """The repository has got a blob."""
        if name in self._counted:
            used, when = self._counted[name]
            self._counted[name] = used + size, when

    async def limited(self, name: str, already: int, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of an upload that has `already` bytes; refused where the quota ends."""
        left = await self.left(name)
        async for chunk in chunks:
            already += len(chunk)
            if left is not None and already > left:
                raise self._exceeded(name)
            yield chunk

    def _limit(self, name: str) -> int | None:
        for one in self._allowances:
            if fnmatch.fnmatchcase(name, one.pattern):
                return one.size
        return None

    def _exceeded(self, name: str) -> Refusal:
        limit = quantities.shown(self._limit(name) or 0)
        return Refusal("DENIED", f"the quota of {name}, {limit}, is exhausted", {"name": name})


async def usage(driver: Driver, name: str) -> int:
    """Bytes of all blobs that a repository has."""
    prefix, total = f"repositories/{name}/_blobs/", 0
    async for key, _ in driver.keys(prefix):
        try:
            total += (await driver.about(blob_key(unflat(key.removeprefix(prefix))))).size
        except Missing:
            continue
    return total
