"""References, digests, media types, manifests and image configurations: typed, validated, pure data."""

from wherry.oci.digest import check_digest, hex_of, is_digest, sha256_of
from wherry.oci.image_config import (
    Healthcheck,
    History,
    ImageConfig,
    RootFS,
    RunConfig,
    encode_image_config,
    parse_image_config,
)
from wherry.oci.manifest import Descriptor, Index, Manifest, Platform, parse_index, parse_manifest
from wherry.oci.reference import Reference, looks_like_id, parse_reference

__all__ = [
    "Descriptor",
    "Healthcheck",
    "History",
    "ImageConfig",
    "Index",
    "Manifest",
    "Platform",
    "Reference",
    "RootFS",
    "RunConfig",
    "check_digest",
    "encode_image_config",
    "hex_of",
    "is_digest",
    "looks_like_id",
    "parse_image_config",
    "parse_index",
    "parse_manifest",
    "parse_reference",
    "sha256_of",
]
