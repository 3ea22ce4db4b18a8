"""Names of repositories, tags, digests and uploads: what they may look like, and the keys they lead to."""

from __future__ import annotations

import re

from wherry.registry.server.failures import Refusal

ALGORITHMS = frozenset({"sha256", "sha512"})
_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_UPLOAD = re.compile(r"[0-9a-f]{32}")


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


def check_upload(upload: str) -> str:
    """Raises Refusal."""
    if not _UPLOAD.fullmatch(upload):
        raise Refusal("BLOB_UPLOAD_UNKNOWN", detail={"upload": upload[:100]})
    return upload


def flat(digest: str) -> str:
    """A digest as one component of a key."""
    return digest.replace(":", "-")


def unflat(component: str) -> str:
    """The digest again."""
    return component.replace("-", ":", 1)


def blob_key(digest: str) -> str:
    """Where a blob's bytes are."""
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value[:2]}/{value}"


def link_key(name: str, digest: str) -> str:
    """What says that a repository has a blob."""
    return f"repositories/{name}/_blobs/{flat(digest)}"


def manifest_key(name: str, digest: str) -> str:
    return f"repositories/{name}/_manifests/{flat(digest)}"


def tag_key(name: str, tag: str) -> str:
    return f"repositories/{name}/_tags/{tag}"


def referrer_key(name: str, subject: str, digest: str) -> str:
    return f"repositories/{name}/_referrers/{flat(subject)}/{flat(digest)}"


def condemned_key(digest: str) -> str:
    """What says that a collector is deciding about a blob."""
    return f"condemned/{flat(digest)}"


def damaged_key(digest: str) -> str:
    """What says that a blob's bytes are not what they should be."""
    return f"damaged/{flat(digest)}"
