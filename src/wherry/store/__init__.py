"""Blobs, layers, snapshots, images and the metadata database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wherry.store.store import Store

__all__ = ["Store"]


def __getattr__(name: str) -> type[Store]:
    # Not at once: `wherry.store.tar` is used by small processes that must be quick to start.
    if name != "Store":
        raise AttributeError(name)
    from wherry.store.store import Store

    return Store
