"""What is kept, made anew, made and removed."""

from __future__ import annotations

from wherry.compose.model import Content, Dependency, Project, Resource, Service
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
    return Present(name, name, service, number, "running", digest, image, image, False, entry)


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
    changed_goes_first = [("remove", "shop-web-1"), ("keep", "shop-web-2")]
    assert plan(container(1, "other"), container(2), scale=1) == changed_goes_first


def test_what_a_killed_up_left_is_made_anew() -> None:
    aside = container(1)._replace(id="0123456789abcdef", name="0123456789ab_shop-web-1")
    assert plan(aside) == [("recreate", "shop-web-1")]
    assert plan(aside, container(1)) == [
        ("remove", "0123456789ab_shop-web-1"),
        ("keep", "shop-web-1"),
    ]
    secret = Service("web", {"image": "x", "secrets": [{"source": "s"}]}, {})
    project = Project("shop", "/shop", [], {"web": secret}, secrets={"s": Content("s", content="x")})
    made = container(1)._replace(state="created")
    steps = plan_service(secret, project, [made], digest="same", image="i", scale=1)
    assert [step.verb for step in steps] == ["recreate"]


def test_networks_and_volumes_have_to_be_those_of_now() -> None:
    fields = {"image": "x", "networks": {"n": None}, "volumes": [{"type": "volume", "source": "v"}]}
    service = Service("web", fields, {})
    project = Project("shop", "/", [], {"web": service}, volumes={"v": Resource("v", "shop_v", False, {})})

    def verb(network: str, volume: str) -> str:
        entry = {
            "NetworkSettings": {"Networks": {"shop_n": {"NetworkID": network}}},
            "Mounts": [{"Type": "volume", "Name": volume}],
        }
        one = container(1)._replace(entry=entry)
        steps = plan_service(
            service, project, [one], digest="same", image="i", scale=1, networks={"n": "new"}
        )
        return steps[0].verb

    assert verb("new", "shop_v") == "keep"
    assert verb("old", "shop_v") == "recreate"
    assert verb("new", "other") == "recreate"


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
