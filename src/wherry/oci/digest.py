"""Content digests: `algorithm:hex`, as the OCI image specification writes them (descriptor.md, "Digests")."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Protocol

from wherry.errors import Invalid

__all__ = ["Hasher", "check_digest", "hasher", "hex_of", "is_digest", "sha256_of", "sha256_of_chunks"]

_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_DIGEST = re.compile(r"(sha256|sha384|sha512):([0-9a-f]+)")


class Hasher(Protocol):
    """What `hashlib` hands out; `update` releases the interpreter lock for more than 2 KiB."""

    def update(self, data: bytes | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...


def is_digest(text: str) -> bool:
    """Whether `text` is a well-formed digest of an algorithm known here."""
    match = _DIGEST.fullmatch(text)
    return match is not None and len(match[2]) == _LENGTHS[match[1]]


def check_digest(text: str) -> str:
    """`text` itself; raises Invalid unless it is a well-formed digest (so it may name a file safely)."""
    if not is_digest(text):
        raise Invalid(
            f"invalid digest {text[:120]!r}", hint="a digest looks like sha256:<64 hexadecimal digits>"
        )
    return text


def hex_of(digest: str) -> str:
    """The part after the colon of a well-formed digest."""
    return check_digest(digest).partition(":")[2]


def hasher(digest: str) -> Hasher:
    """A fresh hash of the algorithm that `digest` names."""
    return hashlib.new(check_digest(digest).partition(":")[0])


def sha256_of(data: bytes | memoryview) -> str:
    """The sha256 digest of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha256_of_chunks(chunks: Iterable[bytes | memoryview]) -> str:
    """The sha256 digest of what `chunks` add up to."""
    state = hashlib.sha256()
    for chunk in chunks:
        state.update(chunk)
    return "sha256:" + state.hexdigest()
