"""Unpacked layers: how archives become directories, and back."""

from wherry.store.layers.collection import Layer, Layers, Lease

__all__ = ["Layer", "Layers", "Lease"]
