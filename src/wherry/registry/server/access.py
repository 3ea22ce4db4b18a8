"""Who may do what: rights per repository pattern, for accounts and for everybody.

Rights: `pull`, `push` (also reads, as clients look before they send), `delete`, `overwrite` (a tag that
exists), `catalog`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import NamedTuple

RIGHTS = frozenset({"pull", "push", "delete", "overwrite", "catalog"})


class Grant(NamedTuple):
    """Rights in the repositories that a shell-like pattern fits; `who` is an account, or "*" for all."""

    pattern: str
    who: str
    rights: frozenset[str]


class Caller(NamedTuple):
    """Someone who asks: an account's name ("" for nobody in particular) and what was granted."""

    name: str
    grants: tuple[Grant, ...]

    def may(self, repository: str, right: str) -> bool:
        """Whether one of the grants gives that right there; the catalog is no repository's."""
        if not right:
            return True
        return any(
            right in one.rights and (right == "catalog" or fnmatch.fnmatchcase(repository, one.pattern))
            for one in self.grants
        )


OPEN = (Grant("*", "*", RIGHTS),)
"""Everybody may do everything: for a registry on loopback, or behind something that decides."""


def caller(name: str, grants: Iterable[Grant]) -> Caller:
    """An account with what is granted to it and to everybody."""
    return Caller(name, tuple(one for one in grants if one.who in ("*", name)))
