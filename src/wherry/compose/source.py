"""YAML files that remember on which line each key stands, so that errors can say it."""

from __future__ import annotations

import os
import re
from typing import Any

import yaml

from wherry.errors import Invalid

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Table(dict[str, Any]):
    """A mapping of a file. `lines` has the line of each key, counted from 1; `file` the path."""

    file = ""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.lines: dict[str, int] = {}


class Reset:
    """`!reset`: what was there before is gone."""


class Override:
    """`!override`: what was there before is replaced, not merged with."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Loader(_Base):  # type: ignore[misc]
    file = ""


def _mapping(loader: Any, node: Any) -> Any:
    table = Table()
    table.file = loader.file
    yield table
    own = {child[0].value for child in node.value if child[0].tag != "tag:yaml.org,2002:merge"}
    if len(own) != sum(child[0].tag != "tag:yaml.org,2002:merge" for child in node.value):
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise Invalid(
                    f"{loader.file}:{key.start_mark.line + 1}: mapping key {key.value!r} is there twice"
                )
            seen.add(key.value)
    loader.flatten_mapping(node)
    for key, value in node.value:
        name = str(key.value)
        table[name] = loader.construct_object(value, deep=True)
        table.lines[name] = key.start_mark.line + 1


def _plain(loader: Any, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_yaml_map(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    tag = loader.resolve(yaml.ScalarNode, node.value, (True, False))
    return loader.construct_object(yaml.ScalarNode(tag, node.value), deep=True)


def _override(loader: Any, node: Any) -> Override:
    if isinstance(node, yaml.MappingNode):
        found = Table()
        found.file = loader.file
        for key, value in node.value:
            found[str(key.value)] = loader.construct_object(value, deep=True)
            found.lines[str(key.value)] = key.start_mark.line + 1
        return Override(found)
    return Override(_plain(loader, node))


# As in YAML 1.2, which compose files are written for: `yes` and `on` are words, `22:22` is no number.
_PLAIN = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:int"}
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if tag not in _PLAIN]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^(?:[-+]?0[0-7]+|[-+]?(?:0|[1-9][0-9]*))$"), list("-+0123456789")
)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("!reset", lambda _loader, _node: Reset())
_Loader.add_constructor("!override", _override)
# A date stays the text it is written as, as in Go's YAML that compose files are written for.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))


def parse(text: str, file: str) -> Table:
    """The document of one compose file. Raises Invalid with file and line."""
    loader = _Loader(text)
    loader.file = file
    try:
        found = loader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark is not None else file
        raise Invalid(f"{where}: {getattr(error, 'problem', None) or error}") from None
    finally:
        loader.dispose()
    if found is None:
        found = Table()
    if not isinstance(found, Table):
        raise Invalid(f"{file}: top-level object must be a mapping")
    return found


def read(path: str) -> Table:
    """One compose file; `-` is standard input. Raises Invalid when it can't be read."""
    try:
        if path == "-":
            import sys

            return parse(sys.stdin.read(), "-")
        with open(path, encoding="utf-8") as file:
            return parse(
                file.read(), os.path.relpath(path) if len(os.path.relpath(path)) < len(path) else path
            )
    except OSError as error:
        raise Invalid(f"open {path}: {(error.strerror or '').lower()}") from None


def place(table: Any, key: str = "") -> str:
    """`file:line: ` of a key, or of the first key of a table; empty where it is not known."""
    if not isinstance(table, Table) or not table.file:
        return ""
    line = table.lines.get(key) or min(table.lines.values(), default=0)
    return f"{table.file}:{line}: " if line else f"{table.file}: "
