"""One image or several, with what is said about them: as documents for an archive or a registry."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from wherry.build.attest.documents import INDEX, Attested, attested, index_of, statement
from wherry.build.attest.packages import find_packages
from wherry.build.attest.provenance import PREDICATES, Times, image_url, material, provenance
from wherry.build.attest.spdx import PREDICATE, spdx
from wherry.build.finish import Built
from wherry.build.outputs.layout import document
from wherry.build.sources import LayerFiles
from wherry.errors import Invalid, Unsupported
from wherry.oci import Platform, Reference
from wherry.oci.manifest import Descriptor
from wherry.store.apart import to_its_end
from wherry.store.archive.packing import Compression, manifest_of
from wherry.store.machine import architecture

from ..moments import rfc3339

if TYPE_CHECKING:
    from .manager import Builds
    from .order import BuildOrder

__all__ = ["Bundle", "check_attests"]

_ANNOTATION = re.compile(r"(?:([a-z,-]+)(?:\[([^\]]+)\])?:)?([^=]+)=(.*)", re.DOTALL)
_LEVELS = ("manifest", "index", "manifest-descriptor", "index-descriptor")


class Bundle:
    """What an order makes of builds (one a platform), for one name."""

    def __init__(self, builds: Builds, order: BuildOrder, made: list[Built]) -> None:
        """Raises Invalid for annotations that are none."""
        self._builds = builds
        self._order = order
        self._made = made
        self._annotations = [_annotation(text) for text in order.annotations]

    @property
    def indexed(self) -> bool:
        """Whether there is an index over the images."""
        wanted = any(level.startswith("index") for level, _, _, _ in self._annotations)
        return len(self._made) > 1 or bool(self._order.attests) or wanted

    def manifest(
        self, built: Built, blobs: Mapping[str, Descriptor], compression: Compression
    ) -> tuple[bytes, Descriptor]:
        """An image's manifest; the descriptor has its platform and annotations."""
        assert built.image is not None
        config = built.image.config
        platform = Platform(architecture=config.architecture, os=config.os, variant=config.variant)
        annotations = self._of("manifest", _shown(platform))
        manifest = manifest_of(built.config, built.image.layers, blobs, compression, annotations)
        described = document(manifest, compression.manifest_type)
        return manifest, msgspec.structs.replace(
            described, platform=platform, annotations=self._of("manifest-descriptor", _shown(platform))
        )

    async def about(self, built: Built, image: Descriptor, names: list[Reference]) -> Attested | None:
        """The statements about an image; None when none are wanted."""
        attests = self._order.attests
        if not attests:
            return None
        assert built.image is not None and image.platform is not None
        platform = _shown(image.platform)
        urls = [image_url(str(name), platform) for name in names]
        statements = []
        if "sbom" in attests:
            layers = list(built.image.layers)
            packages = await to_its_end(self._packages, layers)
            created = built.image.config.created or rfc3339(int(built.finished * 1e9))
            name = str(names[0]) if names else built.image.id
            listed = spdx(packages, name=name, created=f"{created[:19]}Z")
            statements.append((PREDICATE, statement(PREDICATE, listed, image, urls)))
        if "provenance" in attests:
            fields = attests["provenance"]
            version = fields.get("version", "v1")
            predicate = provenance(
                built.request,
                [material(name, digest, platform) for name, digest in sorted(built.materials.items())],
                "/".join(("linux", *filter(None, architecture()))),
                _times(built),
                version=version,
                whole=fields.get("mode", "min") == "max",
            )
            kind = PREDICATES[version]
            statements.append((kind, statement(kind, predicate, image, urls)))
        return attested(image, statements)

    def index(self, images: list[tuple[Descriptor, Attested | None]]) -> tuple[bytes, Descriptor]:
        """The index over images and statements."""
        data = index_of(images, self._of("index", ""))
        described = document(data, INDEX)
        return data, msgspec.structs.replace(described, annotations=self._of("index-descriptor", ""))

    def _packages(self, layers: list[str]) -> Any:
        files = LayerFiles(self._builds.layer_directories(layers))
        try:
            return find_packages(files)
        finally:
            files.close()

    def _of(self, level: str, platform: str) -> dict[str, str]:
        return {
            name: value
            for where, only, name, value in self._annotations
            if where == level and only in ("", platform)
        }


def check_attests(order: BuildOrder, platforms: list[str], kinds: list[tuple[str, bool]]) -> None:
    """Raises Invalid, Unsupported for what can't be attested, or kept. `kinds` are (kind, pushed) of the
    outputs: an index goes into a registry or an archive, the engine's own store has images."""
    for name, fields in order.attests.items():
        if name not in ("sbom", "provenance"):
            raise Invalid(f"unknown attestation type {name!r}", hint="sbom or provenance")
        known = {"mode": ("min", "max"), "version": tuple(PREDICATES)} if name == "provenance" else {}
        for field, value in fields.items():
            if field == "generator":
                raise Unsupported(
                    "--attest with a generator is not supported", hint="packages are listed here"
                )
            if value not in known.get(field, ()):
                raise Invalid(f"attestation {name}: {field}={value} is not known")
    wanted = "attestations" if order.attests else "several platforms" if len(platforms) > 1 else ""
    if wanted and (not kinds or any(kind != "oci" and not pushed for kind, pushed in kinds)):
        raise Unsupported(
            f"{wanted} need an index, which the engine's own store does not keep",
            hint="--push, or -o type=oci,dest=FILE",
        )


def _annotation(text: str) -> tuple[str, str, str, str]:
    """`[LEVEL[PLATFORM]:]NAME=VALUE`: (level, platform, name, value)."""
    match = _ANNOTATION.fullmatch(text)
    if match is None:
        raise Invalid(f"invalid annotation {text!r}", hint="--annotation NAME=VALUE, or index:NAME=VALUE")
    level = match[1] or "manifest"
    if level not in _LEVELS:
        if match[1] and not match[2]:  # a name may have a colon itself
            return "manifest", "", f"{match[1]}:{match[3]}", match[4]
        raise Invalid(f"unknown annotation type {level!r}", hint=", ".join(_LEVELS))
    return level, match[2] or "", match[3], match[4]


def _times(built: Built) -> Times:
    epoch = built.request.epoch
    started, finished = (epoch, epoch) if epoch is not None else (built.started, built.finished)
    identity = built.image.id[7:32] if built.image is not None else ""
    return Times(identity, rfc3339(int(started * 1e9)), rfc3339(int(finished * 1e9)))


def _shown(platform: Platform) -> str:
    return "/".join(part for part in (platform.os, platform.architecture, platform.variant) if part)
