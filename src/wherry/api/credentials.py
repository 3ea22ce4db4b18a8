"""Registry credentials in the headers of a request, as Docker's clients send them."""

from __future__ import annotations

import binascii
from typing import Any

import msgspec

from wherry.api.call import Call
from wherry.errors import Invalid


def registry_auth(call: Call) -> dict[str, str] | None:
    """`X-Registry-Auth`: the credentials of one registry; None when there are none. Raises Invalid."""
    found = _decoded(call, "X-Registry-Auth")
    return None if found is None else _texts(found)


def registry_config(call: Call) -> dict[str, dict[str, str]]:
    """`X-Registry-Config`: credentials by registry, for what may need several. Raises Invalid."""
    found = _decoded(call, "X-Registry-Config") or {}
    return {host: _texts(auth) for host, auth in found.items() if isinstance(auth, dict)}


def _texts(auth: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in auth.items() if isinstance(value, str)}


def _decoded(call: Call, name: str) -> dict[str, Any] | None:
    """A header that is base64 (URL-safe or not, padded or not) of a JSON object."""
    header = call.request.head.headers.get(name.lower(), "").strip()
    if not header:
        return None
    try:
        plain = header.rstrip("=").replace("-", "+").replace("_", "/")
        raw = msgspec.json.decode(binascii.a2b_base64(plain + "=" * (-len(plain) % 4)))
    except (ValueError, msgspec.DecodeError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        raise Invalid(f"invalid {name} header: must be base64 of a JSON object")
    return raw
