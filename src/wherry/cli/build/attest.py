"""`--attest`, `--sbom` and `--provenance`: which attestations are wanted, and how."""

from __future__ import annotations

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.flags import Flags

_OFF = ("false", "0", "disabled=true")


def attests(flags: Flags) -> dict[str, dict[str, str]]:
    """By their kinds, the last one said counts. Raises Invalid."""
    found: dict[str, dict[str, str]] = {}
    for text in flags.every("attest"):
        fields = _fields(text)
        kind = fields.pop("type", "")
        if not kind:
            raise Invalid(f"invalid attestation {text!r}: type is missing", hint="--attest type=sbom")
        _take(found, kind, fields)
    for kind in ("sbom", "provenance"):
        if flags.given(kind):
            text = flags.text(kind)
            whole = (
                {} if text in ("true", "1", "") else {"disabled": "true"} if text in _OFF else _fields(text)
            )
            _take(found, kind, whole)
    return found


def _take(found: dict[str, dict[str, str]], kind: str, fields: dict[str, str]) -> None:
    if fields.pop("disabled", "false") not in ("false", "0"):
        found.pop(kind, None)
    else:
        found[kind] = fields


def _fields(text: str) -> dict[str, str]:
    found = {}
    for item in text.split(","):
        name, equals, value = item.partition("=")
        if not equals:
            raise Invalid(f"invalid attestation {text!r}: {item!r} is no NAME=VALUE")
        found[name.strip()] = value.strip()
    return found
