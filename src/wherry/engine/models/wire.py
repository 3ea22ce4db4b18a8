"""How the engine's values become Docker's JSON, and back.

Attributes are snake_case, wire names are Docker's. What SQLite stores is the plain msgspec encoding of the
same structs (every field present); what a client sees is `to_wire`, without the empty ones of the
fields that Go marks `omitempty`.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

import msgspec

from wherry.errors import Invalid

# Maps whose keys are the user's own: a null in them is a value ("no options"), not an absent field.
_USER_KEYED = frozenset(
    {
        "Volumes",
        "ExposedPorts",
        "PortBindings",
        "EndpointsConfig",
        "Labels",
        "Tmpfs",
        "Sysctls",
        "Options",
        "DriverOpts",
        "Annotations",
    }
)
_STRING_OR_LIST = frozenset({"Cmd", "Entrypoint", "Shell"})


class Wire(msgspec.Struct, rename="pascal", kw_only=True):
    """Base of everything that is spoken on the API. `omit_empty` holds wire names left out when empty."""

    omit_empty: ClassVar[frozenset[str]] = frozenset()


W = TypeVar("W", bound=Wire)
_NEVER, _UNLESS_NUMBER, _ALWAYS = "", "unless number", "always"
_fields: dict[type, tuple[tuple[str, str, str], ...]] = {}


def _plan(kind: type[Wire]) -> tuple[tuple[str, str, str], ...]:
    """(attribute, wire name, when to leave it out). A 0 or False stays where None means absent, as in
    Go."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
    return tuple(
        (
            attribute,
            name,
            (_UNLESS_NUMBER if defaults[attribute] is None else _ALWAYS)
            if name in kind.omit_empty
            else _NEVER,
        )
        for attribute, name in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    )


def from_wire(kind: type[W], body: bytes | str) -> W:
    """Read a request body as Docker would.

    Unknown fields are ignored, null is the zero value, wrong types are refused: `Invalid`, with the
    place of the fault. An empty body is an object without fields.
    """
    if not body:
        return kind()
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError:
        pass  # the exact reading failed: read it the way Go's decoder does, which takes null for anything
    except msgspec.DecodeError as error:
        raise Invalid(f"invalid JSON: {error}") from None
    try:
        raw = msgspec.json.decode(body)
    except msgspec.DecodeError as error:  # the exact reading stopped before it came to this
        raise Invalid(f"invalid JSON: {error}") from None
    return convert(kind, raw)


def convert(kind: type[W], raw: object) -> W:
    """The same leniency for a value that is already parsed. Raises `Invalid`."""
    try:
        return msgspec.convert(_as_go_reads(raw, user_keyed=False), kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"invalid JSON: {error}") from None


def _as_go_reads(value: object, *, user_keyed: bool) -> object:
    if isinstance(value, dict):
        out: dict[str, object] = {}
        for key, item in value.items():
            if item is None and not user_keyed:
                continue
            if key in _STRING_OR_LIST and isinstance(item, str):
                item = [item]
            out[key] = _as_go_reads(item, user_keyed=not user_keyed and key in _USER_KEYED)
        return out
    if isinstance(value, list):
        return [_as_go_reads(item, user_keyed=False) for item in value]
    return value


def to_wire(value: Any) -> Any:
    """Plain dictionaries and lists with Docker's names, ready for any JSON encoder."""
    if isinstance(value, Wire):
        kind = type(value)
        plan = _fields.get(kind)
        if plan is None:
            plan = _fields[kind] = _plan(kind)
        out: dict[str, Any] = {}
        for attribute, name, omit in plan:
            item = getattr(value, attribute)
            if omit and not item and (omit is _ALWAYS or not isinstance(item, int)):
                continue
            out[name] = to_wire(item) if isinstance(item, (Wire, list, dict)) else item
        return out
    if isinstance(value, list):
        return [to_wire(item) for item in value]
    if isinstance(value, dict):
        return {key: to_wire(item) for key, item in value.items()}
    return value


def encode(value: Any) -> bytes:
    """The JSON body of a response."""
    return msgspec.json.encode(to_wire(value))
