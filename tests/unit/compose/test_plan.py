"""What is kept, made anew, made and removed."""

from __future__ import annotations

from wherry.compose.model import Dependency, Project, Service
from wherry.compose.plan import order, plan_service
from wherry.compose.present import Present
from wherry.compose.removing import waves

SERVICE = Service("web", {"image": "x"}, {})
PROJECT = Project("shop", "/shop", [], {"web": SERVICE})


def container(
    number: int, digest: str = "same", image: str = "i", service: str = "web", needs: str = ""
) -> Present:
    entry = {"Labels": {"com.docker.compose.depends_on": needs}}
    name = f"shop-{service}-{number}"
    return Present(name, name, service, number, "running", digest, image, False, entry)


def plan(
    *present: Present, scale: int = 1, force: bool = False, never: bool = False
) -> list[tuple[str, str]]:
    steps = plan_service(
        SERVICE, PROJECT, present, digest="same", image="i", scale=scale, force=force, never=never
    )
    return [(step.verb, step.name) for step in steps]


def test_plans() -> None:
    assert plan() == [("create", "shop-web-1")]
    assert plan(container(1)) == [("keep", "shop-web-1")]
    assert plan(container(1, "other")) == [("recreate", "shop-web-1")]
    assert plan(container(1, image="new")) == [("recreate", "shop-web-1")]
    assert plan(container(1, "other"), never=True) == [("keep", "shop-web-1")]
    assert plan(container(1), force=True) == [("recreate", "shop-web-1")]
    assert plan(container(2), scale=3) == [
        ("keep", "shop-web-2"),
        ("create", "shop-web-1"),
        ("create", "shop-web-3"),
    ]
    assert plan(container(1), container(2), scale=1) == [("remove", "shop-web-2"), ("keep", "shop-web-1")]
    assert plan(container(1), scale=0) == [("remove", "shop-web-1")]


def test_order_and_waves() -> None:
    services = {
        "c": Service("c", {}, {}, {"b": Dependency()}),
        "b": Service("b", {}, {}, {"a": Dependency()}),
        "a": Service("a", {}, {}),
        "d": Service("d", {}, {}),
    }
    project = Project("p", "/", [], services)
    assert order(project, []) == ["a", "b", "c", "d"]
    assert order(project, ["b"]) == ["a", "b"]
    present = [
        container(1, service="a"),
        container(1, service="b", needs="a:service_started:false"),
        container(1, service="c", needs="b:service_healthy:false"),
        container(1, service="d"),
    ]
    assert [[one.service for one in wave] for wave in waves(present)] == [["c", "d"], ["b"], ["a"]]
