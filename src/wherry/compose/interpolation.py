"""`$VAR` and `${VAR…}` in values, with every modifier of the specification, nested too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from wherry.compose.source import Override, Table, place
from wherry.errors import Invalid

_MENTION = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?:(:?[-+?])([^}]*))?\}?|([A-Za-z_]\w*))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def substitute(text: str, variables: Mapping[str, str], missing: set[str] | None = None) -> str:
    """The text with its variables replaced; `$$` is a dollar sign.

    Names without a value go into `missing`. Raises Invalid for what is malformed or required (`:?`).
    """
    if "$" not in text:
        return text
    result, position = [], 0
    while (found := text.find("$", position)) >= 0:
        result.append(text[position:found])
        after = text[found + 1 : found + 2]
        if after == "$":
            result.append("$")
            position = found + 2
        elif after == "{":
            end = _closing(text, found + 2)
            result.append(_braced(text[found + 2 : end], variables, missing, text))
            position = end + 1
        elif name := _NAME.match(text, found + 1):
            result.append(_value(name[0], variables, missing))
            position = name.end()
        else:
            raise Invalid(f"invalid interpolation format: {text!r}", hint="$$ is a dollar sign")
    result.append(text[position:])
    return "".join(result)


def _closing(text: str, position: int) -> int:
    depth = 1
    while position < len(text):
        if text[position] == "}":
            depth -= 1
            if not depth:
                return position
        elif text[position] == "$" and text[position + 1 : position + 2] == "$":
            position += 1
        elif text.startswith("${", position):
            depth += 1
            position += 1
        position += 1
    raise Invalid(f"invalid interpolation format: {text!r}: a brace is never closed")


def _value(name: str, variables: Mapping[str, str], missing: set[str] | None) -> str:
    value = variables.get(name)
    if value is None:
        if missing is not None:
            missing.add(name)
        return ""
    return value


def _braced(inner: str, variables: Mapping[str, str], missing: set[str] | None, whole: str) -> str:
    name = _NAME.match(inner)
    if name is None:
        raise Invalid(f"invalid interpolation format: {whole!r}")
    rest = inner[name.end() :]
    if not rest:
        return _value(name[0], variables, missing)
    strict = rest[0] == ":"
    operator, argument = rest[strict : strict + 1], rest[strict + 1 :]
    value = variables.get(name[0])
    there = value is not None and (value != "" or not strict)
    if operator == "-":
        return value or "" if there else substitute(argument, variables, missing)
    if operator == "+":
        return substitute(argument, variables, missing) if there else ""
    if operator == "?":
        if not there:
            reason = substitute(argument, variables, missing)
            raise Invalid(f"required variable {name[0]} is missing a value: {reason}")
        return value or ""
    raise Invalid(f"invalid interpolation format: {whole!r}")


class Variable(NamedTuple):
    """A variable that a file names.

    `required`: it must have a value; `default` stands in for a missing one, `other` for one that is there.
    """

    name: str
    required: bool = False
    default: str = ""
    other: str = ""


def mentioned(value: Any) -> set[Variable]:
    """The variables in all texts below `value`."""
    if isinstance(value, str):
        return {_described(match) for match in _MENTION.finditer(value.replace("$$", ""))}
    if isinstance(value, Override):
        return mentioned(value.value)
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*map(mentioned, inside)) if inside else set()


def _described(match: re.Match[str]) -> Variable:
    name, operator, rest = match[1] or match[4], (match[2] or "").lstrip(":"), match[3] or ""
    return Variable(
        name,
        required=operator == "?",
        default=rest if operator == "-" else "",
        other=rest if operator == "+" else "",
    )


def interpolate(value: Any, variables: Mapping[str, str], missing: set[str], path: str = "") -> Any:
    """Replace variables in all texts below `value`, in place. Raises Invalid with file, line and path."""
    if isinstance(value, str):
        try:
            return substitute(value, variables, missing)
        except RecursionError:
            raise Invalid("variables nested too deeply") from None
    if isinstance(value, Override):
        value.value = interpolate(value.value, variables, missing, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            value[index] = interpolate(item, variables, missing, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            try:
                value[key] = interpolate(item, variables, missing, where)
            except Invalid as error:
                if isinstance(value, Table) and value.file and not getattr(error, "placed", False):
                    error = Invalid(f"{place(value, key)}{where}: {error.message}", hint=error.hint)
                    error.placed = True  # type: ignore[attr-defined]
                raise error from None
    return value
