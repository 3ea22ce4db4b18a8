"""Blobs by digest: `blobs/sha256/<hex>`, immutable.

A blob appears whole or not at all: written under a temporary name, digest verified, fsync'ed, renamed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType

from wherry.errors import Invalid, NotFound
from wherry.oci.digest import Hasher, check_digest, hasher, hex_of, sha256_of
from wherry.store.arrivals import DAY, Arrivals
from wherry.store.diskerrors import disk_errors

__all__ = ["BlobWriter", "Blobs"]

_CHUNK = 1 << 20


class Blobs:
    """Thread-safe. Two writers of the same digest at once are fine: the last rename wins, both wrote the same
    bytes."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._partial = os.path.join(root, "partial")
        for directory in (root, self._partial, os.path.join(root, "sha256")):
            os.makedirs(directory, mode=0o700, exist_ok=True)
        self.arrivals = Arrivals(self._partial)

    def path(self, digest: str) -> str:
        """Where the blob is or would be."""
        algorithm = check_digest(digest).partition(":")[0]
        return os.path.join(self._root, algorithm, hex_of(digest))

    def has(self, digest: str) -> bool:
        """Whether the blob is there."""
        return os.path.exists(self.path(digest))

    def size(self, digest: str) -> int:
        """Size in bytes; raises NotFound."""
        try:
            return os.stat(self.path(digest)).st_size
        except FileNotFoundError:
            raise NotFound(f"blob {digest} is not in the store") from None

    def read(self, digest: str, *, limit: int = 64 << 20) -> bytes:
        """The whole blob, digest verified; raises NotFound, and Invalid when damaged or beyond `limit`."""
        if self.size(digest) > limit:
            raise Invalid(f"blob {digest} is larger than {limit} bytes")
        data = b"".join(self.chunks(digest))
        check = hasher(digest)
        check.update(data)
        if check.hexdigest() != hex_of(digest):
            raise Invalid(f"blob {digest} is damaged on disk", hint="load or pull the image again")
        return data

    def chunks(self, digest: str) -> Iterator[bytes]:
        """The blob's bytes, not verified; raises NotFound."""
        self.size(digest)
        with open(self.path(digest), "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def put(self, data: bytes) -> str:
        """Store `data`, return its sha256 digest. Atomic and repeatable."""
        digest = sha256_of(data)
        if not self.has(digest):
            with self.writer(digest) as writer:
                writer.write(data)
                writer.commit()
        return digest

    def put_chunks(self, digest: str, chunks: Iterable[bytes | memoryview]) -> int:
        """Store what `chunks` add up to, which must have `digest`; the size. Raises Invalid."""
        with self.writer(digest) as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.commit()

    def writer(self, digest: str) -> BlobWriter:
        """A writer of the blob `digest`."""
        name = f"{check_digest(digest).replace(':', '-')}.{os.getpid()}.{threading.get_ident()}"
        partial = os.path.join(self._partial, f"{name}.{os.urandom(4).hex()}.tmp")
        return BlobWriter(digest, partial, self.path(digest))

    def remove(self, digest: str) -> bool:
        """Remove the blob; whether there was one."""
        try:
            os.unlink(self.path(digest))
        except FileNotFoundError:
            return False
        return True

    def digests(self) -> list[str]:
        """Those of all blobs."""
        found = []
        for algorithm in os.listdir(self._root):
            if algorithm != "partial":
                names = os.listdir(os.path.join(self._root, algorithm))
                found += [f"{algorithm}:{name}" for name in names]
        return found

    def mend(self) -> list[str]:
        """Remove what a crash left half written (not what a download can go on from); the names removed."""
        leftovers = [name for name in os.listdir(self._partial) if name.endswith(".tmp")]
        for name in leftovers:
            os.unlink(os.path.join(self._partial, name))
        self.arrivals.clear(older=DAY)
        return leftovers


class BlobWriter:
    """Writes one blob. Use as a context manager: leaving without `commit` removes it. Not thread-safe."""

    def __init__(self, digest: str, partial: str, final: str) -> None:
        self.digest = digest
        self._partial = partial
        self._final = final
        self._size = 0
        self._hash: Hasher = hasher(digest)
        self._committed = False
        os.makedirs(os.path.dirname(final), mode=0o700, exist_ok=True)
        with disk_errors(f"blob {digest}"):
            self._file = open(partial, "xb", buffering=0)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`. Raises Unavailable when the disk is full."""
        view = memoryview(data)
        with disk_errors(f"blob {self.digest}"):
            while view:
                written = self._file.write(view)
                self._hash.update(view[:written])
                self._size += written
                view = view[written:]

    def commit(self) -> int:
        """Verify, sync, give the blob its name; its size. Raises Invalid when the bytes are not those of the
        digest."""
        if self._hash.hexdigest() != hex_of(self.digest):
            raise Invalid(f"the {self._size} bytes received do not have the digest {self.digest}")
        with disk_errors(f"blob {self.digest}"):
            os.fsync(self._file.fileno())
            os.rename(self._partial, self._final)
            _sync_directory(os.path.dirname(self._final))
        self._committed = True
        return self._size

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if not self._committed:
            os.unlink(self._partial)


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
