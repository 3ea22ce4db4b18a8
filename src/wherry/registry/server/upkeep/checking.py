"""Are the bytes what they should be? Every blob and manifest is read and hashed.

A blob whose bytes are wrong is marked and served no more, so that the next push of it sends it again, which
mends it; one that is right (again) loses its mark.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from wherry.errors import Unavailable
from wherry.registry.server.content import Content
from wherry.registry.server.failures import Refusal
from wherry.registry.server.names import blob_key, damaged_key
from wherry.registry.server.storage import Missing
from wherry.registry.server.upkeep.survey import all_blobs, survey, used


class Finding(NamedTuple):
    """Something that is wrong. `kind`: damaged, unreadable or missing; `where`: who is concerned."""

    kind: str
    digest: str
    where: tuple[str, ...]


async def check(content: Content) -> AsyncIterator[Finding]:
    """What is wrong, as it is found. Reads everything."""
    driver = content.driver
    found = await survey(driver)
    holders: dict[str, list[str]] = {}
    for name, digests in found.blobs.items():
        for digest in digests:
            holders.setdefault(digest, []).append(name)
    for name, manifests in sorted(found.manifests.items()):
        for digest in manifests:
            try:
                await content.manifest(name, digest)
            except Refusal:
                if await content.has_manifest(name, digest):
                    yield Finding("damaged", digest, (name,))
    blobs = await all_blobs(driver)
    for digest in sorted(blobs):
        wrong = await _wrong(content, digest)
        if wrong:
            said = {"found": wrong, "at": time.time()}
            await driver.write(damaged_key(digest), msgspec.json.encode(said))
            wrong = await _wrong(content, digest)  # it may have been pushed again just now
        if not wrong:
            await driver.delete(damaged_key(digest))
            continue
        kind = "unreadable" if wrong == "unreadable" else "damaged"
        yield Finding(kind, digest, tuple(sorted(holders.get(digest, ()))))
    for name, manifests in sorted(found.manifests.items()):
        for digest in sorted(await used(content, name, manifests) or ()):
            # a cache has the manifests of blobs that nobody has asked for yet
            linked = digest in found.blobs.get(name, {})
            if linked and digest not in blobs and not await content.has(blob_key(digest)):
                yield Finding("missing", digest, (name,))


async def _wrong(content: Content, digest: str) -> str:
    """ "" when a blob is right (or gone); else its bytes' digest, or "unreadable"."""
    algorithm, _, wanted = digest.partition(":")
    state = hashlib.new(algorithm)
    try:
        size = (await content.driver.about(blob_key(digest))).size
        async for chunk in content.driver.stream(blob_key(digest), 0, size):
            await asyncio.to_thread(state.update, chunk)
    except Missing:
        return ""
    except (OSError, Unavailable):
        return "unreadable"
    return "" if state.hexdigest() == wanted else f"{algorithm}:{state.hexdigest()}"
