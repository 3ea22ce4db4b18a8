"""JSON in and out through the interpreter's own C scanner and encoder.

`import json` costs 4 ms on the start path of every command, nearly all of it for `re`, which only its pure
Python fallbacks use. The C halves that `json` itself drives are used directly here; an interpreter without
them gets the standard library's module. A test compares both on arbitrary values.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Rules:
    """The attributes that the C scanner reads from a decoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 — the scanner clears it after each call


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} has no JSON form")


try:
    import _json

    _scan: Any = _json.make_scanner(_Rules)  # type: ignore[arg-type]
    _encode: Any = _json.make_encoder(
        None, _refuse, _json.encode_basestring_ascii, None, ":", ",", False, False, False
    )
except (ImportError, AttributeError, TypeError):  # not CPython, or one that changed these
    _scan = _encode = None


def decode(text: str | bytes) -> Any:
    """The value of one JSON document. Raises ValueError when it is none, or when something follows it."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    if _scan is None:
        import json

        return json.loads(text)
    text = text.strip()
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        raise ValueError(f"not JSON: {text[:80]!r}") from None
    if end != len(text):
        raise ValueError(f"not JSON: {text[end : end + 80]!r} follows the document")
    return value


def encode(value: object) -> bytes:
    """The compact JSON document of `value` (dicts, lists, strings, numbers, booleans, None)."""
    if _encode is None:
        import json

        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    return "".join(_encode(value, 0)).encode("ascii")
