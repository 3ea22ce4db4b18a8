"""Write docs/api.md from the docstrings of the Python API: `python scripts/reference.py` (`-`: print it)."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import wherry
from wherry import errors
from wherry.client.objects import configuration

TARGET = Path(__file__).resolve().parents[1] / "docs" / "api.md"
HEADER = """\
# Python API reference

What `import wherry` gives, from its docstrings by `scripts/reference.py`. [Python](python.md) is the
introduction.

The classes whose names begin with `Async` have the members of those without, to be awaited.
"""
_ATTRIBUTES = ("property", "reading")  # decorators that make a method an attribute
_LONGEST = 100

Function = ast.FunctionDef | ast.AsyncFunctionDef


def page() -> str:
    """The whole document."""
    kinds = _kinds()
    parts = [HEADER]
    for name in wherry.__all__:
        if inspect.isfunction(getattr(wherry, name)):
            node = _tree(getattr(wherry, name))
            assert isinstance(node, Function)
            parts.append(f"\n## wherry.{name}\n\n{_code(node)}{_text(node)}")
    for name, kind in kinds.items():
        parts += _class(name, kind)
    parts += _errors()
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).rstrip() + "\n"


def _kinds() -> dict[str, type]:
    """The classes to describe: those that are exported, and those that their attributes are of."""
    found = {
        name: kind
        for name in wherry.__all__
        if inspect.isclass(kind := getattr(wherry, name))
        and not name.startswith("Async")
        and name != "WherryError"
    }
    for kind in list(found.values()):
        module = sys.modules[kind.__module__]
        for word in re.findall(r"self\.[a-z]\w* = (\w+)\(self", inspect.getsource(kind)):
            if inspect.isclass(member := getattr(module, word, None)):
                found[word] = member
    return {**found, "Options": configuration.Options}


def _class(name: str, kind: type) -> Iterator[str]:
    node = _tree(kind)
    assert isinstance(node, ast.ClassDef)
    yield f"\n## {name}\n\n{_text(node)}"
    members = list(_members(kind))
    fields = [
        f"{statement.target.id}: {ast.unparse(statement.annotation)}"
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        if not statement.target.id.startswith("_")
    ]
    if fields:
        yield "```python\n" + "\n".join(fields) + "\n```\n\n"
    attributes = [member for member in members if _is_attribute(member)]
    if attributes:
        yield "| attribute | type | |\n|---|---|---|\n"
        for member in attributes:
            said = " ".join((ast.get_docstring(member) or "").split())
            yield (
                "| "
                + " | ".join(
                    part.replace("|", "\\|") for part in (f"`{member.name}`", f"`{_returns(member)}`", said)
                )
                + " |\n"
            )
        yield "\n"
    for member in members:
        if not _is_attribute(member):
            yield f"### {name}.{member.name}\n\n{_code(member)}{_text(member)}"


def _members(kind: type) -> Iterator[Function]:
    """Public methods and attributes in the order of the source, those of base classes of ours after them."""
    seen = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("wherry."):
            continue
        node = _tree(base)
        assert isinstance(node, ast.ClassDef)
        for member in node.body:
            if isinstance(member, Function) and not member.name.startswith("_") and member.name not in seen:
                seen.add(member.name)
                yield member


def _tree(thing: object) -> ast.stmt:
    assert inspect.isclass(thing) or inspect.isfunction(thing)
    return ast.parse(inspect.cleandoc("\n" + inspect.getsource(thing))).body[0]


def _is_attribute(member: Function) -> bool:
    return any(isinstance(word, ast.Name) and word.id in _ATTRIBUTES for word in member.decorator_list)


def _returns(member: Function) -> str:
    said = ast.unparse(member.returns) if member.returns is not None else "None"
    steps = re.fullmatch(r"Steps\[(.*)\]", said)
    return steps[1] if steps else said


def _code(member: Function) -> str:
    words = _parameters(member.args)
    tail = "" if _returns(member) == "None" else f" -> {_returns(member)}"
    line = f"{member.name}({', '.join(words)}){tail}"
    if len(line) > _LONGEST:
        line = f"{member.name}(\n" + "".join(f"    {word},\n" for word in words) + f"){tail}"
    return f"```python\n{line}\n```\n\n"


def _parameters(arguments: ast.arguments) -> list[str]:
    """Each parameter as it is written, without `self`."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    found = [_parameter(one, default) for one, default in zip(plain, defaults, strict=True)]
    found = [word for word in found if word not in ("self", "cls")]
    if arguments.vararg is not None:
        found.append("*" + _parameter(arguments.vararg, None))
    elif arguments.kwonlyargs:
        found.append("*")
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(_parameter(one, default))
    if arguments.kwarg is not None:
        found.append("**" + _parameter(arguments.kwarg, None).replace("Unpack[Options]", "Options"))
    return found


def _parameter(one: ast.arg, default: ast.expr | None) -> str:
    text = one.arg + (f": {ast.unparse(one.annotation)}" if one.annotation is not None else "")
    if default is None:
        return text
    return (
        f"{text} = {ast.unparse(default)}" if one.annotation is not None else f"{text}={ast.unparse(default)}"
    )


def _text(node: ast.stmt) -> str:
    assert isinstance(node, Function | ast.ClassDef)
    text = ast.get_docstring(node) or ""
    return f"{text}\n\n" if text else ""


def _errors() -> Iterator[str]:
    yield "\n## Errors\n\nAll are a `wherry.WherryError`, with `message` and `hint`; in `wherry.errors`:\n\n"
    yield "| error | HTTP status |\n|---|---|\n"
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.WherryError) and kind is not errors.WherryError:
            yield f"| `{name}` | {kind.status} |\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(page())
    else:
        TARGET.write_text(page())
