"""Blobs, layers, snapshots, images and the metadata database."""

from wherry.store.store import Store

__all__ = ["Store"]
