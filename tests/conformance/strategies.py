"""Requests for every route, mostly of the right shape and with anything in them.

Names come from a small set, so that no container made of random settings is ever started.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from hypothesis import strategies as st

from wherry.api.areas import AREAS
from wherry.api.routing import Route, routes_of
from wherry.engine.models import (
    ContainerConfig,
    ContainerCreate,
    ExecConfig,
    NetworkConnect,
    NetworkCreate,
    NetworkDisconnect,
    UpdateConfig,
    VolumeCreate,
)

ROUTES = sorted({route for area, modules in AREAS.items() for route in routes_of(modules, area)}, key=str)

BODIES: dict[str, type[msgspec.Struct]] = {
    "/containers/create": ContainerCreate,
    "/containers/{name}/update": UpdateConfig,
    "/containers/{name}/exec": ExecConfig,
    "/volumes/create": VolumeCreate,
    "/networks/create": NetworkCreate,
    "/networks/{name}/connect": NetworkConnect,
    "/networks/{name}/disconnect": NetworkDisconnect,
    "/commit": ContainerConfig,
}

PARAMETERS = (
    "all limit size filters name platform t signal condition force v link stdout stderr follow since until "
    "timestamps tail ps_args stream one-shot path noOverwriteDirNonDir detachKeys stdin logs h w repo tag "
    "fromSrc names quiet type digests noprune container changes comment pause"
)

_SMALL = st.text(max_size=8)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False) | _SMALL,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_SMALL, inner, max_size=3),
    max_leaves=8,
)

FILTERS = st.dictionaries(
    st.sampled_from(
        ["name", "label", "status", "id", "until", "dangling", "reference", "before", "type", "x"]
    ),
    st.lists(st.text(max_size=6), max_size=2)
    | st.dictionaries(st.text(max_size=6), st.booleans(), max_size=2),
    max_size=3,
).map(json.dumps)

VALUES = (
    st.text(max_size=10)
    | st.integers(-(1 << 64), 1 << 64).map(str)
    | FILTERS
    | st.sampled_from(
        ["1", "0", "true", "false", "all", "/", "/etc/passwd", "../..", "SIGTERM", "-ef", "\0", "%", "fuzzed"]
    )
)

NAMES = st.sampled_from(["fuzzed", "busybox", "none", "0" * 12, "..", "a/b:c@sha256:x", "%2e%2e", " "])
NAMES |= st.text(min_size=1, max_size=8)


def _values(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Mostly what the field should hold, sometimes anything."""
    inspect = msgspec.inspect
    right: st.SearchStrategy[Any]
    match kind:
        case inspect.UnionType(types=types):
            right = st.one_of([_values(one) for one in types])
        case inspect.StructType():
            right = _struct(kind)
        case inspect.ListType(item_type=item):
            right = st.lists(_values(item), max_size=2)
        case inspect.DictType(value_type=value):
            right = st.dictionaries(NAMES, _values(value), max_size=2)
        case inspect.StrType():
            right = VALUES
        case inspect.IntType():
            right = st.integers(-5, 1 << 40)
        case inspect.BoolType():
            right = st.booleans()
        case inspect.NoneType():
            right = st.none()
        case _:
            right = JSON
    return right


def _struct(kind: msgspec.inspect.StructType) -> st.SearchStrategy[Any]:
    fields = {field.encode_name: _later(field.type) for field in kind.fields}
    if not fields:
        return st.just({})
    return st.dictionaries(st.sampled_from(sorted(fields)), st.none(), max_size=4).flatmap(
        lambda chosen: st.fixed_dictionaries({name: fields[name] for name in chosen})
    )


def _later(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    return st.deferred(lambda: _values(kind))


@st.composite
def requests(draw: st.DrawFn) -> tuple[Route, bytes]:
    route = draw(st.sampled_from(ROUTES))
    path = route.pattern.replace("{name}", quote(draw(NAMES), safe=draw(st.sampled_from(["", "/"]))))
    version = draw(st.sampled_from(["", "/v1.24", "/v1.41", "/v1.51"]))
    query = draw(st.dictionaries(st.sampled_from(PARAMETERS.split()), VALUES, max_size=4))
    shape = BODIES.get(route.pattern)
    bodies = JSON.map(json.dumps).map(str.encode) | st.binary(max_size=30) | st.just(b"")
    if shape is not None:
        info = msgspec.inspect.type_info(shape)
        assert isinstance(info, msgspec.inspect.StructType)
        fitting = _struct(info)
        if route.pattern == "/containers/create":
            fitting = fitting.map(lambda body: {"Image": "busybox", **body})
        bodies = fitting.map(json.dumps).map(str.encode) | bodies
    body = draw(bodies) if route.method in ("POST", "PUT") else b""
    head = f"{route.method} {version}{path}?{urlencode(query)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return route, head.encode() + b"\r\n" + body
