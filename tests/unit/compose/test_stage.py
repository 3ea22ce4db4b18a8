"""Changes that are only told of: what is answered afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from wherry.compose.stage import Asked, Stage, asked
from wherry.errors import Conflict, NotFound

REAL: dict[str, Any] = {
    "/containers/json?all=1": [{"Id": "a1", "State": "running"}, {"Id": "b2", "State": "running"}],
    "/containers/shop-db-1/json": {"Id": "a1"},
    "/containers/a1/json": {"Id": "a1", "State": {"Status": "running", "Running": True, "Pid": 7}},
    "/images/plain/json": {"Id": "sha256:1", "Config": {}},
    "/images/checked/json": {"Id": "sha256:2", "Config": {"Healthcheck": {"Test": ["CMD", "true"]}}},
}


def ask(path: str) -> Any:
    try:
        return REAL[path]
    except KeyError:
        raise NotFound(path) from None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/containers/json?all=1", Asked("containers", "", "json", {"all": "1"})),
        ("/containers/create?name=x", Asked("containers", "", "create", {"name": "x"})),
        ("/containers/a1/stop?t=3", Asked("containers", "a1", "stop", {"t": "3"})),
        ("/images/host:5000/a/b:1/json", Asked("images", "host:5000/a/b:1", "json", {})),
        ("/images/a/start", Asked("images", "a/start", "", {})),
        ("/volumes/stop", Asked("volumes", "stop", "", {})),
        ("/networks/a%20b", Asked("networks", "a b", "", {})),
        ("/build?t=x", Asked("build", "", "", {"t": "x"})),
        ("/build/wherry", Asked("build", "", "wherry", {})),
    ],
)
def test_a_path_taken_apart(path: str, found: Asked) -> None:
    assert asked(path) == found


def test_what_was_made_can_be_asked_for() -> None:
    stage = Stage()
    with pytest.raises(NotFound):
        stage.read("/networks/back", ask)
    made = stage.change("POST", "/networks/create", {"Name": "back"}, ask)
    assert stage.read("/networks/back", ask)["Id"] == made["Id"]
    stage.change("POST", "/volumes/create", {"Name": "data", "Labels": {"a": "b"}}, ask)
    assert stage.read("/volumes/data", ask)["Labels"] == {"a": "b"}
    stage.change("DELETE", f"/networks/{made['Id']}", None, ask)
    with pytest.raises(NotFound):
        stage.read("/networks/back", ask)


@pytest.mark.parametrize(
    ("body", "checked"),
    [
        ({"Image": "plain"}, False),
        ({"Image": "plain", "Healthcheck": {"Test": ["CMD", "true"]}}, True),
        ({"Image": "checked"}, True),
        ({"Image": "built"}, True),
    ],
)
def test_a_container_that_would_be_there(body: dict[str, Any], checked: bool) -> None:
    stage = Stage()
    stage.has_image("built")
    assert stage.read("/images/built/json", ask)["Id"].startswith("sha256:")
    identity = stage.change("POST", "/containers/create?name=new", body, ask)["Id"]
    assert stage.read(f"/containers/{identity}/json", ask)["State"]["Status"] == "created"
    stage.change("POST", f"/containers/{identity}/start", None, ask)
    details = stage.read(f"/containers/{identity}/json", ask)
    assert (details["Name"], details["State"]["Running"]) == ("/new", True)
    assert ("Health" in details["State"]) is checked


def test_what_is_there_changes_only_in_the_answers() -> None:
    stage = Stage()
    stage.change("POST", "/containers/a1/stop", None, ask)
    assert stage.read("/containers/a1/json", ask)["State"]["Running"] is False
    states = [one["State"] for one in stage.read("/containers/json?all=1", ask)]
    assert states == ["exited", "running"]
    stage.change("DELETE", "/containers/a1?force=1", None, ask)
    assert [one["Id"] for one in stage.read("/containers/json?all=1", ask)] == ["b2"]
    assert [one["State"] for one in REAL["/containers/json?all=1"]] == ["running", "running"]


@pytest.mark.parametrize("freed", [("DELETE", "/containers/a1"), ("POST", "/containers/a1/rename?name=x")])
def test_a_name_that_is_taken(freed: tuple[str, str]) -> None:
    stage = Stage()
    with pytest.raises(Conflict, match=r'name "/shop-db-1" is already in use by container "a1"'):
        stage.change("POST", "/containers/create?name=shop-db-1", {"Image": "plain"}, ask)
    stage.change(*freed, None, ask)
    assert stage.change("POST", "/containers/create?name=shop-db-1", {"Image": "plain"}, ask)["Id"]


def test_an_image_that_is_not_there_can_not_be_removed() -> None:
    with pytest.raises(NotFound):
        Stage().change("DELETE", "/images/none", None, ask)
    Stage().change("DELETE", "/images/plain", None, ask)
