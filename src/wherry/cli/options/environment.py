"""Variables and labels: from flags, from files of lines, from this process's own environment."""

from __future__ import annotations

import os

from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.flags import Flags


def environment(flags: Flags) -> list[str]:
    """The `Env` of --env-file and --env, in that order. Raises Invalid for what names no variable."""
    result: list[str] = []
    for path in flags.every("env-file"):
        for line in _lines(path):
            name, equals, value = line.partition("=")
            name = name.lstrip()
            if not name:
                raise Invalid(f"no variable name on line '{line}' of {path}")
            if any(space in name for space in " \t\r\v\f"):
                raise Invalid(f"variable '{name}' contains whitespaces")
            if equals:
                result.append(f"{name}={value}")
            elif name in os.environ:
                result.append(f"{name}={os.environ[name]}")
    for text in flags.every("env"):
        name, equals, _ = text.partition("=")
        if not name:
            raise Invalid(
                f'invalid argument "{text}" for "-e, --env" flag: invalid environment variable: {text}'
            )
        if equals:
            result.append(text)
        elif name in os.environ:
            result.append(f"{name}={os.environ[name]}")
        else:
            result.append(name)  # the engine takes it as: unset what the image sets
    return result


def labels(flags: Flags) -> dict[str, str]:
    """The labels of --label-file and --label; the last of a name counts."""
    result: dict[str, str] = {}
    for path in flags.every("label-file"):
        for line in _lines(path):
            name, _, value = line.partition("=")
            if not name.strip():
                raise Invalid(f"invalid label '{line}' in {path}: empty name")
            result[name.strip()] = value
    for text in flags.every("label"):
        name, _, value = text.partition("=")
        if not name:
            raise Invalid(
                f'invalid argument "{text}" for "-l, --label" flag: invalid label \'{text}\': empty name'
            )
        result[name] = value
    return result


def pairs(values: list[str]) -> dict[str, str]:
    """NAME=VALUE texts as a dict; a missing value is empty."""
    return {name: value for name, _, value in (text.partition("=") for text in values)}


def _lines(path: str) -> list[str]:
    """A file's lines without comments, blank lines and leading space."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise Invalid(f"open {path}: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8 text") from None
    text = text.removeprefix("\ufeff")
    found = (line.lstrip() for line in text.split("\n"))
    return [line for line in found if line and not line.startswith("#")]
