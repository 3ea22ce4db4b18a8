"""Routes: a table of method, path pattern and handler, kept beside the handlers of each area.

    ROUTES = [Route("GET", "/containers/{name}/json", inspect), …]

`{name}` takes anything, slashes too, as in Docker's own router: image names have them. An area is a path's
first part; the modules that serve it are imported when it is first asked for.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from wherry.api.http.response import Response

if TYPE_CHECKING:
    from wherry.api.call import Call

Handle = Callable[["Call"], Awaitable[Response | None]]


class Route(NamedTuple):
    """`serves_client`: the handler only waits or streams, so it ends when its client goes away."""

    method: str
    pattern: str
    handle: Handle
    serves_client: bool = False


class Router:
    """Finds the route of a path."""

    def __init__(self, areas: Mapping[str, Sequence[str]]) -> None:
        """`areas` names for each area the modules whose `ROUTES` serve it; the first match wins."""
        self._areas = areas
        self._tables: dict[str, list[tuple[re.Pattern[str], Route]]] = {}

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route and what its placeholders took; None when there is none."""
        area = _area(path)
        table = self._tables.get(area)
        if table is None:
            modules = self._areas.get(area)
            if modules is None:
                return None
            table = self._tables[area] = [(_compile(r.pattern), r) for r in routes_of(modules, area)]
        for pattern, route in table:
            if route.method == method:
                match = pattern.fullmatch(path)
                if match:
                    return route, match.groupdict()
        return None


def routes_of(modules: Sequence[str], area: str) -> list[Route]:
    """The routes of an area; a module may serve several."""
    routes: list[Route] = []
    for name in modules:
        routes += importlib.import_module(name).ROUTES
    return [route for route in routes if _area(route.pattern) == area]


def _area(path: str) -> str:
    return path.split("/", 2)[1]


def _compile(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", escaped), re.DOTALL)
