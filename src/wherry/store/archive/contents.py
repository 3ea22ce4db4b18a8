"""Reading an image archive in one pass.

What is in the archive is only known at its end (`manifest.json` and `index.json` usually come last), and a
stream can't be read twice. So whatever may be a layer is unpacked as it passes, and thrown away at the end
if nothing refers to it; documents are kept in memory, with a bound.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from contextlib import closing

from wherry.errors import Invalid, WherryError
from wherry.oci.digest import sha256_of
from wherry.store.compression import compression_of, decompress
from wherry.store.layers import Layers, Lease
from wherry.store.layers.tree import clean_name
from wherry.store.pipeline import Hashing, read_ahead
from wherry.store.tar import ByteSource, Kind, TarEntry, read_entries

__all__ = ["Contents", "read_contents"]

_BLOBS = "blobs/sha256/"
_MAX_DOCUMENT = 16 << 20
_MAX_DOCUMENTS = 96 << 20
_MAX_MEMBERS = 100_000


class Contents:
    """What an image archive held: small documents, and layers (by diff id) that are unpacked and leased."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.layers: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.failed: dict[str, WherryError] = {}

    def document(self, path: str) -> bytes:
        """Raises Invalid when it isn't in the archive."""
        data = self.documents.get(self._resolve(path))
        if data is None:
            raise Invalid(f"image archive lacks {path[:200]!r}", hint="the archive is incomplete or damaged")
        return data

    def blob(self, digest: str) -> bytes:
        """A document by its digest, which is verified. Raises Invalid."""
        data = self.document(_BLOBS + digest.removeprefix("sha256:"))
        if sha256_of(data) != digest:
            raise Invalid(f"blob {digest} in the image archive has other content than its name says")
        return data

    def layer(self, path: str) -> str:
        """The diff id of the layer archive at `path`. Raises Invalid, or what went wrong with it."""
        path = self._resolve(path)
        if path in self.failed:
            raise self.failed[path]
        if path not in self.layers:
            raise Invalid(f"image archive lacks the layer {path[:200]!r}", hint="the archive is incomplete")
        return self.layers[path]

    def _resolve(self, path: str) -> str:
        path = posixpath.normpath(path)
        for _ in range(8):
            if path not in self.links:
                return path
            path = self.links[path]
        raise Invalid(f"image archive with links in a circle at {path[:200]!r}")


def read_contents(chunks: Iterable[bytes | memoryview], layers: Layers, lease: Lease) -> Contents:
    """Read the whole archive (compressed or not); its layers are held by `lease` afterwards.

    Raises Invalid for what is no archive at all, Unavailable when the disk is full. A layer that can't be
    unpacked is an error only once something refers to it.
    """
    contents = Contents()
    with closing(read_ahead(decompress(chunks))) as stream:
        source = ByteSource(stream)
        total = 0
        for number, entry in enumerate(read_entries(source)):
            if number >= _MAX_MEMBERS:
                raise Invalid(f"image archive with more than {_MAX_MEMBERS} members")
            path = clean_name(entry.name).decode("utf-8", "surrogateescape")
            if entry.kind in (Kind.SYMLINK, Kind.HARDLINK):
                target = entry.linkname.decode("utf-8", "surrogateescape")
                base = posixpath.dirname(path) if entry.kind == Kind.SYMLINK else ""
                contents.links[path] = posixpath.normpath(posixpath.join(base, target))
            elif entry.kind == Kind.FILE and entry.segments is None:
                head = source.peek(min(entry.stored, 512))
                if _may_be_layer(path, head):
                    _take_layer(contents, path, entry, source, layers, lease)
                elif entry.stored <= _MAX_DOCUMENT and _may_be_document(path):
                    total += entry.stored
                    if total > _MAX_DOCUMENTS:
                        raise Invalid("image archive with too many documents")
                    contents.documents[path] = source.take(entry.stored)
    return contents


def _take_layer(
    contents: Contents, path: str, entry: TarEntry, source: ByteSource, layers: Layers, lease: Lease
) -> None:
    digest = "sha256:" + path.removeprefix(_BLOBS) if path.startswith(_BLOBS) else ""
    if digest and lease.take(digest):  # named after its content, and that content is here: nothing to read
        contents.layers[path] = digest
        source.skip(entry.stored)
        return
    end = source.position + entry.stored
    is_plain = not compression_of(source.peek(6))
    pieces: Iterator[memoryview] = source.pieces(entry.stored)
    try:
        if is_plain:
            layer = layers.unpack(pieces, lease, expected=digest, decompressed=True)
        else:
            with Hashing() as hashing:
                # Until it has ended, what unpacks reads `source` through this and in no other way.
                hashed = hashing.through(pieces)
                layer = layers.unpack(hashed, lease)
                for _ in hashed:
                    pass
                if digest and hashing.digest() != digest:
                    raise Invalid(f"layer {digest} in the image archive has other content than its name says")
        contents.layers[path] = layer.diff_id
    except Invalid as error:
        contents.failed[path] = error
    if source.position < end:
        source.skip(end - source.position)


def _may_be_layer(path: str, head: bytes) -> bool:
    if not path.startswith("blobs/") and not path.endswith((".tar", ".tar.gz", ".tgz", ".tar.zst")):
        return False
    return head[257:262] == b"ustar" or bool(compression_of(head[:6])) or not head.strip(b"\0")


def _may_be_document(path: str) -> bool:
    return path.startswith("blobs/") or path.endswith((".json", "/json", "VERSION")) or "/" not in path
