"""What a registry needs of a storage: objects by key, and uploads that become objects.

Keys are `/`-separated names that the registry has checked; they never begin with `/` or hold `..`. An object
appears whole or not at all, and is never half replaced. Several registries may use one storage at once:
nothing about it is remembered in between.

An upload is bytes that grow by appending, under a name of its own, until it becomes an object or is dropped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from wherry.errors import Unavailable


class Missing(Exception):
    """There is no object (or upload) of that key."""


class Full(Unavailable):
    """There is no room for more."""


class About(NamedTuple):
    """An object's or upload's size in bytes, and when it last changed by the storage's clock (seconds)."""

    size: int
    changed: float


class Driver(Protocol):
    """All methods may raise OSError (the storage failed), Full, and wherry's Unavailable (it is away)."""

    async def read(self, key: str) -> bytes:
        """A small object whole. Raises Missing."""
        ...

    async def about(self, key: str) -> About:
        """Raises Missing."""
        ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """An object's bytes from `start` to `end` (exclusive). Raises Missing at the first."""
        ...

    async def write(self, key: str, data: bytes, *, new: bool = False) -> bool:
        """Make or replace a small object; with `new` only make it. False when it was there and stayed."""
        ...

    async def delete(self, key: str) -> bool:
        """Whether there was such an object."""
        ...

    def keys(self, prefix: str) -> AsyncIterator[tuple[str, About]]:
        """The objects whose key begins with `prefix`, in no order."""
        ...

    async def append(self, upload: str, offset: int, chunks: AsyncIterator[bytes]) -> int:
        """Append to an upload (begun by appending at 0), which has `offset` bytes now; its new size.

        What arrived before the chunks broke off stays. Raises ValueError when the size is another, or when
        someone else is appending.
        """
        ...

    async def uploaded(self, upload: str) -> int:
        """An upload's size. Raises Missing."""
        ...

    def uploads(self) -> AsyncIterator[tuple[str, About]]:
        """All uploads, in no order."""
        ...

    def upload_bytes(self, upload: str) -> AsyncIterator[bytes]:
        """An upload's bytes so far. Raises Missing."""
        ...

    async def finish(self, upload: str, key: str, size: int) -> None:
        """Let an upload be the object `key` from now on; the same bytes may be there already.

        Raises ValueError when it has not `size` bytes (any more), or while someone is appending: what was
        verified is what becomes the object. Raises Missing.
        """
        ...

    async def drop(self, upload: str) -> None:
        """Forget an upload; fine when there is none."""
        ...
