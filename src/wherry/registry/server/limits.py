"""How often somebody may ask: requests a second, and wrong passwords a minute."""

from __future__ import annotations

import math
import time

from wherry.registry.server.failures import Refusal

_MOST = 50_000  # callers that are remembered


class Rate:
    """A bucket of tokens for each caller, refilled steadily."""

    def __init__(self, rate: float, burst: int = 0) -> None:
        """`rate` a second, 0 for no limit; `burst` at once, as many as in a second unless said."""
        self._rate = rate
        self._burst = float(burst or max(1, math.ceil(rate)))
        self._buckets: dict[str, tuple[float, float]] = {}  # → what was left, when

    def take(self, who: str) -> None:
        """One request of `who`. Raises Refusal, with the seconds to wait."""
        if not self._rate:
            return
        now = time.monotonic()
        left, then = self._buckets.get(who, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        if left < 1:
            raise _too_many((1 - left) / self._rate)
        if len(self._buckets) >= _MOST:
            self._buckets.clear()
        self._buckets[who] = left - 1, now


class Attempts:
    """Wrong passwords an address; beyond the limit even right ones are refused for a while."""

    def __init__(self, a_minute: int) -> None:
        self._rate = Rate(a_minute / 60, a_minute)
        self._blocked: dict[str, float] = {}

    def check(self, address: str) -> None:
        """Raises Refusal while an address is refused."""
        until = self._blocked.get(address, 0.0)
        if until > time.monotonic():
            raise _too_many(until - time.monotonic())
        if until:
            del self._blocked[address]

    def failed(self, address: str) -> None:
        """Note a wrong password."""
        try:
            self._rate.take(address)
        except Refusal as refusal:
            if len(self._blocked) >= _MOST:
                self._blocked.clear()
            self._blocked[address] = time.monotonic() + float(refusal.headers["Retry-After"])


def _too_many(wait: float) -> Refusal:
    return Refusal("TOOMANYREQUESTS", headers={"Retry-After": str(max(1, math.ceil(wait)))})
