"""What an order says about outputs and caches, understood before anything is built."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from wherry.build.outputs.compression import compression_in, switch
from wherry.build.sharing.sources import CacheSource
from wherry.errors import Invalid, Unsupported
from wherry.oci import Reference, parse_reference
from wherry.oci.manifest import Descriptor
from wherry.store.archive.packing import Compression

from .contexts import is_seen

if TYPE_CHECKING:
    from .order import CacheOrder, OutputOrder

__all__ = ["CacheTarget", "Output", "cache_source", "cache_target", "output"]

_FILES = ("local", "tar")
_ARCHIVES = ("oci", "docker")
_ELSEWHERE = ("gha", "s3", "azblob")


class Output(NamedTuple):
    """`kind`: files (a tar of them), oci, docker (archives), image, none. `names` are those of the image."""

    kind: str
    names: list[Reference]
    push: bool = False
    by_digest: bool = False
    compression: Compression = Compression()
    rewrite: bool = False

    @property
    def image(self) -> bool:
        """Whether an image is wanted."""
        return self.kind not in ("files", "none")


class CacheTarget(NamedTuple):
    """`kind`: registry, local, inline. `everything`: of all stages (mode=max)."""

    kind: str
    reference: Reference | None
    tag: str
    everything: bool
    compression: Compression
    have: dict[str, Descriptor]
    may_fail: bool


def output(order: OutputOrder, tags: Iterable[str]) -> Output:
    """Raises Invalid, Unsupported for fields that are not known."""
    fields = dict(order.fields)
    kind = order.kind
    if kind in _FILES:
        _nothing_left(fields, f"output type {kind}")
        return Output("files", [])
    if kind == "cacheonly":
        _nothing_left(fields, "output type cacheonly")
        return Output("none", [])
    if kind not in (*_ARCHIVES, "image", "registry"):
        raise Invalid(f"unknown output type {kind!r}", hint="local, tar, oci, docker, image or registry")
    given = [name.strip() for name in fields.pop("name", "").split(",") if name.strip()] or list(tags)
    names = [parse_reference(name).tagged for name in given]
    push = kind == "registry" or switch(fields, "push")
    by_digest = switch(fields, "push-by-digest")
    compression = compression_in(fields, "uncompressed" if kind == "docker" else "gzip")
    rewrite = switch(fields, "rewrite-timestamp")
    for name in ("load", "unpack", "store", "name-canonical", "dangling-name-prefix"):
        fields.pop(name, None)  # of containerd: an image of ours is in the store, unpacked, in any case
    _nothing_left(fields, f"output type {kind}")
    if push and not names:
        raise Invalid("a pushed image needs a name", hint="-t REGISTRY/NAME:TAG, or name=… in the output")
    return Output("image" if kind == "registry" else kind, names, push, by_digest, compression, rewrite)


def cache_source(order: CacheOrder) -> CacheSource:
    """Raises Invalid, Unsupported; Conflict when a directory is not seen here."""
    fields = dict(order.fields)
    kind = _cache_kind(fields)
    if kind == "registry":
        place = parse_reference(_needed(fields, "ref", "--cache-from")).tagged
        _nothing_left(fields, "--cache-from")
        return CacheSource(kind, str(place))
    if kind != "local":
        raise Invalid(f"--cache-from can't be of the type {kind}")
    path = _needed(fields, "src", "--cache-from")
    seen = order.directory
    if seen is None or not is_seen(seen.path, (seen.boot, seen.device, seen.inode)):
        raise Unsupported(
            f"the engine does not see the directory {path}", hint="a cache in a registry is seen everywhere"
        )
    source = CacheSource(kind, seen.path, fields.pop("tag", ""), fields.pop("digest", ""))
    _nothing_left(fields, "--cache-from")
    return source


def cache_target(order: CacheOrder) -> CacheTarget:
    """Raises Invalid, Unsupported."""
    fields = dict(order.fields)
    kind = _cache_kind(fields)
    mode = fields.pop("mode", "min")
    if mode not in ("min", "max"):
        raise Invalid(f"--cache-to: mode is min or max, not {mode!r}")
    reference = None
    tag = "latest"
    if kind == "registry":
        reference = parse_reference(_needed(fields, "ref", "--cache-to")).tagged
    elif kind == "local":
        _needed(fields, "dest", "--cache-to")
        tag = fields.pop("tag", "latest")
    elif mode == "max":
        raise Invalid("--cache-to: an inline cache has only what is in the image", hint="mode=min")
    compression = compression_in(fields)
    may_fail = switch(fields, "ignore-error")
    fields.pop("image-manifest", None)  # what is written is one
    _nothing_left(fields, "--cache-to")
    return CacheTarget(kind, reference, tag, mode == "max", compression, order.have, may_fail)


def _cache_kind(fields: dict[str, str]) -> str:
    kind = fields.pop("type", "registry")
    if kind in _ELSEWHERE:
        raise Unsupported(f"caches of the type {kind} are not supported", hint="registry, local or inline")
    if kind not in ("registry", "local", "inline"):
        raise Invalid(f"unknown cache type {kind!r}", hint="registry, local or inline")
    return kind


def _needed(fields: dict[str, str], name: str, where: str) -> str:
    value = fields.pop(name, "")
    if not value:
        raise Invalid(f"{where}: {name} is missing")
    return value


def _nothing_left(fields: dict[str, str], where: str) -> None:
    if fields:
        raise Unsupported(f"{where}: {', '.join(sorted(fields))} is not supported")
