"""What an output's fields say about the compression of its layers."""

from __future__ import annotations

from wherry.errors import Invalid, Unsupported
from wherry.store.archive.packing import Compression

__all__ = ["compression_in", "switch"]

_KINDS = {"gzip": "gzip", "zstd": "zstd", "uncompressed": ""}


def compression_in(fields: dict[str, str], default: str = "gzip") -> Compression:
    """What an output's fields ask for, which are taken out of them. Raises Invalid, Unsupported."""
    name = fields.pop("compression", default)
    if name in ("estargz",):
        raise Unsupported(f"compression={name} is not supported", hint="gzip, zstd or uncompressed")
    if name not in _KINDS:
        raise Invalid(f"unsupported layer compression type {name!r}", hint="gzip, zstd or uncompressed")
    text = fields.pop("compression-level", "")
    if text and not text.isdigit():
        raise Invalid(f"compression-level: not a whole number: {text!r}")
    oci = switch(fields, "oci-mediatypes", default=True)
    force = switch(fields, "force-compression")
    if text and int(text) > (22 if name == "zstd" else 9):
        raise Invalid(f"{name} has no compression level {text}")
    return Compression(_KINDS[name], int(text) if text else None, force, not oci)


def switch(fields: dict[str, str], name: str, *, default: bool = False) -> bool:
    """A field that is true or false, taken out; `name` alone means true. Raises Invalid."""
    if name not in fields:
        return default
    text = fields.pop(name).lower()
    if text not in ("", "true", "false", "1", "0"):
        raise Invalid(f"{name} is true or false, not {text!r}")
    return text in ("", "true", "1")
