"""Running a template on a value.

Values are those of JSON, and mappings whose members may be functions: a member that is one is called, with
the arguments that follow it in the template, as methods are in Go. A member that is not there is an error,
as it is for Docker, unless the mapping says by `optional` that it may be missing.
"""

from __future__ import annotations

from wherry.cli.template import nodes
from wherry.cli.template.functions import FUNCTIONS, truth
from wherry.cli.template.printing import printed
from wherry.errors import Invalid, WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any


class _Leave(Exception):
    pass


class _Next(Exception):
    pass


class Template:
    """A parsed template, which may be run on any number of values."""

    def __init__(self, body: tuple[Any, ...]) -> None:
        self._body = body

    def render(
        self,
        value: Any,
        *,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        optional: frozenset[str] = frozenset(),
    ) -> str:
        """The template's text for `value`. Raises Invalid, in Docker's words, where it can't be evaluated.

        `functions` replace those of the same name; members named in `optional` are nil where they are
        missing.
        """
        run = _Run({**FUNCTIONS, **(functions or {})}, value, optional)
        run.body(self._body, value)
        return "".join(run.out)


class _Run:
    def __init__(self, functions: dict[str, Callable[..., Any]], root: Any, optional: frozenset[str]) -> None:
        self.out: list[str] = []
        self._functions = functions
        self._optional = optional
        self._scopes: list[dict[str, Any]] = [{"$": root}]

    def body(self, body: Iterable[Any], dot: Any) -> None:
        self._scopes.append({})
        try:
            for node in body:
                self._node(node, dot)
        finally:
            self._scopes.pop()

    def _node(self, node: Any, dot: Any) -> None:
        if isinstance(node, nodes.Text):
            self.out.append(node.text)
        elif isinstance(node, nodes.Output):
            value = self._pipeline(node.pipeline, dot)
            if not node.pipeline.variables:
                self.out.append("<no value>" if value is None else printed(value))
        elif isinstance(node, nodes.If):
            self._scopes.append({})
            chosen = node.then if truth(self._pipeline(node.condition, dot)) else node.otherwise
            self.body(chosen, dot)
            self._scopes.pop()
        elif isinstance(node, nodes.With):
            self._scopes.append({})
            value = self._pipeline(node.value, dot)
            self.body(*((node.then, value) if truth(value) else (node.otherwise, dot)))
            self._scopes.pop()
        elif isinstance(node, nodes.Range):
            self._range(node, dot)
        elif isinstance(node, nodes.Break):
            raise _Leave
        else:
            raise _Next

    def _range(self, node: nodes.Range, dot: Any) -> None:
        plain = node.over._replace(variables=())
        pairs = _elements(self._pipeline(plain, dot))
        if not pairs:
            self.body(node.otherwise, dot)
            return
        names = node.over.variables
        for key, value in pairs:
            scope = dict(zip(names, (key, value) if len(names) == 2 else (value,), strict=False))
            self._scopes.append(scope)
            try:
                self.body(node.body, value)
            except _Next:
                pass
            except _Leave:
                break
            finally:
                self._scopes.pop()

    def _pipeline(self, pipeline: nodes.Pipeline, dot: Any) -> Any:
        value: Any = None
        for index, command in enumerate(pipeline.commands):
            value = self._command(command, dot, (value,) if index else ())
        for name in pipeline.variables:
            scope = self._scopes[-1]
            if not pipeline.declares:
                scope = next((s for s in reversed(self._scopes) if name in s), scope)
            scope[name] = value
        return value

    def _command(self, command: nodes.Command, dot: Any, last: tuple[Any, ...]) -> Any:
        operand = command.operand
        if isinstance(operand, nodes.Function):
            return self._call(operand.name, command.arguments, dot, last)
        if isinstance(operand, nodes.Field):
            arguments = [self._value(argument, dot) for argument in command.arguments]
            return self._field(self._value(operand.of, dot), operand.name, [*arguments, *last])
        if command.arguments or last:
            raise _problem("can't give argument to non-function")
        return self._value(operand, dot)

    def _call(self, name: str, arguments: tuple[Any, ...], dot: Any, last: tuple[Any, ...]) -> Any:
        if name in ("and", "or"):  # these stop at the argument that decides
            value: Any = None
            for argument in arguments:
                value = self._value(argument, dot)
                if truth(value) == (name == "or"):
                    return value
            return last[0] if last else value
        values = [self._value(argument, dot) for argument in arguments]
        try:
            return self._functions[name](*values, *last)
        except WherryError:
            raise
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise _problem(f"error calling {name}: {error}") from None

    def _value(self, node: Any, dot: Any) -> Any:
        if isinstance(node, nodes.Literal):
            return node.value
        if isinstance(node, nodes.Dot):
            return dot
        if isinstance(node, nodes.Variable):
            return next(scope[node.name] for scope in reversed(self._scopes) if node.name in scope)
        if isinstance(node, nodes.Field):
            return self._field(self._value(node.of, dot), node.name, [])
        if isinstance(node, nodes.Function):
            return self._call(node.name, (), dot, ())
        return self._pipeline(node, dot)

    def _field(self, value: Any, name: str, arguments: list[Any]) -> Any:
        if value is None:
            raise _problem(f"at <.{name}>: nil pointer evaluating {name}")
        if not isinstance(value, dict):
            raise _problem(f"at <.{name}>: can't evaluate field {name} in type {type(value).__name__}")
        for spelled in (name, _SPELLINGS.get(name, name)):
            if spelled in value:
                member = value[spelled]
                break
        else:
            if name in self._optional:
                return None
            raise _problem(f'at <.{name}>: map has no entry for key "{name}"')
        if callable(member):
            try:
                return member(*arguments)
            except TypeError as error:
                raise _problem(f"error calling {name}: {error}") from None
        if arguments:
            raise _problem(f"{name} has arguments but cannot be invoked as function")
        return member


_SPELLINGS = {"ID": "Id", "Id": "ID"}


def _elements(value: Any) -> list[tuple[Any, Any]]:
    if value is None:
        return []
    if isinstance(value, dict):
        return [(key, value[key]) for key in sorted(value)]
    if isinstance(value, list):
        return list(enumerate(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return [(number, number) for number in range(value)]
    raise _problem(f"range can't iterate over {printed(value)}")


def _problem(why: str) -> Invalid:
    return Invalid(f'template parsing error: template: :1: executing "" {why}')
