"""One collector at a time over one storage, whichever replica it runs in."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from wherry.errors import Conflict
from wherry.registry.server.storage import Driver, Missing

KEY = "collecting"
_EXPIRES = 900.0  # seconds after its last renewal; one that died is not waited for longer


class Lease:
    """Held by a collector; to be renewed every few minutes."""

    def __init__(self, driver: Driver, token: bytes) -> None:
        self._driver = driver
        self._token = token

    async def renew(self) -> None:
        """Raises Conflict when another collector took over."""
        try:
            if await self._driver.read(KEY) == self._token:
                await self._driver.write(KEY, self._token)
                return
        except Missing:
            pass
        raise Conflict("another collector has taken over")


@asynccontextmanager
async def lease(driver: Driver) -> AsyncIterator[Lease]:
    """Raises Conflict while another collector is at work."""
    token = secrets.token_hex(16).encode()
    if not await driver.write(KEY, token, new=True):
        try:
            age = time.time() - (await driver.about(KEY)).changed
        except Missing:
            age = 0.0
        if age < _EXPIRES:
            raise Conflict(
                "a garbage collection is going on already",
                hint=f"one that was killed is not waited for longer than {_EXPIRES / 60:.0f} minutes",
            )
        await driver.write(KEY, token)
    held = Lease(driver, token)
    await held.renew()
    try:
        yield held
    finally:
        try:
            if await driver.read(KEY) == token:
                await driver.delete(KEY)
        except Missing:
            pass
