"""What a parsed template is made of."""

from __future__ import annotations

from typing import Any, NamedTuple


class Text(NamedTuple):
    text: str


class Literal(NamedTuple):
    value: Any


class Dot(NamedTuple):
    """The value at hand."""


class Variable(NamedTuple):
    name: str  # with its $


class Function(NamedTuple):
    name: str


class Field(NamedTuple):
    """`.name` of a value, which may be a method with arguments."""

    of: Any
    name: str


class Command(NamedTuple):
    """An operand and its arguments."""

    operand: Any
    arguments: tuple[Any, ...]


class Pipeline(NamedTuple):
    """Commands, each given the result of the one before as its last argument; and variables to set."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    declares: bool = False


class Output(NamedTuple):
    pipeline: Pipeline


class If(NamedTuple):
    condition: Pipeline
    then: tuple[Any, ...]
    otherwise: tuple[Any, ...]


class With(NamedTuple):
    value: Pipeline
    then: tuple[Any, ...]
    otherwise: tuple[Any, ...]


class Range(NamedTuple):
    over: Pipeline
    body: tuple[Any, ...]
    otherwise: tuple[Any, ...]


class Break(NamedTuple):
    """Leave the innermost range."""


class Continue(NamedTuple):
    """Go on with the next element of the innermost range."""
