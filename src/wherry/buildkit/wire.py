"""Protocol buffers: messages as structs whose `NUMBERS` say which field has which number on the wire.

Types are int (varints of all kinds), bool, str, bytes, another message (None when it is absent), lists of
these, and dictionaries by str. Fields that are not known are skipped, as the format has it.
Source: protobuf.dev, Encoding.
"""

from __future__ import annotations

import functools
import types
import typing
from typing import Any, ClassVar, TypeVar

import msgspec

__all__ = ["Message", "decode", "encode"]

M = TypeVar("M", bound="Message")
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MASK = (1 << 64) - 1


class Message(msgspec.Struct):
    """The base of all messages."""

    NUMBERS: ClassVar[dict[str, int]] = {}


def encode(message: Message) -> bytes:
    """A message as bytes; what has its default is left out."""
    out = bytearray()
    for name, number in message.NUMBERS.items():
        value = getattr(message, name)
        if isinstance(value, list):
            for one in value:
                _field(out, number, one)
        elif isinstance(value, dict):
            for key, one in value.items():
                entry = bytearray()
                _field(entry, 1, key)
                _field(entry, 2, one)
                _field(out, number, bytes(entry))
        elif isinstance(value, Message) or (value is not None and value != type(value)()):
            _field(out, number, value)
    return bytes(out)


def decode(data: bytes, kind: type[M]) -> M:
    """Bytes as a message. Raises ValueError for what is none."""
    fields = _fields(kind)
    values: dict[str, Any] = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value, at = _value(data, at, tag & 7)
        known = fields.get(tag >> 3)
        if known is None:
            continue
        name, shape, of = known
        if shape == "list":
            found = values.setdefault(name, [])
            if of is int and isinstance(value, bytes):  # packed
                inner = 0
                while inner < len(value):
                    number, inner = _varint(value, inner)
                    found.append(_as(number, of))
            else:
                found.append(_as(value, of))
        elif shape == "map":
            key, one = _entry(value, of)
            values.setdefault(name, {})[key] = one
        else:
            values[name] = _as(value, of)
    return kind(**values)


def _entry(data: Any, of: Any) -> tuple[str, Any]:
    if not isinstance(data, bytes):
        raise ValueError("a map's entry is no message")
    key, one, at = "", _as(b"" if of is not int else 0, of), 0
    while at < len(data):
        tag, at = _varint(data, at)
        value, at = _value(data, at, tag & 7)
        if tag >> 3 == 1:
            key = _as(value, str)
        elif tag >> 3 == 2:
            one = _as(value, of)
    return key, one


def _as(value: Any, of: Any) -> Any:
    if of is int or of is bool:
        if not isinstance(value, int):
            raise ValueError("a number was expected")
        return bool(value) if of is bool else value - (1 << 64) if value >> 63 else value
    if not isinstance(value, bytes):
        raise ValueError("bytes were expected")
    if of is bytes:
        return value
    if of is str:
        return value.decode("utf-8", "replace")
    return decode(value, of)


@functools.cache
def _fields(kind: type[Message]) -> dict[int, tuple[str, str, Any]]:
    """Number → name, shape (one, list, map), type."""
    hints = typing.get_type_hints(kind)
    found = {}
    for name, number in kind.NUMBERS.items():
        hint = hints[name]
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is list:
            found[number] = (name, "list", arguments[0])
        elif origin is dict:
            found[number] = (name, "map", arguments[1])
        elif origin in (types.UnionType, typing.Union):
            found[number] = (name, "one", arguments[0])
        else:
            found[number] = (name, "one", hint)
    return found


def _field(out: bytearray, number: int, value: Any) -> None:
    if isinstance(value, int):
        _write_varint(out, number << 3 | _VARINT)
        _write_varint(out, int(value) & _MASK)
        return
    if isinstance(value, Message):
        value = encode(value)
    elif isinstance(value, str):
        value = value.encode("utf-8", "replace")
    _write_varint(out, number << 3 | _BYTES)
    _write_varint(out, len(value))
    out += value


def _write_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("a number is cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _MASK, at
        shift += 7


def _value(data: bytes, at: int, wire: int) -> tuple[int | bytes, int]:
    if wire == _VARINT:
        return _varint(data, at)
    if wire == _BYTES:
        size, at = _varint(data, at)
    elif wire in (_FIXED64, _FIXED32):
        size = 8 if wire == _FIXED64 else 4
    else:
        raise ValueError(f"unknown wire type {wire}")
    if at + size > len(data):
        raise ValueError("a field is cut short")
    return data[at : at + size], at + size
