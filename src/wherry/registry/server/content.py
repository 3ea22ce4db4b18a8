"""What a registry has, over a storage driver: blobs, and repositories of manifests, tags and referrers.

    blobs/ALGORITHM/xx/HEX                        the bytes, once for all repositories
    condemned/ALGORITHM-HEX                       a blob that garbage collection is about to delete
    repositories/NAME/_blobs/ALGORITHM-HEX        the repository has this blob
    repositories/NAME/_manifests/ALGORITHM-HEX    its type on a line of its own, then its bytes
    repositories/NAME/_tags/TAG                   {"digest": …, "at": …, "by": …}
    repositories/NAME/_referrers/SUBJECT/ALGORITHM-HEX   the descriptor of a manifest that refers to SUBJECT

A component of a name can't begin with `_`, so nothing clashes. Nothing here is remembered between calls: any
number of registries may work over one storage.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from wherry.errors import Invalid
from wherry.oci import media_types
from wherry.oci.manifest import Descriptor, Index, Manifest, parse_document
from wherry.registry.server.failures import Refusal
from wherry.registry.server.storage import Driver, Missing

MAX_MANIFEST = 4 << 20
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_UPLOAD = re.compile(r"[0-9a-f]{32}")
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


def check_name(name: str) -> str:
    """Raises Refusal."""
    if len(name) > 255 or not _NAME.fullmatch(name):
        raise Refusal("NAME_INVALID", detail={"name": name[:300]})
    return name


def check_digest(digest: str) -> str:
    """Raises Refusal."""
    if not _DIGEST.fullmatch(digest):
        raise Refusal("DIGEST_INVALID", "invalid or unsupported digest", {"digest": digest[:200]})
    return digest


def is_digest(reference: str) -> bool:
    """Whether a reference is meant as a digest: tags have no colon."""
    return ":" in reference


def check_tag(tag: str) -> str:
    """Raises Refusal."""
    if not _TAG.fullmatch(tag):
        raise Refusal("TAG_INVALID", detail={"tag": tag[:200]})
    return tag


def blob_key(digest: str) -> str:
    """Where a blob's bytes are."""
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value[:2]}/{value}"


def _flat(digest: str) -> str:
    return digest.replace(":", "-")


