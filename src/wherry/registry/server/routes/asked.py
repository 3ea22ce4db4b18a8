"""One request taken apart, and whether it may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from aiohttp import web

from wherry.registry.server.access import Caller
from wherry.registry.server.cache import Cache, find
from wherry.registry.server.failures import Refusal
from wherry.registry.server.notes import Notes

Allow = Callable[[web.Request, Caller, str, str], None]
"""Raises Refusal unless the caller has a right to a repository."""


class Asked(NamedTuple):
    """Who asks, about which repository, and what in it."""

    request: web.Request
    notes: Notes
    caller: Caller
    name: str
    last: str


Handler = Callable[[Asked], Awaitable[web.StreamResponse]]


class May:
    """Lets a request pass, or refuses it."""

    def __init__(self, allow: Allow, caches: Sequence[Cache]) -> None:
        self._allow = allow
        self._caches = caches

    def __call__(self, asked: Asked, right: str) -> str:
        """The repository's name. Raises Refusal, also for a push to what is a cache."""
        if right == "push" and (cache := self.cache(asked.name)):
            raise Refusal("UNSUPPORTED", f"{asked.name} is a cache of {cache.remote}")
        self._allow(asked.request, asked.caller, asked.name, right)
        return asked.name

    def cache(self, name: str) -> Cache | None:
        """The cache that a repository belongs to."""
        return find(self._caches, name)
