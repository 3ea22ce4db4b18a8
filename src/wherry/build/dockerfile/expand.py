"""Variables in instructions: `$x`, `${x}`, and `${x:-word}` with all its relatives."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wherry.build.dockerfile.patterns import replaced, trimmed
from wherry.errors import Invalid

__all__ = ["Expander"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = "@*#?-$!0123456789"
_MOST = 1 << 20  # characters that anything expands to: variables that name each other grow without end
_DEEPEST = 50  # `${a:-${b:-…}}`


class Expander:
    """Replaces variables. `used` collects the names that were asked for, `unset` those that had no value."""

    def __init__(self, values: Mapping[str, str], escape: str = "\\") -> None:
        self.values = values
        self.escape = escape
        self.used: set[str] = set()
        self.unset: set[str] = set()

    def word(self, text: str) -> str:
        """One word: variables replaced, quotes and escapes taken away. Raises Invalid."""
        return _Scan(self, text, quotes=True).run()[0]

    def words(self, text: str) -> list[str]:
        """The words that `text` becomes; unquoted white space separates, also where a variable brings it."""
        return [word for word in _Scan(self, text, quotes=True).run_words() if word]

    def document(self, text: str) -> str:
        """A heredoc: variables replaced, quotes kept. Raises Invalid."""
        return _Scan(self, text, quotes=False).run()[0]

    def value(self, name: str) -> str | None:
        """What a variable is; None when it has no value."""
        self.used.add(name)
        found = self.values.get(name)
        if found is None:
            self.unset.add(name)
        return found


class _Scan:
    def __init__(self, owner: Expander, text: str, *, quotes: bool) -> None:
        self.owner = owner
        self.text = text
        self.quotes = quotes
        self.at = 0
        self.depth = 0

    def run(self, stop: str = "") -> tuple[str, bool]:
        """Everything up to one of `stop` outside of quotes; whether that was found."""
        parts = [part for part, _ in self._parts(stop)]
        return "".join(parts), bool(stop) and self.at < len(self.text)

    def run_words(self) -> list[str]:
        words = [""]
        for part, protected in self._parts(""):
            if protected:
                words[-1] += part
                continue
            pieces = re.split(r"\s+", part)
            words[-1] += pieces[0]
            words += pieces[1:]
        return words

    def _parts(self, stop: str) -> list[tuple[str, bool]]:
        text, escape = self.text, self.owner.escape
        parts: list[tuple[str, bool]] = []
        size = 0
        while self.at < len(text):
            char = text[self.at]
            if char in stop:
                break
            if char == escape:
                following = text[self.at + 1 : self.at + 2]
                if not self.quotes and following not in ("$", escape):
                    parts.append((char, True))
                    self.at += 1
                else:
                    parts.append((following if following else char, True))
                    self.at += 2
            elif char == "'" and self.quotes:
                end = text.find("'", self.at + 1)
                if end < 0:
                    raise Invalid("unexpected end of statement while looking for matching single-quote")
                parts.append((text[self.at + 1 : end], True))
                self.at = end + 1
            elif char == '"' and self.quotes:
                parts.append((self._double(), True))
            elif char == "$":
                found = self._dollar()
                size += len(found)
                if size > _MOST:
                    raise Invalid(f"variables expand to more than {_MOST} characters")
                parts.append((found, False))
            else:
                parts.append((char, False))
                self.at += 1
        return parts

    def _double(self) -> str:
        text, escape = self.text, self.owner.escape
        self.at += 1
        result = ""
        while self.at < len(text):
            char = text[self.at]
            if char == '"':
                self.at += 1
                return result
            if char == "$":
                result += self._dollar()
                if len(result) > _MOST:
                    raise Invalid(f"variables expand to more than {_MOST} characters")
                continue
            if char == escape and self.at + 1 < len(text):
                following = text[self.at + 1]
                if following in ('"', "$", escape):
                    result += following
                    self.at += 2
                    continue
            result += char
            self.at += 1
        raise Invalid("unexpected end of statement while looking for matching double-quote")

    def _dollar(self) -> str:
        text = self.text
        self.at += 1
        if text[self.at : self.at + 1] == "{":
            return self._braces()
        match = _NAME.match(text, self.at)
        if match:
            self.at = match.end()
            return self.owner.value(match[0]) or ""
        if text[self.at : self.at + 1] and text[self.at] in _SPECIAL:
            self.at += 1
            return self.owner.value(text[self.at - 1]) or ""
        return "$"

    def _braces(self) -> str:
        text = self.text
        self.at += 1
        match = _NAME.match(text, self.at)
        if match:
            name = match[0]
        elif text[self.at : self.at + 1] and text[self.at] in _SPECIAL:
            name = text[self.at]
        else:
            raise Invalid("bad substitution" if self.at < len(text) else "syntax error: missing '}'")
        self.at += len(name)
        if self.at >= len(text):
            raise Invalid("syntax error: missing '}'")
        operator = text[self.at]
        self.at += 1
        value = self.owner.value(name)
        if operator == "}":
            return value or ""
        if operator == ":":
            operator = text[self.at : self.at + 1]
            self.at += 1
            if operator not in ("-", "+", "?"):
                raise Invalid(f"unsupported modifier (:{operator}) in substitution")
            value = value or None
        elif operator in "#%/":
            return self._pattern(operator, value or "")
        elif operator not in "-+?":
            raise Invalid(f"unsupported modifier ({operator}) in substitution")
        word = self._inside()
        if operator == "-":
            self.owner.unset.discard(name)
            return word if value is None else value
        if operator == "+":
            self.owner.unset.discard(name)
            return "" if value is None else word
        if value is None:
            raise Invalid(f"{name}: {word or 'is not allowed to be unset'}")
        return value

    def _inside(self, stop: str = "}") -> str:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise Invalid("variables are nested too deeply")
        word, found = self.run(stop)
        self.depth -= 1
        if not found:
            raise Invalid("syntax error: missing '}'")
        self.at += 1
        return word

    def _pattern(self, operator: str, value: str) -> str:
        if operator == "/":
            every = self.text[self.at : self.at + 1] == "/"
            self.at += every
            pattern = self._raw("/")
            self.at += 1
            return replaced(value, pattern, self._inside(), every=every)
        double = self.text[self.at : self.at + 1] == operator
        self.at += double
        pattern = self._raw("}")
        self.at += 1
        return trimmed(value, pattern, end=operator == "%", longest=bool(double))

    def _raw(self, stop: str) -> str:
        """A pattern: escapes kept, variables replaced."""
        result = ""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == stop:
                return result
            if char == self.owner.escape and self.at + 1 < len(self.text):
                result += "\\" + self.text[self.at + 1]
                self.at += 2
            elif char == "$":
                result += self._dollar()
            else:
                result += char
                self.at += 1
        raise Invalid("syntax error: missing '}'" if stop == "}" else "bad substitution")
