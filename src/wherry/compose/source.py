"""YAML files that remember on which line each key stands, so that errors can say it."""

from __future__ import annotations

import os
import re
from typing import Any

import yaml

from wherry.errors import Invalid

_MOST_BYTES = 16 << 20
_MOST_VALUES = 1_000_000
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
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Invalid(f"{loader.file}:{key.start_mark.line + 1}: a mapping key must be a text")
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
        node = loader.get_single_node()
        if node is not None:
            _measure(node, file)
        found = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        if mark is None and hasattr(error, "position"):
            line = text.count("\n", 0, int(error.position)) + 1
            raise Invalid(f"{file}:{line}: characters that YAML does not allow") from None
        where = f"{file}:{mark.line + 1}" if mark is not None else file
        raise Invalid(f"{where}: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise Invalid(f"{file}: nested too deeply") from None
    finally:
        loader.dispose()
    if found is None:
        found = Table()
    if not isinstance(found, Table):
        raise Invalid(f"{file}: top-level object must be a mapping")
    return found


def _measure(root: Any, file: str) -> None:
    """Count the values that a document has once its aliases are written out. Raises Invalid beyond a million.

    A few lines of aliases to lists of aliases are otherwise more than any memory; an alias inside of what it
    stands for never ends.
    """
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def visit(node: Any) -> int:
        if isinstance(node, yaml.ScalarNode):
            return 1
        known = sizes.get(id(node))
        if known is not None:
            return known
        line = node.start_mark.line + 1
        if id(node) in open_nodes:
            raise Invalid(f"{file}:{line}: an alias inside of what it stands for")
        open_nodes.add(id(node))
        children = (
            node.value if isinstance(node, yaml.SequenceNode) else (x for pair in node.value for x in pair)
        )
        total = 1 + sum(visit(child) for child in children)
        if total > _MOST_VALUES:
            raise Invalid(f"{file}:{line}: more than {_MOST_VALUES} values, with all aliases written out")
        open_nodes.discard(id(node))
        sizes[id(node)] = total
        return total

    visit(root)


def read(path: str) -> Table:
    """One compose file; `-` is standard input. Raises Invalid when it can't be read."""
    name = path if path == "-" or len(os.path.relpath(path)) >= len(path) else os.path.relpath(path)
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Invalid(f"open {path}: {(error.strerror or '').lower()}") from None
    if len(content) > _MOST_BYTES:
        raise Invalid(f"{name}: more than {_MOST_BYTES >> 20} MiB: is that a compose file?")
    try:
        return parse(content.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Invalid(f"{name}:{line}: not UTF-8") from None


def place(table: Any, key: str = "") -> str:
    """`file:line: ` of a key, or of the first key of a table; empty where it is not known."""
    if not isinstance(table, Table) or not table.file:
        return ""
    line = table.lines.get(key) or min(table.lines.values(), default=0)
    return f"{table.file}:{line}: " if line else f"{table.file}: "
