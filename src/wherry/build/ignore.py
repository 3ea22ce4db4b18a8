"""`.dockerignore`: which files of a context do not exist for a build.

Patterns are those of Go's filepath.Match with `**` besides; the last pattern that fits a path, or a
directory above it, decides; `!` brings back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from wherry.errors import Invalid

__all__ = ["Ignore", "Matcher", "compile_pattern", "parse_ignore"]

_DEEP = 2  # `**` of a pattern that stays a regular expression


class _Rule:
    __slots__ = ("again", "match", "parts", "text")

    def __init__(self, text: str, again: bool) -> None:
        self.text = text
        self.again = again
        self.parts = text.split("/")
        self.match = compile_pattern(text).fullmatch


class Ignore:
    """Decides about relative paths with `/`, without `.` and `..`. Empty: nothing is ignored."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """Raises Invalid for a malformed pattern."""
        self.patterns = list(patterns)
        self._rules = [
            _Rule(text[1:] if text.startswith("!") else text, text.startswith("!")) for text in patterns
        ]
        self._bring_back = any(rule.again for rule in self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def ignores(self, path: str) -> bool:
        """Whether `path` is left out."""
        ignored = False
        prefixes: list[str] | None = None
        for rule in self._rules:
            if rule.again != ignored:
                continue  # it could change nothing
            found = bool(rule.match(path))
            if not found and "/" in path:
                if prefixes is None:
                    prefixes = _above(path)
                found = any(rule.match(prefix) for prefix in prefixes)
            if found:
                ignored = not rule.again
        return ignored

    def may_hold(self, path: str) -> bool:
        """Whether something below the ignored directory `path` may be brought back."""
        if not self._bring_back:
            return False
        depth = path.count("/") + 1
        for rule in self._rules:
            if not rule.again:
                continue
            if "**" in rule.parts:
                return True
            if len(rule.parts) > depth and compile_pattern("/".join(rule.parts[:depth])).fullmatch(path):
                return True
        return False


def parse_ignore(text: str | bytes) -> list[str]:
    """The patterns of a `.dockerignore`, cleaned. Raises Invalid for text that is not UTF-8."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Invalid(".dockerignore is not UTF-8 text") from None
    patterns = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        pattern = line.strip()
        if not pattern:
            continue
        again = pattern.startswith("!")
        if again:
            pattern = pattern[1:].strip()
        if pattern:
            pattern = _clean(pattern)
            if len(pattern) > 1 and pattern.startswith("/"):
                pattern = pattern[1:]
        elif again:
            raise Invalid('illegal exclusion pattern: "!"', hint="! is followed by what to bring back")
        if pattern in (".", "/") and not again:
            continue
        patterns.append(f"!{pattern}" if again else pattern)
    return patterns


class Matcher(Protocol):
    """What a pattern becomes."""

    def fullmatch(self, path: str, /) -> object | None:
        """Something true when the whole path fits."""


def compile_pattern(pattern: str) -> Matcher:
    """A pattern as what matches whole paths, in a time that does not explode with its wildcards. Raises
    Invalid."""
    if pattern.count("**") > _DEEP:
        return _Segments(pattern)
    try:
        return re.compile(_expression(pattern), re.DOTALL)
    except re.error:
        raise Invalid(f"syntax error in pattern: {pattern!r}") from None


def _expression(pattern: str) -> str:
    """The regular expression. Between two `*` of a name the first place that fits is the right one: never
    going back there (`(?>`) keeps it from trying all combinations."""
    result, chunk, at = "", "", 0
    starred = False  # `chunk` follows a star of the same name
    while at < len(pattern):
        char = pattern[at]
        if char == "*" and pattern[at : at + 2] != "**":
            result += f"(?>[^/]*?{chunk})" if starred else chunk
            chunk, starred = "", True
        elif char == "*" or char == "/":
            result += f"[^/]*{chunk}" if starred else chunk
            chunk, starred = "", False
            if char == "/":
                result += "/"
            else:
                at += 1
                if pattern[at + 1 : at + 2] == "/":
                    at += 1
                result += ".*" if at + 1 >= len(pattern) else "(?:.*/)?"
        elif char == "?":
            chunk += "[^/]"
        elif char == "[":
            members, at = _members(pattern, at)
            chunk += members
        elif char == "\\":
            at += 1
            if at >= len(pattern):
                raise Invalid(f"syntax error in pattern: {pattern!r}")
            chunk += re.escape(pattern[at])
        else:
            chunk += re.escape(char)
        at += 1
    return result + (f"[^/]*{chunk}" if starred else chunk)


def _members(pattern: str, at: int) -> tuple[str, int]:
    """A class in brackets, and where it ends."""
    end = pattern.find("]", at + 2)
    if end < 0:
        raise Invalid(f"syntax error in pattern: {pattern!r}")
    inside = pattern[at + 1 : end]
    negated = inside.startswith("^")
    members = inside[1:] if negated else inside
    if not members:
        raise Invalid(f"syntax error in pattern: {pattern!r}")
    escaped = members.replace("\\", "\\\\") if not members.startswith("\\") else members
    return f"[{'^' if negated else ''}{escaped.replace('[', chr(92) + '[')}]", end


class _Segments:
    """A pattern with many `**`: name by name, all ways at once."""

    def __init__(self, pattern: str) -> None:
        self._parts = [None if part == "**" else compile_pattern(part) for part in pattern.split("/")]
        if any(part != "**" and "**" in part for part in pattern.split("/")):
            raise Invalid(f"too many ** in pattern: {pattern!r}")

    def fullmatch(self, path: str, /) -> object | None:
        parts = self._parts
        states = self._closed({0})
        for name in path.split("/"):
            following: set[int] = set()
            for state in states:
                if state == len(parts):
                    continue
                part = parts[state]
                if part is None:
                    following.update((state, state + 1) if state + 1 == len(parts) else (state,))
                elif part.fullmatch(name):
                    following.add(state + 1)
            states = self._closed(following)
        return True if len(parts) in states else None

    def _closed(self, states: set[int]) -> set[int]:
        """With what is behind a `**` that stands for nothing; at the end it stands for something."""
        found = set(states)
        for state in states:
            while state + 1 < len(self._parts) and self._parts[state] is None:
                state += 1
                found.add(state)
        return found


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _clean(path: str) -> str:
    rooted = path.startswith("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts and parts[-1] != "..":
                parts.pop()
            elif not rooted:
                parts.append(part)
        elif part and part != ".":
            parts.append(part)
    return ("/" if rooted else "") + "/".join(parts) or "."
