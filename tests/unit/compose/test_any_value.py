"""Whatever stands behind a member's name: a project, or an error of ours; never another one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry.compose.body import container_body
from wherry.compose.loading import load
from wherry.compose.plan import order
from wherry.compose.rendering import as_yaml, leave_out_unused, rendered
from wherry.compose.schema import _INSIDE, _NAMED, _RESOURCES, SERVICE
from wherry.errors import WherryError

KEYS = sorted({*SERVICE, "gpus", "nonsense"})
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70000),
    st.floats(allow_nan=False, width=32),
    st.sampled_from(
        ["", "x", "a:b", "a=b", "1:2:3", "service:b", "1m", "64m", "./f", "/abs", "~", "${X}", "$"]
    ),
    st.text("az:/=.-$0", max_size=6),
)
NAMES = st.one_of(
    st.sampled_from(sorted({key for inside in (*_INSIDE.values(), *_NAMED.values()) for key in inside})),
    st.sampled_from(["x", "default", "b", "s"]),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


def outcome(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "compose.yaml").write_text(yaml.safe_dump(document))
        try:
            project = load(folder=folder, name="p", environment={})
            order(project, [])
            as_yaml(rendered(project))
            leave_out_unused(project)
            for service in project.services.values():
                container_body(service, project, {}, dict.fromkeys(project.services, "0" * 64), {})
        except WherryError as error:
            assert "\n" not in error.message
            assert error.message


@given(st.sampled_from(KEYS), VALUES)
@settings(max_examples=150, deadline=None)
def test_members_of_services(key: str, value: Any) -> None:
    services = {"a": {"image": "x", key: value}, "b": {"image": "y"}}
    outcome({"services": services, "secrets": {"s": {"content": "x"}}, "volumes": {"v": None}})


@given(st.sampled_from(sorted(_RESOURCES)), NAMES, VALUES)
@settings(max_examples=150, deadline=None)
def test_resources(kind: str, name: str, value: Any) -> None:
    outcome({"services": {"a": {"image": "x"}}, kind: {name: value}})


@given(st.sampled_from(["include", "name", "services", "version", "x-a"]), VALUES)
@settings(max_examples=60, deadline=None)
def test_the_top(key: str, value: Any) -> None:
    outcome({"services": {"a": {"image": "x"}}, key: value})
