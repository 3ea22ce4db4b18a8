"""What happened: kept for a while, and streamed to whoever listens."""

from __future__ import annotations

from collections.abc import AsyncIterator

from wherry.errors import Unsupported

from .filters import Filters
from .models import Event


class Events:
    """The last 256 events, and those to come."""

    def subscribe(
        self, *, since: float = 0, until: float = 0, filters: Filters | None = None
    ) -> AsyncIterator[Event]:
        """Events from `since` on, ending at `until` (seconds since 1970; 0: from now, for ever).

        Subscribed before this returns. Filters: type, event, container, image, volume, network, daemon,
        label, scope, exec ids by `container`. Raises `Invalid` at once for another name.
        """
        raise Unsupported("events are not wired yet")
