"""Values as Go's `fmt` prints them, and its formats as far as templates use them."""

from __future__ import annotations

import json
import re

from wherry.cli.format.quoting import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def printed(value: Any) -> str:
    """The value as `%v` prints it: `map[a:1 b:2]`, `[x y]`, `<nil>`, `true`."""
    if value is None:
        return "<nil>"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{printed(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(printed, value))}]"
    if callable(value):
        return printed(value())
    return str(value)


def _float(value: float) -> str:
    """As %v does: the shortest digits, an exponent below 1e-4 and from 1e21."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    if "e" in text:
        digits, _, exponent = text.partition("e")
        return f"{digits}e{int(exponent):+03d}"
    return text


def to_json(value: Any) -> str:
    """Compact JSON, names in the order they came in; members that are functions are called."""
    text = json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":  # Go escapes what a web page would take for its own
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items() if not _takes_arguments(member)}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return _plain(value()) if callable(value) else value


def _takes_arguments(member: Any) -> bool:
    code = getattr(member, "__code__", None)
    return code is not None and code.co_argcount > len(member.__defaults__ or ())


_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+))?([a-zA-Z%])")


def formatted(pattern: str, *values: Any) -> str:
    """The values in a format of Go's Printf: the usual verbs, with flags, width and precision."""
    waiting = list(values)

    def one(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        if width == "*":
            width = str(waiting.pop(0))
        if precision == "*":
            precision = str(waiting.pop(0))
        if not waiting:
            return f"%!{verb}(MISSING)"
        return _verb(flags, width or "", precision, verb, waiting.pop(0))

    text = _VERB.sub(one, pattern)
    if waiting:
        text += "%!(EXTRA " + ", ".join(f"{type(v).__name__}={printed(v)}" for v in waiting) + ")"
    return text


def _verb(flags: str, width: str, precision: str | None, verb: str, value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if verb in "doxXbc" and number:
        if verb == "c":
            text = chr(int(value))
        else:
            text = format(int(value), ("+" if "+" in flags else "") + ("#" if "#" in flags else "") + verb)
    elif verb in "feEgG" and number:
        text = format(
            float(value), ("+" if "+" in flags else "") + (f".{precision}" if precision else "") + verb
        )
    elif verb in "xX" and isinstance(value, str):
        text = value.encode().hex()
    elif verb == "q":
        text = quoted(printed(value))
    elif verb in "svtw" or (verb in "dx" and isinstance(value, (list, dict))):
        text = printed(value)
        if precision is not None and verb in "sv":
            text = text[: int(precision)]
    else:
        text = f"%!{verb}({type(value).__name__}={printed(value)})"
    columns = int(width) if width else 0
    if "-" in flags:
        return text.ljust(columns)
    if "0" in flags and number:
        return text.zfill(columns)
    return text.rjust(columns)
