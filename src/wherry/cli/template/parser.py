"""From a template's text to its nodes."""

from __future__ import annotations

import json

from wherry.cli.template import nodes
from wherry.cli.template.evaluate import Template
from wherry.cli.template.functions import FUNCTIONS
from wherry.cli.template.lexer import failed, pieces, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.template.lexer import Piece, Token

_KEYWORDS = ("if", "else", "end", "range", "with", "break", "continue", "define", "template", "block")


def parse_template(text: str) -> Template:
    """The template that `text` describes. Raises Invalid, in Docker's words, when it describes none."""
    return Template(_Parser(pieces(text)).whole())


class _Parser:
    def __init__(self, found: list[Piece]) -> None:
        self._pieces = found
        self._position = 0
        self._ranges = 0
        self._variables = ["$"]

    def whole(self) -> tuple[Any, ...]:
        body, stop = self._body()
        if stop:
            raise failed(self._pieces[self._position - 1][2], f"unexpected {{{{{stop[0]}}}}}")
        return body

    def _body(self) -> tuple[tuple[Any, ...], tuple[str, list[Token], int] | None]:
        """Nodes up to `end` or `else`, which comes with the tokens after it; None at the template's end."""
        found: list[Any] = []
        while self._position < len(self._pieces):
            kind, content, line = self._pieces[self._position]
            self._position += 1
            if kind == "text":
                found.append(nodes.Text(content))
                continue
            words = tokens(content, line)
            while words and words[0][0] == "space":
                words.pop(0)
            if not words:
                if "/*" not in content:
                    raise failed(line, "missing value for command")
                continue
            keyword = words[0][1] if words[0][0] == "word" else ""
            if keyword in ("end", "else"):
                return tuple(found), (keyword, words[1:], line)
            if keyword in _KEYWORDS:
                found.append(self._control(keyword, words[1:], line))
            else:
                found.append(nodes.Output(self._pipeline(words, line)))
        return tuple(found), None

    def _control(self, keyword: str, words: list[Token], line: int) -> Any:
        if keyword in ("break", "continue"):
            if not self._ranges:
                raise failed(line, f"{{{{{keyword}}}}} outside {{{{range}}}}")
            return nodes.Break() if keyword == "break" else nodes.Continue()
        if keyword not in ("if", "range", "with"):
            raise failed(line, f"{{{{{keyword}}}}} is not understood here")
        known = len(self._variables)
        pipeline = self._pipeline(words, line)
        self._ranges += keyword == "range"
        body, stop = self._body()
        self._ranges -= keyword == "range"
        otherwise: tuple[Any, ...] = ()
        if stop and stop[0] == "else":
            rest = [word for word in stop[1] if word[0] != "space"]
            if rest:
                if rest[0] not in (("word", "if"), ("word", "with")):
                    raise failed(stop[2], "unexpected words after {{else}}")
                index = stop[1].index(rest[0])
                otherwise = (self._control(rest[0][1], stop[1][index + 1 :], stop[2]),)
                stop = ("end", [], line)
            else:
                otherwise, stop = self._body()
        if not stop or stop[0] != "end":
            raise failed(line, "unexpected EOF" if not stop else f"unexpected {{{{{stop[0]}}}}}")
        del self._variables[known:]
        kind = {"if": nodes.If, "with": nodes.With, "range": nodes.Range}[keyword]
        return kind(pipeline, body, otherwise)

    def _pipeline(self, words: list[Token], line: int) -> nodes.Pipeline:
        words = list(words)
        variables, declares = self._targets(words)
        commands = [self._command(words, line)]
        while words and words[0] == ("sign", "|"):
            words.pop(0)
            commands.append(self._command(words, line))
        if words:
            raise failed(line, f"unexpected {words[0][1]!r} in command")
        self._variables.extend(variables)
        return nodes.Pipeline(tuple(commands), variables, declares)

    def _targets(self, words: list[Token]) -> tuple[tuple[str, ...], bool]:
        """The variables before `:=` or `=`, taken off `words`."""
        plain = [word for word in words if word[0] != "space"]
        names: list[str] = []
        index = 0
        while index < len(plain) and plain[index][0] == "variable":
            names.append(plain[index][1])
            index += 1
            if index < len(plain) and plain[index] == ("sign", ","):
                index += 1
                continue
            break
        if not names or index >= len(plain) or plain[index][0] not in ("declare", "assign"):
            return (), False
        mark = plain[index]
        del words[: words.index(mark) + 1]
        return tuple(names), mark[0] == "declare"

    def _command(self, words: list[Token], line: int) -> nodes.Command:
        operands: list[Any] = []
        while words and words[0] not in (("sign", "|"), ("sign", ")")):
            if words[0][0] == "space":
                words.pop(0)
                continue
            operands.append(self._operand(words, line))
        if not operands:
            raise failed(line, "missing value for command")
        return nodes.Command(operands[0], tuple(operands[1:]))

    def _operand(self, words: list[Token], line: int) -> Any:
        kind, text = words.pop(0)
        node: Any
        if kind == "string":
            node = nodes.Literal(_unquoted(text, line))
        elif kind == "raw":
            node = nodes.Literal(text[1:-1])
        elif kind == "char":
            node = nodes.Literal(ord(_unquoted(f'"{text[1:-1]}"', line)))
        elif kind == "number":
            node = nodes.Literal(_number(text))
        elif kind == "field":
            node = nodes.Field(nodes.Dot(), text[1:])
        elif kind == "dot":
            node = nodes.Dot()
        elif kind == "variable":
            if text not in self._variables:
                raise failed(line, f'undefined variable "{text}"')
            node = nodes.Variable(text)
        elif kind == "word":
            node = self._word(text, line)
        elif (kind, text) == ("sign", "("):
            inner: list[Token] = []
            depth = 1
            while words:
                word = words.pop(0)
                depth += (word == ("sign", "(")) - (word == ("sign", ")"))
                if not depth:
                    break
                inner.append(word)
            if depth:
                raise failed(line, "unclosed left paren")
            node = self._pipeline(inner, line)
        else:
            raise failed(line, f"unexpected {text!r} in operand")
        while words and words[0][0] == "field":
            node = nodes.Field(node, words.pop(0)[1][1:])
        return node

    def _word(self, text: str, line: int) -> Any:
        if text in ("true", "false"):
            return nodes.Literal(text == "true")
        if text == "nil":
            return nodes.Literal(None)
        if text not in FUNCTIONS:
            raise failed(line, f'function "{text}" not defined')
        return nodes.Function(text)


def _unquoted(text: str, line: int) -> str:
    try:
        return str(json.loads(text.replace("\\'", "'")))
    except ValueError:
        pass
    try:
        return text[1:-1].encode("raw_unicode_escape").decode("unicode_escape")
    except UnicodeDecodeError:
        raise failed(line, f"invalid syntax in {text}") from None


def _number(text: str) -> int | float:
    try:
        return int(text, 0)
    except ValueError:
        return float(text)
