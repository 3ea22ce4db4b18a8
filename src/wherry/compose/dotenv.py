"""Files of NAME=VALUE lines: `.env` and those that `env_file` names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wherry.compose.interpolation import substitute
from wherry.errors import Invalid

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.\-]*)\s*(?:[=:]\s*)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$"}


def parse(text: str, variables: Mapping[str, str], file: str) -> dict[str, str | None]:
    """The variables of one file, in order; None for a name without a value (it comes from outside).

    Single quotes keep everything; double quotes know escapes; both may go over several lines. Values refer to
    `variables` and to those before them. Raises Invalid with file and line.
    """
    found: dict[str, str | None] = {}
    position = 0
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].rstrip("\r")
        number = text.count("\n", 0, position) + 1
        if not line.strip() or line.lstrip().startswith("#"):
            position = end + 1
            continue
        match = _LINE.match(line)
        if match is None:
            raise Invalid(f"{file}:{number}: not of the form NAME=VALUE")
        start = position + match.end()
        known = {**{name: value or "" for name, value in found.items()}, **variables}
        try:
            if not match[0].rstrip().endswith(("=", ":")):
                if line[match.end() :].strip():
                    raise Invalid("not of the form NAME=VALUE")
                found[match[1]] = None
                position = end + 1
            elif text[start : start + 1] in ("'", '"') and start < end:
                value, position = _quoted(text, start)
                found[match[1]] = value if text[start] == "'" else substitute(value, known)
            else:
                value = re.split(r"\s+#", f" {line[match.end() :]}", maxsplit=1)[0].strip()
                found[match[1]] = substitute(value, known)
                position = end + 1
        except Invalid as error:
            raise Invalid(f"{file}:{number}: {error.message}") from None
    return found


def _quoted(text: str, start: int) -> tuple[str, int]:
    quote, position = text[start], start + 1
    value: list[str] = []
    while position < len(text):
        letter = text[position]
        if letter == quote:
            end = text.find("\n", position)
            return "".join(value), len(text) if end < 0 else end + 1
        if letter == "\\" and quote == '"':
            position += 1
            value.append(_ESCAPES.get(text[position : position + 1], "\\" + text[position : position + 1]))
        else:
            value.append(letter)
        position += 1
    raise Invalid("a quote is never closed")


def parse_raw(text: str, file: str) -> dict[str, str | None]:
    """The variables of a file in the `raw` format: a value is all that follows the equals sign."""
    found: dict[str, str | None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not _NAME.fullmatch(name.strip()):
            raise Invalid(f"{file}:{number}: not of the form NAME=VALUE")
        found[name.strip()] = value if equals else None
    return found


def read(
    path: str, variables: Mapping[str, str], *, raw: bool = False, what: str = "env file"
) -> dict[str, str | None]:
    """The variables of a file. Raises Invalid when it can't be read."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise Invalid(f"{what} {path} not found: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError as error:
        raise Invalid(f"{path}: not UTF-8, at byte {error.start}") from None
    return parse_raw(text, path) if raw else parse(text, variables, path)
