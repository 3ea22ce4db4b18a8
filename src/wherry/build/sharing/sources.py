"""What `--cache-from` names, opened: registries, directories, images."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

from wherry.build.sharing.documents import CONFIG_TYPE, read_inlined, read_records
from wherry.build.sharing.imports import Imports, Shared
from wherry.build.sharing.layouts import Layout
from wherry.errors import NotFound, WherryError
from wherry.oci import parse_image_config
from wherry.oci.manifest import Descriptor, Manifest, Platform

if TYPE_CHECKING:  # the HTTP client takes long to load
    from wherry.registry.client.remote import Remote

__all__ = ["CacheSource", "open_sources"]


class CacheSource(NamedTuple):
    """`kind` is registry (`place` is an image's name) or local (`place` is a directory, an image layout)."""

    kind: str
    place: str
    tag: str = ""
    digest: str = ""


async def open_sources(
    sources: Sequence[CacheSource],
    imports: Imports,
    platform: Platform,
    remote: Callable[[str], AbstractAsyncContextManager[Remote]],
    stack: AsyncExitStack,
    warn: Callable[[str], None],
) -> None:
    """Add them to `imports`; open until `stack` closes. What can't be had is said by `warn`: a build goes on
    without it."""
    for source in sources:
        try:
            imports.add(await _open(source, platform, remote, stack))
        except WherryError as error:
            warn(f"failed to import the cache {source.place}: {error.message}")


async def _open(
    source: CacheSource,
    platform: Platform,
    remote: Callable[[str], AbstractAsyncContextManager[Remote]],
    stack: AsyncExitStack,
) -> Shared:
    if source.kind == "local":
        layout = Layout(source.place)
        stack.callback(layout.close)
        found = layout.find(tag=source.tag, digest=source.digest, platform=platform)
        return _shared(source.place, found, layout.whole(found.config), layout.blob)
    place = await stack.enter_async_context(remote(source.place))
    manifest, config = await place.find(platform)
    return _shared(source.place, manifest, config, place.read)


def _shared(
    name: str,
    manifest: Manifest,
    config: bytes,
    read: Callable[[Descriptor], AsyncIterator[bytes] | Iterator[bytes]],
) -> Shared:
    if manifest.config.media_type == CONFIG_TYPE:
        records, blobs = read_records(config, manifest)
    else:
        records = read_inlined(config)
        blobs = dict(zip(parse_image_config(config).rootfs.diff_ids, manifest.layers, strict=False))
    if not records:
        raise NotFound("there is no cache of builds in it")
    return Shared(name, records, blobs, read)
