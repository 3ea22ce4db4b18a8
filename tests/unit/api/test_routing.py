"""The table of routes: every area loads, every route is found, nothing shadows another."""

from __future__ import annotations

import pytest

from wherry.api.areas import AREAS
from wherry.api.routing import Route, Router, routes_of

EVERY = [(area, route) for area, modules in AREAS.items() for route in routes_of(modules, area)]


@pytest.mark.parametrize(("area", "route"), EVERY, ids=[f"{r.method} {r.pattern}" for _, r in EVERY])
def test_each_route_is_found(area: str, route: Route) -> None:
    found = Router(AREAS).find(route.method, route.pattern.replace("{name}", "some/na.me:tag@x"))
    assert found is not None
    assert found[0] == route
    assert found[1] == ({"name": "some/na.me:tag@x"} if "{name}" in route.pattern else {})


def test_no_route_twice() -> None:
    keys = [(route.method, route.pattern) for _, route in EVERY]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("path", ["/", "/nope", "/containers", "/containers//json", "/images/json/"])
def test_unknown(path: str) -> None:
    found = Router(AREAS).find("GET", path)
    assert found is None or found[1]
