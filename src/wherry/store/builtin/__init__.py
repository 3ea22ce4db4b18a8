"""The two images that need no download: `hello`, and `host`, the machine's own userland."""

from wherry.store.builtin.catalogue import Builtins

__all__ = ["Builtins"]
