"""The first pass over a Dockerfile: directives, comments, continuation, heredocs → one node an instruction.

Nothing is known here of what an instruction means, except which of them may have heredocs.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from wherry.build.dockerfile.position import DockerfileError
from wherry.build.dockerfile.words import shell_words, unquote

__all__ = ["Heredoc", "Node", "Source", "read"]

MAX_SIZE = 16 << 20  # bytes of one Dockerfile
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(.*?)\s*")
_DIRECTIVES = ("syntax", "escape", "check")
_HEREDOC = re.compile(r"(\d*)<<(-?)([^<]+)", re.DOTALL)
_WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})


class Heredoc(NamedTuple):
    """`expand`: variables in it are replaced (its word was not quoted). `fd` is what stood before `<<`."""

    name: str
    content: str
    expand: bool
    chomp: bool
    fd: str = ""


class Node:
    """One instruction as written: `word` in capitals, `rest` what follows it, continuation lines joined."""

    __slots__ = ("_source", "_starts", "end", "heredocs", "line", "rest", "text", "word", "word_column")

    def __init__(self, source: Source, text: str, starts: list[tuple[int, int, int]], end: int) -> None:
        """`starts` says for pieces of `text` where they are: (offset, line, column)."""
        self._source = source
        self._starts = starts
        self.text = text
        self.line = starts[0][1]
        self.end = end
        word, rest = _first_word(text)
        self.word = word.upper()
        self.rest = rest
        self.heredocs: list[Heredoc] = []
        self.word_column = starts[0][2]

    @property
    def written(self) -> str:
        """The instruction's word as it was written."""
        return self.text[: len(self.word)]

    def place(self, part: str = "") -> tuple[int, int]:
        """Line and column of `part` in this instruction, or of the instruction."""
        offset = self.text.find(part) if part else 0
        offset = max(offset, 0)
        line, column = self._starts[0][1], self._starts[0][2]
        for start, at_line, at_column in self._starts:
            if start > offset:
                break
            line, column = at_line, at_column + offset - start
        return line, column

    def fail(self, problem: str, part: str = "", hint: str = "") -> NoReturn:
        """Raise DockerfileError at `part` of this instruction."""
        line, column = self.place(part)
        raise self._source.error(problem, line, column, hint)


class Source(NamedTuple):
    """A Dockerfile's text by physical lines, and what its directives say."""

    name: str
    lines: list[str]
    directives: dict[str, str]
    nodes: list[Node]
    blank_continuations: list[int]

    @property
    def escape(self) -> str:
        """The character that continues lines and takes away meaning."""
        return self.directives.get("escape", "\\")

    def error(self, problem: str, line: int, column: int = 1, hint: str = "") -> DockerfileError:
        """An error at a place; the caller raises it."""
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return DockerfileError(problem, name=self.name, line=line, column=column, text=text, hint=hint)


def read(text: str | bytes, name: str = "Dockerfile") -> Source:
    """Split a Dockerfile into instructions. Raises DockerfileError."""
    if len(text) > MAX_SIZE:
        raise DockerfileError(f"the file is larger than {MAX_SIZE} bytes", name=name, line=1)
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise DockerfileError("the file is not UTF-8 text", name=name, line=line) from None
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    source = Source(name, lines, {}, [], [])
    for number, text in enumerate(lines, 1):
        if "\0" in text:
            raise source.error("the file has a NUL byte", number, text.index("\0") + 1)
    at = _directives(source)
    while at < len(lines):
        if not lines[at].strip() or lines[at].lstrip().startswith("#"):
            at += 1
            continue
        at = _instruction(source, at)
    if not source.nodes:
        raise DockerfileError("file with no instructions", name=name, line=1, hint="it begins with FROM")
    return source


def _directives(source: Source) -> int:
    at = 0
    for at, line in enumerate(source.lines):
        match = _DIRECTIVE.fullmatch(line.strip())
        if not match or match[1].lower() not in _DIRECTIVES:
            return at
        key, value = match[1].lower(), match[2]
        if key in source.directives:
            raise source.error(f"only one {key} parser directive can be used", at + 1)
        if key == "escape" and value not in ("\\", "`"):
            raise source.error(
                f"invalid escape token {value!r}: must be ` or \\",
                at + 1,
                line.find(value) + 1 if value else 1,
            )
        source.directives[key] = value
    return at + 1 if source.lines else 0


def _instruction(source: Source, at: int) -> int:
    lines = source.lines
    continued = re.compile(re.escape(source.escape) + r"[ \t]*$")
    first = lines[at]
    indent = len(first) - len(first.lstrip())
    pieces: list[str] = []
    starts: list[tuple[int, int, int]] = []
    length, column = 0, indent + 1
    end = at
    while True:
        line = lines[at][column - 1 :]
        match = continued.search(line)
        piece = line[: match.start()] if match else line
        starts.append((length, at + 1, column))
        pieces.append(piece)
        length += len(piece)
        end = at
        at += 1
        column = 1
        if not match:
            break
        while at < len(lines) and (not lines[at].strip() or lines[at].lstrip().startswith("#")):
            if not lines[at].strip():
                source.blank_continuations.append(at + 1)
            at += 1
        if at >= len(lines):
            break
    node = Node(source, "".join(pieces).rstrip(), starts, end + 1)
    at = _heredocs(source, node, at)
    source.nodes.append(node)
    return at


def _heredocs(source: Source, node: Node, at: int) -> int:
    word, rest = node.word, node.rest
    if word == "ONBUILD":
        word, rest = _first_word(rest)
        word = word.upper()
    if word not in _WITH_HEREDOCS or "<<" not in rest:
        return at
    for candidate in shell_words(rest, source.escape):
        match = _HEREDOC.fullmatch(candidate)
        if not match:
            continue
        name = unquote(match[3], source.escape)
        if not name or " " in name:
            continue
        chomp = bool(match[2])
        body: list[str] = []
        opened = at
        while True:
            if at >= len(source.lines):
                line, column = node.place(candidate)
                raise source.error(
                    "unterminated heredoc", line, column, f"a line {name!r} must end it, after line {opened}"
                )
            line_text = source.lines[at].lstrip("\t") if chomp else source.lines[at]
            at += 1
            if line_text == name:
                break
            body.append(line_text + "\n")
        node.heredocs.append(Heredoc(name, "".join(body), name == match[3], chomp, match[1]))
    node.end = max(node.end, at) if node.heredocs else node.end
    return at


def _first_word(text: str) -> tuple[str, str]:
    parts = text.split(None, 1)
    return (parts[0] if parts else ""), (parts[1] if len(parts) > 1 else "")
