"""Blobs by digest: `blobs/sha256/<hex>`, immutable.

A blob appears whole or not at all: written under a temporary name, digest verified, fsync'ed, renamed. The
temporary name of a blob with a known digest is `blobs/partial/<algorithm>-<hex>`, so an interrupted download
goes on where it stopped; others are anonymous and vanish with the process that wrote them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType

from wherry.errors import Invalid, NotFound
from wherry.oci.digest import Hasher, check_digest, hasher, hex_of, sha256_of
from wherry.store.diskerrors import disk_errors

__all__ = ["BlobWriter", "Blobs"]

_CHUNK = 1 << 20


class Blobs:
    """Thread-safe. Two writers of the same digest at once are fine when anonymous (the last rename wins, both
    wrote the same bytes); a partial file has one writer, a second one gets Invalid."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._partial = os.path.join(root, "partial")
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        for directory in (root, self._partial, os.path.join(root, "sha256")):
            os.makedirs(directory, mode=0o700, exist_ok=True)

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
            with self.writer(digest, resumable=False) as writer:
                writer.write(data)
                writer.commit()
        return digest

    def put_chunks(self, digest: str, chunks: Iterable[bytes | memoryview]) -> int:
        """Store what `chunks` add up to, which must have `digest`; the size. Raises Invalid."""
        with self.writer(digest, resumable=False) as writer:
            for chunk in chunks:
                writer.write(chunk)
            return writer.commit()

    def writer(self, digest: str, *, size: int | None = None, resumable: bool = True) -> BlobWriter:
        """A writer of the blob `digest` of at most `size` bytes. With `resumable`, what an earlier writer
        left unfinished is kept, and `writer.offset` says where to go on."""
        partial = os.path.join(self._partial, check_digest(digest).replace(":", "-"))
        if resumable:
            with self._lock:
                if digest in self._busy:
                    raise Invalid(f"blob {digest} is being written already")
                self._busy.add(digest)
        else:
            partial += f".{os.getpid()}.{threading.get_ident()}.{os.urandom(4).hex()}.tmp"
        try:
            return BlobWriter(self, digest, partial, self.path(digest), size, resumable)
        except BaseException:
            self._release(digest)
            raise

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
        """Remove what a crash left half written (not what can be resumed); the names removed."""
        leftovers = [name for name in os.listdir(self._partial) if name.endswith(".tmp")]
        for name in leftovers:
            os.unlink(os.path.join(self._partial, name))
        return leftovers

    def _release(self, digest: str) -> None:
        with self._lock:
            self._busy.discard(digest)


class BlobWriter:
    """Writes one blob. Use as a context manager: leaving without `commit` keeps the part of a resumable blob
    and removes any other. Not thread-safe."""

    def __init__(
        self, blobs: Blobs, digest: str, partial: str, final: str, size: int | None, resumable: bool
    ) -> None:
        self.digest = digest
        self.offset = 0
        self._blobs = blobs
        self._partial = partial
        self._final = final
        self._size = size
        self._resumable = resumable
        self._hash: Hasher = hasher(digest)
        self._committed = False
        os.makedirs(os.path.dirname(final), mode=0o700, exist_ok=True)
        with disk_errors(f"blob {digest}"):
            self._file = open(partial, "a+b" if resumable else "x+b", buffering=0)
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            self._hash.update(chunk)
            self.offset += len(chunk)

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`. Raises Invalid beyond the announced size, Unavailable when the disk is full."""
        if self._size is not None and self.offset + len(data) > self._size:
            self.restart()
            raise Invalid(f"blob {self.digest} is longer than the {self._size} bytes that were announced")
        view = memoryview(data)
        with disk_errors(f"blob {self.digest}"):
            while view:
                written = self._file.write(view)
                self._hash.update(view[:written])
                self.offset += written
                view = view[written:]

    def restart(self) -> None:
        """Forget what has been written so far."""
        self._file.truncate(0)
        self._file.seek(0)
        self._hash = hasher(self.digest)
        self.offset = 0

    def commit(self) -> int:
        """Verify, sync, give the blob its name; its size. Raises Invalid (and forgets the part) when the
        bytes are not those of the digest."""
        if self._hash.hexdigest() != hex_of(self.digest):
            offset = self.offset
            self.restart()
            raise Invalid(f"the {offset} bytes received do not have the digest {self.digest}")
        with disk_errors(f"blob {self.digest}"):
            os.fsync(self._file.fileno())
            os.rename(self._partial, self._final)
            _sync_directory(os.path.dirname(self._final))
        self._committed = True
        return self.offset

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._resumable:
            self._blobs._release(self.digest)
        if not self._committed and (not self._resumable or self.offset == 0):
            try:
                os.unlink(self._partial)
            except FileNotFoundError:
                pass


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
