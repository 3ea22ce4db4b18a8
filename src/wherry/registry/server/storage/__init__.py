"""Where a registry keeps what it has: one interface, several kinds of storage behind it."""

from __future__ import annotations

from wherry.registry.server.storage.driver import About, Driver, Full, Missing
from wherry.registry.server.storage.files import Files

__all__ = ["About", "Driver", "Files", "Full", "Missing"]