class Content:
    """Every method may raise Refusal, and what the driver raises."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self._hashes: dict[str, tuple[int, hashlib._Hash]] = {}  # upload → bytes seen, their state

    # blobs

    async def blob_size(self, name: str, digest: str) -> int:
        """The size of a blob that the repository has."""
        key = f"repositories/{name}/_blobs/{_flat(check_digest(digest))}"
        try:
            await self.driver.size(key)
            return await self.driver.size(blob_key(digest))
        except Missing:
            raise Refusal("BLOB_UNKNOWN", detail={"digest": digest}) from None

    async def delete_blob(self, name: str, digest: str) -> None:
        """The repository has it no more; garbage collection frees its bytes if no other has it."""
        if not await self.driver.delete(f"repositories/{name}/_blobs/{_flat(check_digest(digest))}"):
            raise Refusal("BLOB_UNKNOWN", detail={"digest": digest})

    async def mount(self, name: str, digest: str, source: str) -> bool:
        """Give a repository a blob that `source` has; False when it has not, or not for long."""
        try:
            await self.blob_size(source, digest)
        except Refusal:
            return False
        await self._mark(name, digest)
        if await self._condemned(digest):
            await self.driver.delete(f"repositories/{name}/_blobs/{_flat(digest)}")
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
            size = await self.driver.append(_checked(upload), offset, watched())
        except ValueError:
            raise Refusal("BLOB_UPLOAD_INVALID", f"the upload is not at {offset}") from None
        if seen >= 0:
            self._hashes[upload] = (size, state)
            if len(self._hashes) > 1000:  # abandoned ones; what is needed again is computed again
                self._hashes.pop(next(iter(self._hashes)))
        return size

    async def uploaded(self, upload: str) -> int:
        try:
            return await self.driver.uploaded(_checked(upload))
        except Missing:
            raise Refusal("BLOB_UPLOAD_UNKNOWN", detail={"upload": upload}) from None

    async def cancel(self, upload: str) -> None:
        await self.uploaded(upload)
        self._hashes.pop(upload, None)
        await self.driver.drop(upload)

    async def finish(self, name: str, upload: str, digest: str) -> None:
        """Let an upload be a blob of the repository. It is dropped when its bytes have another digest."""
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
        # the collector may have seen it without our mark: let it end (another process's, so nobody tells us)
        while await self._condemned(digest):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await self.driver.finish(upload, blob_key(digest))

    async def _mark(self, name: str, digest: str) -> None:
        await self.driver.write(f"repositories/{name}/_blobs/{_flat(digest)}", b"1")

    async def _condemned(self, digest: str) -> bool:
        try:
            await self.driver.size(f"condemned/{_flat(digest)}")
        except Missing:
            return False
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
            packed = await self.driver.read(f"repositories/{name}/_manifests/{_flat(digest)}")
        except Missing:
            raise Refusal("MANIFEST_UNKNOWN", detail={"name": name, "reference": reference}) from None
        kind, _, data = packed.partition(b"\n")
        return Stored(data, kind.decode(), digest)

    async def put_manifest(
        self, name: str, reference: str, data: bytes, media_type: str, *, by: str = ""
    ) -> tuple[str, str]:
        """Store a manifest under a tag or its digest; its digest, and that of its subject if it has one."""
        try:
            document = parse_document(data, media_type)
        except Invalid as error:
            raise Refusal("MANIFEST_INVALID", error.message) from error
        algorithm = reference.partition(":")[0] if is_digest(reference) else "sha256"
        digest = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}" if algorithm in _ALGORITHMS else ""
        if is_digest(reference) and check_digest(reference) != digest:
            raise Refusal("DIGEST_INVALID", detail={"digest": reference})
        if not is_digest(reference):
            check_tag(reference)
        await self._check_parts(name, document)
        packed = document.media_type.encode() + b"\n" + data
        await self.driver.write(f"repositories/{name}/_manifests/{_flat(digest)}", packed)
        subject = document.subject.digest if document.subject else ""
        if subject:
            check_digest(subject)
            descriptor = _as_referrer(document, digest, len(data))
            key = f"repositories/{name}/_referrers/{_flat(subject)}/{_flat(digest)}"
            await self.driver.write(key, msgspec.json.encode(descriptor))
        if not is_digest(reference):
            tag = msgspec.json.encode(Tag(digest, time.time(), by))
            await self.driver.write(f"repositories/{name}/_tags/{reference}", tag)
        return digest, subject

    async def delete_manifest(self, name: str, digest: str) -> None:
        """Delete a manifest with the tags that mean it."""
        stored = await self.manifest(name, check_digest(digest))
        for tag in await self.tags(name):
            try:
                if (await self.tag(name, tag)).digest == digest:
                    await self.driver.delete(f"repositories/{name}/_tags/{tag}")
            except Refusal:
                continue
        await self.driver.delete(f"repositories/{name}/_manifests/{_flat(digest)}")
        document = parse_document(stored.data, stored.media_type)
        if document.subject:
            key = f"repositories/{name}/_referrers/{_flat(document.subject.digest)}/{_flat(digest)}"
            await self.driver.delete(key)

    async def _check_parts(self, name: str, document: Manifest | Index) -> None:
        missing = []
        if isinstance(document, Index):
            for part in document.manifests:
                if not await self._has(f"repositories/{name}/_manifests/{_flat(check_digest(part.digest))}"):
                    missing.append(part.digest)
        else:
            for digest in dict.fromkeys((document.config.digest, *_layers(document))):
                if not await self._has(f"repositories/{name}/_blobs/{_flat(check_digest(digest))}"):
                    missing.append(digest)
        if missing:
            raise Refusal("MANIFEST_BLOB_UNKNOWN", detail={"digests": missing[:20]})

    async def _has(self, key: str) -> bool:
        try:
            await self.driver.size(key)
        except Missing:
            return False
        return True

    # tags, referrers, repositories

    async def tag(self, name: str, tag: str) -> Tag:
        check_tag(tag)
        try:
            return msgspec.json.decode(await self.driver.read(f"repositories/{name}/_tags/{tag}"), type=Tag)
        except Missing:
            raise Refusal("MANIFEST_UNKNOWN", detail={"name": name, "tag": tag}) from None

    async def delete_tag(self, name: str, tag: str) -> None:
        if not await self.driver.delete(f"repositories/{name}/_tags/{check_tag(tag)}"):
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
        prefix = f"repositories/{name}/_referrers/{_flat(check_digest(subject))}/"
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


_ALGORITHMS = frozenset({"sha256", "sha512"})


def _checked(upload: str) -> str:
    if not _UPLOAD.fullmatch(upload):
        raise Refusal("BLOB_UPLOAD_UNKNOWN", detail={"upload": upload[:100]})
    return upload


def _layers(document: Manifest) -> list[str]:
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
