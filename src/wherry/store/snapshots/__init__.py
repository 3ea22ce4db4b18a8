"""Writable views of images, one for each container."""

from wherry.store.snapshots.collection import Snapshot, Snapshots
from wherry.store.snapshots.driver import Change, Driver, Extra, Place

__all__ = ["Change", "Driver", "Extra", "Place", "Snapshot", "Snapshots"]
