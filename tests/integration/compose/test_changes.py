"""What `up` makes anew, and what it leaves as it is."""

from __future__ import annotations

import pytest

from tests.integration.compose.conftest import Application

FILE = """
services:
  web:
    image: IMAGE
    command: sleep 600
    init: true
    networks: {back: {ipv4_address: SUBNET.10}}
    depends_on: {db: {condition: service_started, restart: true}}
  db:
    image: IMAGE
    command: sleep 600
    init: true
    networks: [back]
    stop_grace_period: 0s
    environment: {A: VALUE}
networks: {back: {ipam: {config: [{subnet: SUBNET.0/24}]}}}
"""


def write(app: Application, subnet: str = "10.217.1", value: str = "1") -> None:
    app.write(compose__yaml=FILE.replace("SUBNET", subnet).replace("VALUE", value))


@pytest.fixture
def shop(app: Application) -> Application:
    write(app)
    app("up", "-d")
    return app


def test_a_changed_network_is_made_anew(shop: Application) -> None:
    before = shop.containers()
    assert "Running" in shop("up", "-d").err
    assert shop.containers() == before
    write(shop, subnet="10.217.2")
    shop("up", "-d", "-t", "0")
    networks = shop.inspect("shop-web-1")["NetworkSettings"]["Networks"]
    assert networks["shop_back"]["IPAddress"] == "10.217.2.10"
    assert shop.containers()["shop-web-1"] != before["shop-web-1"]
    # A container of somebody else keeps a network from being made anew, and keeps running.
    shop.command(
        "run", "-d", "--init", "--name", "other", "--network", "shop_back", shop.image, "sleep", "60"
    )
    write(shop, subnet="10.217.3")
    assert "containers of others are in it" in shop("up", "-d", "-t", "0", code=1).err
    assert shop.inspect("other")["State"]["Running"]
    shop.command("rm", "-f", "other")
    shop("up", "-d", "-t", "0")


def test_only_what_changed(shop: Application) -> None:
    before, started = shop.containers(), shop.inspect("shop-web-1")["State"]["StartedAt"]
    write(shop, value="2")
    shop("up", "-d", "-t", "0")
    after = shop.containers()
    assert (after["shop-db-1"] != before["shop-db-1"], after["shop-web-1"]) == (True, before["shop-web-1"])
    assert shop.inspect("shop-web-1")["State"]["StartedAt"] != started  # `restart: true`
    shop("up", "-d", "--force-recreate", "-t", "0", "web")
    assert shop.containers()["shop-db-1"] == after["shop-db-1"]
    shop("up", "-d", "--always-recreate-deps", "-t", "0", "web")
    assert shop.containers()["shop-db-1"] != after["shop-db-1"]
    write(shop, value="3")
    kept = shop.containers()
    shop("up", "-d", "--no-deps", "web")
    assert shop.containers() == kept
    shop("up", "-d", "--no-recreate")
    assert shop.containers() == kept


def test_no_start_and_orphans(app: Application) -> None:
    write(app)
    app("up", "--no-start")
    assert app.inspect("shop-web-1")["State"]["Status"] == "created"
    text = (app.folder / "compose.yaml").read_text()
    (app.folder / "compose.yaml").write_text(text.replace("  db:", "  base:").replace("{db:", "{base:"))
    assert "Found orphan containers (shop-db-1)" in app("up", "-d", "-t", "0").err
    assert app("ps", "-a", "--orphans=false", "--services").out == "base\nweb\n"
    app("up", "-d", "--remove-orphans")
    assert set(app.containers()) == {"shop-web-1", "shop-base-1"}


def test_anonymous_volumes(app: Application) -> None:
    app.write(compose__yaml="services: {a: {image: IMAGE, command: sleep 600, init: true, volumes: [/kept]}}")
    app("up", "-d")
    app("exec", "-T", "a", "touch", "/kept/file")
    app("up", "-d", "--force-recreate", "-t", "0")
    assert app("exec", "-T", "a", "ls", "/kept").out == "file\n"
    app("up", "-d", "--force-recreate", "-V", "-t", "0")
    assert app("exec", "-T", "a", "ls", "/kept").out == ""


def test_hooks(app: Application) -> None:
    app.write(
        compose__yaml="""
services:
  a:
    image: IMAGE
    command: sleep 600
    init: true
    volumes: [data:/data]
    post_start:
      - {command: [sh, -c, "echo started by $$WHO >> /data/log"], environment: {WHO: hook}}
    pre_stop: [{command: "sh -c 'echo stopping >> /data/log'"}]
  failing:
    image: IMAGE
    command: sleep 600
    init: true
    profiles: [bad]
    post_start: [{command: "sh -c 'echo why; exit 4'"}]
volumes: {data: }
"""
    )
    app("up", "-d")
    app("stop", "-t", "0")
    app("start")
    assert app("exec", "-T", "a", "cat", "/data/log").out == "started by hook\nstopping\nstarted by hook\n"
    failed = app("up", "-d", "failing", code=1).err
    assert "post_start hook of shop-failing-1 exited with status 4" in failed
    assert "why" in failed


def test_what_ends_up(app: Application) -> None:
    app.write(
        compose__yaml="""
services:
  long: {image: IMAGE, command: sleep 600, init: true}
  quiet: {image: IMAGE, command: echo unseen, attach: false}
  bad: {image: IMAGE, command: sh -c "echo seen; sleep 0.5; exit 3"}
"""
    )
    shown = app("up", "--abort-on-container-failure", "-t", "0", code=3)
    assert "seen" in shown.out
    assert "unseen" not in shown.out
    assert app("up", "--exit-code-from", "long", "-t", "0", code=None).code in (137, 143)
    assert "unseen" in app("up", "--attach", "quiet", "--timestamps", "--no-log-prefix").out
    assert "no such service: none" in app("up", "--attach", "none", code=1).err
    assert "cannot be combined" in app("up", "-d", "--watch", code=1).err


def test_pull_policies(app: Application) -> None:
    """An image that was tagged just now is young enough; one that is to be pulled in any case is nowhere."""
    text = "services: {a: {image: IMAGE, command: 'true', network_mode: none, pull_policy: POLICY}}"
    for policy in ("daily", "weekly", "every_12h", "missing", "never"):
        app.write(compose__yaml=text.replace("POLICY", policy))
        app("up", "-d")
    app.write(compose__yaml=text.replace("POLICY", "every_0s").replace("IMAGE", "localhost:1/none"))
    assert "localhost:1" in app("up", "-d", code=1).err
    app.write(compose__yaml=text.replace("POLICY", "sometimes"))
    assert "unknown pull_policy 'sometimes'" in app("up", "-d", code=1).err
