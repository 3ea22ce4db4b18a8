"""What a registry has, over a storage driver: blobs, and repositories of manifests, tags and referrers.

    blobs/ALGORITHM/xx/HEX                        the bytes, once for all repositories
    condemned/ALGORITHM-HEX                       a blob that garbage collection is deciding about
    damaged/ALGORITHM-HEX                         a blob whose bytes were found to be wrong: not served
    repositories/NAME/_blobs/ALGORITHM-HEX        the repository has this blob
    repositories/NAME/_manifests/ALGORITHM-HEX    its type on a line of its own, then its bytes
    repositories/NAME/_tags/TAG                   {"digest": …, "at": …, "by": …}
    repositories/NAME/_referrers/SUBJECT/ALGORITHM-HEX   the descriptor of a manifest that refers to SUBJECT

A component of a name can't begin with `_`, so nothing clashes. Nothing here is remembered between calls: any
number of registries may work over one storage.

Whoever is told that a repository has a blob may build on it, so that telling renews the repository's mark
when it is older than `fresh` seconds; a collector leaves marks alone that are younger than twice that. Before
it deletes, it puts the blob's name under `condemned/` and looks once more: who has made or renewed a mark
looks there and waits for the collector's decision, so one of the two sees the other's.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from wherry.errors import Invalid
from wherry.oci import media_types
from wherry.oci.manifest import Descriptor, Index, Manifest, parse_document
from wherry.registry.server.failures import Refusal
from wherry.registry.server.names import (
    ALGORITHMS,
    blob_key,
    check_digest,
    check_tag,
    check_upload,
    condemned_key,
    damaged_key,
    flat,
    is_digest,
    link_key,
    manifest_key,
    referrer_key,
    tag_key,
)
from wherry.registry.server.storage import Driver, Full, Missing

MAX_MANIFEST = 4 << 20
FRESH = 300.0  # seconds
LONGEST_DECISION = 60.0
"""Seconds that a collector takes at the most between condemning a blob and deleting it."""

_NOT_DISTRIBUTED = frozenset(
    {
        media_types.OCI_FOREIGN_LAYER,
        media_types.OCI_FOREIGN_LAYER_GZIP,
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        media_types.DOCKER_FOREIGN_LAYER_GZIP,
    }
)


class Tag(msgspec.Struct, omit_defaults=True):
    """What a tag means, since when (seconds) and by whom."""

    digest: str
    at: float = 0.0
    by: str = ""


class Stored(NamedTuple):
    """A manifest as it was pushed."""

    data: bytes
    media_type: str
    digest: str


class Content:
    """Every method may raise Refusal, and what the driver raises."""

    def __init__(self, driver: Driver, *, fresh: float = FRESH) -> None:
        self.driver = driver
        self.fresh = fresh
        self._hashes: dict[str, tuple[int, hashlib._Hash]] = {}  # upload → bytes seen, their state

    # blobs

    async def blob_size(self, name: str, digest: str, *, renew: bool = False) -> int:
        """The size of a blob that the repository has; with `renew` it may be built upon."""
        unknown = Refusal("BLOB_UNKNOWN", detail={"digest": check_digest(digest)})
        try:
            link, blob = await asyncio.gather(
                self.driver.about(link_key(name, digest)), self.driver.about(blob_key(digest))
            )
        except Missing:
            raise unknown from None
        if await self.has(damaged_key(digest)):
            raise unknown
        if renew and link.changed < time.time() - self.fresh:
            await self._mark(name, digest)
            if await self._decided(digest) and not await self.has(blob_key(digest)):
                await self.driver.delete(link_key(name, digest))
                raise unknown
        return blob.size

    async def holds(self, name: str, digest: str) -> bool:
        """Whether the repository has the blob, whatever is left of its bytes."""
        return await self.has(link_key(name, check_digest(digest)))

    async def delete_blob(self, name: str, digest: str) -> None:
        """The repository has it no more; garbage collection frees its bytes if no other has it."""
        if not await self.driver.delete(link_key(name, check_digest(digest))):
            raise Refusal("BLOB_UNKNOWN", detail={"digest": digest})

    async def mount(self, name: str, digest: str, source: str) -> bool:
        """Give a repository a blob that `source` has; False when it has not, or not for long."""
        try:
            await self.blob_size(source, digest)
        except Refusal:
            return False
        return await self.claim(name, digest)

    async def claim(self, name: str, digest: str) -> bool:
        """Give a repository a blob whose bytes are here; False when they are not, or not for long."""
        await self._mark(name, digest)
        if await self._decided(digest) and not await self.has(blob_key(digest)):
            await self.driver.delete(link_key(name, digest))
            return False
        return True

    async def has(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            await self.driver.about(key)
        except Missing:
            return False
        return True

    # uploads

    def new_upload(self) -> str:
        """A name for one."""
        return secrets.token_hex(16)

    async def append(self, upload: str, offset: int, chunks: AsyncIterator[bytes]) -> int:
        """Append to an upload that has `offset` bytes; its size now."""
        known = self._hashes.pop(upload, (0, hashlib.sha256()))
        seen, state = known if known[0] == offset else (-1, known[1])

        async def watched() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                if seen >= 0:
                    await asyncio.to_thread(state.update, chunk)
                yield chunk

        try:
            size = await self.driver.append(check_upload(upload), offset, watched())
        except ValueError as error:
            raise Refusal("BLOB_UPLOAD_INVALID", str(error)) from None
        except Full:
            await self.driver.drop(upload)  # half a blob that nobody can end would keep the rest from working
            raise
        if seen >= 0:
            self._hashes[upload] = (size, state)
            if len(self._hashes) > 1000:  # abandoned ones; what is needed again is computed again
                self._hashes.pop(next(iter(self._hashes)))
        return size

    async def uploaded(self, upload: str) -> int:
        try:
            return await self.driver.uploaded(check_upload(upload))
        except Missing:
            raise Refusal("BLOB_UPLOAD_UNKNOWN", detail={"upload": upload}) from None

    async def cancel(self, upload: str) -> None:
        await self.uploaded(upload)
        self._hashes.pop(upload, None)
        await self.driver.drop(upload)

    async def finish(self, name: str, upload: str, digest: str) -> int:
        """Let an upload be a blob of the repository; its size.

        It is dropped when its bytes have another digest.
        """
        check_digest(digest)
        size = await self.uploaded(upload)
        seen, state = self._hashes.pop(upload, (-1, hashlib.sha256()))
        algorithm, _, wanted = digest.partition(":")
        if seen != size or algorithm != "sha256":
            state = hashlib.new(algorithm)
            async for chunk in self.driver.upload_bytes(upload):
                await asyncio.to_thread(state.update, chunk)
        if state.hexdigest() != wanted:
            await self.driver.drop(upload)
            raise Refusal("DIGEST_INVALID", detail={"digest": digest})
        await self._mark(name, digest)
        await self._decided(digest)
        try:
            await self.driver.finish(upload, blob_key(digest), size)
        except ValueError:
            raise Refusal("BLOB_UPLOAD_INVALID", "the upload is still being written to") from None
        except Missing:
            raise Refusal("BLOB_UPLOAD_UNKNOWN", detail={"upload": upload}) from None
        await self.driver.delete(damaged_key(digest))
        return size

    async def _mark(self, name: str, digest: str) -> None:
        await self.driver.write(link_key(name, digest), b"1")

    async def _decided(self, digest: str) -> bool:
        """Wait until no collector is deciding about a blob; whether one was.

        It is another process's, so nobody tells us. One that died is waited for once, its mark then removed.
        """
        key, began = condemned_key(digest), time.monotonic()
        if not await self.has(key):
            return False
        while await self.has(key):
            if time.monotonic() - began > LONGEST_DECISION * 1.5:
                await self.driver.delete(key)
            await asyncio.sleep(0.05)
        return True

    # manifests

    async def manifest(self, name: str, reference: str) -> Stored:
        """By tag or digest."""
        digest = reference
        if is_digest(reference):
            check_digest(reference)
        else:
            digest = (await self.tag(name, reference)).digest
        try:
            packed = await self.driver.read(manifest_key(name, digest))
        except Missing:
            raise Refusal("MANIFEST_UNKNOWN", detail={"name": name, "reference": reference}) from None
        kind, _, data = packed.partition(b"\n")
        algorithm, _, wanted = digest.partition(":")
        if hashlib.new(algorithm, data).hexdigest() != wanted:  # the disk is to blame; `check` tells
            raise Refusal("MANIFEST_UNKNOWN", "manifest is damaged", {"digest": digest})
        return Stored(data, kind.decode(), digest)

    async def has_manifest(self, name: str, digest: str) -> bool:
        """Whether its bytes are there, right or wrong."""
        return await self.has(manifest_key(name, digest))

    async def put_manifest(
        self,
        name: str,
        reference: str,
        data: bytes,
        media_type: str,
        *,
        by: str = "",
        immutable: bool = False,
        whole: bool = True,
    ) -> tuple[str, str]:
        """Store a manifest under a tag or its digest; its digest, and that of its subject if it has one.

        `whole` wants all its parts to be here. With `immutable`, a tag that exists stays (the same
        manifest may be pushed again), also when two are
        pushed at once.
        """
        try:
            document = parse_document(data, media_type)
        except Invalid as error:
            raise Refusal("MANIFEST_INVALID", error.message) from error
        algorithm = reference.partition(":")[0] if is_digest(reference) else "sha256"
        digest = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}" if algorithm in ALGORITHMS else ""
        if is_digest(reference) and check_digest(reference) != digest:
            raise Refusal("DIGEST_INVALID", detail={"digest": reference})
        if not is_digest(reference):
            check_tag(reference)
        if immutable:
            await self._may_be(name, reference, digest)
        if whole:
            await self._check_parts(name, document)
        packed = document.media_type.encode() + b"\n" + data
        await self.driver.write(manifest_key(name, digest), packed)
        subject = document.subject.digest if document.subject else ""
        if subject:
            check_digest(subject)
            descriptor = _as_referrer(document, digest, len(data))
            key = referrer_key(name, subject, digest)
            await self.driver.write(key, msgspec.json.encode(descriptor))
        if not is_digest(reference):
            tag = msgspec.json.encode(Tag(digest, time.time(), by))
            if not await self.driver.write(tag_key(name, reference), tag, new=immutable):
                await self._may_be(name, reference, digest)
        return digest, subject

    async def delete_manifest(self, name: str, digest: str) -> None:
        """Delete a manifest with the tags that mean it."""
        stored = await self.manifest(name, check_digest(digest))
        for tag in await self.tags(name):
            try:
                if (await self.tag(name, tag)).digest == digest:
                    await self.driver.delete(tag_key(name, tag))
            except Refusal:
                continue
        await self.driver.delete(manifest_key(name, digest))
        document = parse_document(stored.data, stored.media_type)
        if document.subject:
            key = referrer_key(name, document.subject.digest, digest)
            await self.driver.delete(key)

    async def _may_be(self, name: str, tag: str, digest: str) -> None:
        """Raises Refusal when a tag means something else already."""
        if await self.has(tag_key(name, tag)) and (await self.tag(name, tag)).digest != digest:
            raise Refusal("DENIED", f"tag {tag} exists and may not be overwritten")

    async def _check_parts(self, name: str, document: Manifest | Index) -> None:
        missing = []
        if isinstance(document, Index):
            for part in document.manifests:
                if not await self.has(manifest_key(name, check_digest(part.digest))):
                    missing.append(part.digest)
        else:
            for digest in dict.fromkeys((document.config.digest, *layers(document))):
                try:
                    await self.blob_size(name, digest, renew=True)
                except Refusal as refusal:
                    if refusal.code != "BLOB_UNKNOWN":
                        raise
                    missing.append(digest)
        if missing:
            raise Refusal("MANIFEST_BLOB_UNKNOWN", detail={"digests": missing[:20]})

    # tags, referrers, repositories

    async def tag(self, name: str, tag: str) -> Tag:
        check_tag(tag)
        try:
            return msgspec.json.decode(await self.driver.read(tag_key(name, tag)), type=Tag)
        except Missing:
            raise Refusal("MANIFEST_UNKNOWN", detail={"name": name, "tag": tag}) from None

    async def has_tag(self, name: str, tag: str) -> bool:
        return not is_digest(tag) and await self.has(tag_key(name, check_tag(tag)))

    async def delete_tag(self, name: str, tag: str) -> None:
        if not await self.driver.delete(tag_key(name, check_tag(tag))):
            raise Refusal("MANIFEST_UNKNOWN", detail={"name": name, "tag": tag})

    async def tags(self, name: str) -> list[str]:
        """Sorted. Raises Refusal for a repository that does not exist."""
        prefix = f"repositories/{name}/_tags/"
        found = sorted([key.removeprefix(prefix) async for key, _ in self.driver.keys(prefix)])
        if not found and not await self._exists(name):
            raise Refusal("NAME_UNKNOWN", detail={"name": name})
        return found

    async def referrers(self, name: str, subject: str) -> list[Descriptor]:
        """The manifests of the repository that refer to `subject`, which need not be there."""
        prefix = f"repositories/{name}/_referrers/{flat(check_digest(subject))}/"
        keys = sorted([key async for key, _ in self.driver.keys(prefix)])
        found = []
        for key in keys:
            try:
                found.append(msgspec.json.decode(await self.driver.read(key), type=Descriptor))
            except Missing:
                continue  # just deleted
        return found

    async def repositories(self) -> list[str]:
        """Sorted names of those that hold something."""
        found = set()
        async for key, _ in self.driver.keys("repositories/"):
            name, separator, _rest = key.removeprefix("repositories/").partition("/_")
            if separator:
                found.add(name)
        return sorted(found)

    async def _exists(self, name: str) -> bool:
        async for _ in self.driver.keys(f"repositories/{name}/_"):
            return True
        return False


def layers(document: Manifest) -> list[str]:
    """The digests of the layers that registries hold."""
    return [one.digest for one in document.layers if one.media_type not in _NOT_DISTRIBUTED]


def _as_referrer(document: Manifest | Index, digest: str, size: int) -> Descriptor:
    kind = document.artifact_type
    if not kind and isinstance(document, Manifest):
        kind = document.config.media_type
    return Descriptor(
        media_type=document.media_type,
        digest=digest,
        size=size,
        artifact_type=kind,
        annotations=document.annotations,
    )
