"""Who may do what: rights per repository pattern, for accounts and for everybody.

Rights: `pull`, `push` (also reads, as clients look before they send), `delete`, `overwrite` (a tag that
exists), `catalog`. Without `overwrite`, tags are immutable.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import NamedTuple

EVERYTHING = frozenset({"pull", "push", "delete", "overwrite", "catalog"})
RIGHTS = EVERYTHING


class Grant(NamedTuple):
    """Rights in the repositories that a shell-like pattern fits.

    `who` is an account, "@" for every account, or "*" for everybody.
    """

    pattern: str
    who: str
    rights: frozenset[str]


class Scope(NamedTuple):
    """What a token is good for in one repository, or in the catalog (repository "")."""

    repository: str
    rights: frozenset[str]


class Caller(NamedTuple):
    """Someone who asks: an account's name ("" for nobody in particular) and what was granted.

    With `scopes` it is the bearer of a token, good for nothing beyond them.
    """

    name: str
    grants: tuple[Grant, ...]
    scopes: tuple[Scope, ...] | None = None

    def may(self, repository: str, right: str) -> bool:
        """Whether one of the grants gives that right there; the catalog is no repository's."""
        if not right:
            return True
        if self.scopes is not None and not any(
            one.repository == ("" if right == "catalog" else repository) and _holds(one.rights, right)
            for one in self.scopes
        ):
            return self._everybody(repository, right)
        return self._granted(self.grants, repository, right)

    def _everybody(self, repository: str, right: str) -> bool:
        """What needs no token at all is not lost by showing one."""
        return self._granted((one for one in self.grants if one.who == "*"), repository, right)

    @staticmethod
    def _granted(grants: Iterable[Grant], repository: str, right: str) -> bool:
        return any(
            _holds(one.rights, right)
            and (right == "catalog" or one.pattern == "*" or fnmatch.fnmatchcase(repository, one.pattern))
            for one in grants
        )


def _holds(rights: frozenset[str], right: str) -> bool:
    return right in rights or (right == "pull" and "push" in rights)


OPEN = (Grant("*", "*", EVERYTHING),)
"""Everybody may do everything: for a registry on loopback, or behind something that decides."""


def caller(name: str, grants: Iterable[Grant], scopes: tuple[Scope, ...] | None = None) -> Caller:
    """An account (or "") with what is granted to it and to everybody."""
    whos = ("*", "@", name) if name else ("*",)
    return Caller(name, tuple(one for one in grants if one.who in whos), scopes)
