"""`wherry compose --dry-run`: tells of what it would do, and does nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.compose.conftest import Application

FILE = """
services:
  web:
    build: .
    command: sleep 600
    init: true
    depends_on: {db: {condition: service_healthy}}
    post_start: [{command: ["touch", "/begun"]}]
    configs: [{source: motd, target: /motd}]
  db:
    image: IMAGE
    command: sleep 600
    init: true
    volumes: [data:/data]
    healthcheck: {test: "true", interval: 1s}
volumes: {data: }
configs: {motd: {content: hello}}
"""


@pytest.fixture
def shop(app: Application) -> Application:
    app.write(compose__yaml=FILE, Dockerfile="FROM IMAGE\nRUN touch /built\n")
    return app


def steps(text: str) -> set[str]:
    """The steps that were told of, all of them as rehearsed."""
    mark = " DRY-RUN MODE -  "
    assert all(line.startswith(mark) for line in text.splitlines()), text
    return {line.removeprefix(mark) for line in text.splitlines()}


def things(shop: Application) -> list[str]:
    """All that the engine has, and since when it runs."""
    return [
        shop.command("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}").out,
        shop.command("images", "-q", "--no-trunc").out,
        shop.command("network", "ls", "-q", "--no-trunc").out,
        shop.command("volume", "ls", "-q").out,
    ]


def test_nothing_is_made(shop: Application) -> None:
    before = things(shop)
    told = steps(shop("--dry-run", "up", "-d", "--wait").err)
    assert {
        "Network shop_default  Created",
        "Volume shop_data  Created",
        "Container shop-db-1  Created",
        "Container shop-db-1  Healthy",
        "Container shop-web-1  Started",
    } <= told
    assert "Image shop-web  Built" in steps(shop("build", "--dry-run").err)
    shown = shop("--progress", "json", "create", "--dry-run", "db").err.splitlines()
    created = {"dry-run": True, "id": "Container shop-db-1", "status": "Created"}
    assert created in [json.loads(line) for line in shown]
    assert not shop("--progress", "quiet", "create", "--dry-run", "db").err
    assert things(shop) == before


def test_nothing_that_runs_is_changed(shop: Application, tmp_path: Path) -> None:
    shop("up", "-d", "--wait")
    before = things(shop)
    assert "Container shop-web-1  Running" in steps(shop("up", "-d", "--dry-run").err)
    anew = shop("up", "--force-recreate", "--dry-run")
    assert {"Container shop-web-1  Recreated", "Container shop-web-1  Started"} <= steps(anew.err)
    assert "interactive run is not supported in dry-run mode" in anew.out
    assert steps(shop("scale", "web=2", "--dry-run").err) >= {"Container shop-web-2  Started"}
    for verb, done in (
        ("stop", "Stopped"),
        ("restart", "Restarted"),
        ("kill", "Killed"),
        ("pause", "Paused"),
    ):
        assert f"Container shop-db-1  {done}" in steps(shop(verb, "--dry-run").err)
    assert steps(shop("rm", "-s", "--dry-run", "web").err) == {"Container shop-web-1  Removed"}
    assert steps(shop("cp", "--dry-run", "compose.yaml", "web:/").err) == {"compose.yaml to web:/  Copied"}
    assert steps(shop("commit", "--dry-run", "web", "new").err) == {"Container shop-web-1  Committed"}
    shop("export", "--dry-run", "-o", str(tmp_path / "archive"), "web")
    assert not (tmp_path / "archive").exists()
    assert {
        "Container shop-web-1  Removed",
        "Network shop_default  Removed",
        "Volume shop_data  Removed",
        "Image shop-web  Removed",
    } <= steps(shop("down", "-v", "--rmi", "local", "--dry-run").err)
    for words in (["exec", "--dry-run", "web", "true"], ["--dry-run", "build", "--check"]):
        assert "not supported in dry-run mode" in shop(*words, code=1).err
    assert things(shop) == before


def test_what_would_fail_does(shop: Application) -> None:
    taken = shop.command("create", "--name", "shop-db-1", shop.image, "true").out
    assert f'already in use by container "{taken.strip()}' in shop("create", "--dry-run", "db", code=1).err
    shop.command("rm", "shop-db-1")
    shop.write(other__yaml="services: {far: {image: 'localhost:1/none'}}")
    assert "localhost:1" in shop("-f", "other.yaml", "create", "--dry-run", code=1).err
    assert shop("--progress", "loud", "ps", code=1).err
