"""The verbs of `wherry compose`, each on a running application."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.harness.capabilities import python
from tests.integration.compose.conftest import Application

FILE = """
services:
  web:
    image: IMAGE
    command: sh -c "echo served; exec sleep 600"
    init: true
    ports: ["80", "53/udp"]
    volumes: [data:/data]
    depends_on: {db: {condition: service_started, restart: true}}
  db:
    image: IMAGE
    command: sleep 600
    init: true
volumes: {data: }
"""


@pytest.fixture
def shop(app: Application) -> Application:
    app.write(compose__yaml=FILE)
    app("up", "-d", "--scale", "web=2")
    return app


def test_what_there_is(shop: Application) -> None:
    assert shop("ps", "--services").out == "db\nweb\n"
    listed = [json.loads(line) for line in shop("ps", "--format", "json", "web").out.splitlines()]
    assert [(one["Name"], one["State"], one["ExitCode"]) for one in listed] == [
        ("shop-web-1", "running", 0),
        ("shop-web-2", "running", 0),
    ]
    ports = {(one["TargetPort"], one["Protocol"]) for one in listed[0]["Publishers"]}
    assert ports == {(80, "tcp"), (53, "udp")}
    first, second = (shop("port", "--index", str(index), "web", "80").out for index in (1, 2))
    assert first != second
    assert first.startswith("0.0.0.0:")
    assert "0.0.0.0:" in shop("port", "--protocol", "udp", "web", "53").out
    assert shop("port", "web", "81", code=1).err
    assert shop("volumes", "-q").out == shop("volumes", "-q", "web").out == "shop_data\n"
    assert shop("volumes", "-q", "db").out == ""
    assert "sleep 600" in shop("top", "db").out
    assert "shop-db-1" in shop("stats", "--no-stream").out
    assert shop("images", "-q").out.count("\n") == 1
    assert json.loads(shop("version", "-f", "json").out)["version"]
    assert [json.loads(line)["Name"] for line in shop("ls", "--format", "json").out.splitlines()] == ["shop"]
    assert shop("ls", "-q", "--filter", "name=other").out == ""
    assert "shop" in shop("ls", "-q", "--filter", "name=sho").out
    logs = shop("logs", "--index", "2", "web").out
    assert "web-2  | served" in logs
    assert "web-1" not in logs


def test_scale_restart_and_kill(shop: Application) -> None:
    shop("scale", "web=1")
    assert set(shop.containers()) == {"shop-web-1", "shop-db-1"}
    assert "should be SERVICE=NUM" in shop("scale", "web", code=1).err
    before = shop.inspect("shop-web-1")["State"]["StartedAt"]
    shop("restart", "-t", "0", "--no-deps", "db")
    assert shop.inspect("shop-web-1")["State"]["StartedAt"] == before
    shop("restart", "-t", "0", "db")
    assert shop.inspect("shop-web-1")["State"]["StartedAt"] != before
    shop("kill", "-s", "KILL", "web")
    assert shop("wait", "web", code=137).out == "137\n"
    assert shop("ps", "-a", "--status", "exited", "--services").out == "web\n"
    assert shop("start", "web").err == " Container shop-web-1  Started\n"
    assert shop("ps", "--services").out == "db\nweb\n"
    shop("stop", "-t", "0")
    assert shop("stop").err == ""


def test_wait_and_down(app: Application) -> None:
    job = """  job:
    image: IMAGE
    command: sh -c 'exit 3'
"""
    app.write(compose__yaml=FILE.replace("volumes: {data: }", job + "volumes: {data: }"))
    app("up", "-d", "job")
    assert app("wait", "--down-project", "job", code=3).out == "3\n"
    assert app.containers() == {}


def test_copy_export_commit_attach(shop: Application, tmp_path: Path) -> None:
    (shop.folder / "note").write_text("text")
    shop("cp", "--index", "2", "note", "web:/note")
    assert shop("exec", "-T", "--index", "2", "web", "cat", "/note").out == "text"
    assert shop("exec", "-T", "web", "cat", "/note", code=1).code == 1
    shop("cp", "--index", "2", "web:/note", str(tmp_path / "back"))
    assert (tmp_path / "back").read_text() == "text"
    shop("export", "--index", "2", "-o", str(tmp_path / "all.tar"), "web")
    listed = subprocess.run(
        [python(), "-m", "tarfile", "-l", str(tmp_path / "all.tar")], capture_output=True, check=True
    )
    assert b"note" in listed.stdout
    shop("commit", "--index", "2", "-m", "noted", "web", "noted:1", "--pause=false")
    assert shop.command("run", "--rm", "noted:1", "cat", "/note").out == "text"
    shop.command("rmi", "noted:1")
    with shop.command.popen("compose", "attach", "--no-stdin", "web") as attached:
        assert attached.stdout is not None
        shop("exec", "-T", "web", "sh", "-c", "echo attached > /proc/1/fd/1")
        shop("kill", "web")
        assert attached.wait(60) == 137


def test_events(shop: Application) -> None:
    mine = shop.containers()["shop-db-1"]
    shop("kill", "db")
    until = str(int(time.time()) + 1)
    lines = shop("events", "--json", "--since", "1h", "--until", until, "db").out.splitlines()
    events = [json.loads(line) for line in lines]
    actions = [event["action"] for event in events if event["id"] == mine]
    assert actions[:2] == ["create", "start"]
    assert "kill" in actions
    assert {event["service"] for event in events} == {"db"}
    assert "container kill" in shop("events", "--since", "1h", "--until", until, "db").out


def test_config(app: Application) -> None:
    app.write(
        compose__yaml=(
            "services:\n  web: {image: 'x:${TAG:-1}', depends_on: [db]}\n  db: {image: 'y:${VERSION?}'}\n"
            "  tool: {image: z, profiles: [debug]}\nvolumes: {data: }\n"
        ),
        __env="VERSION=5\n",
    )
    assert app("config", "--services").out == "web\ndb\n"
    assert app("config", "--images").out == "x:1\ny:5\n"
    assert app("config", "--volumes").out == app("config", "--models").out == ""
    assert app("--all-resources", "config", "--volumes").out == "data\n"
    assert app("config", "--networks").out == "default\n"
    assert app("config", "--profiles").out == "debug\n"
    assert app("config", "--hash", "db").out == app("config", "--hash", "*").out.splitlines(True)[0]
    assert set(json.loads(app("config", "--format", "json", "db").out)["services"]) == {"db"}
    assert "image: x:${TAG:-1}" in app("config", "--no-interpolate").out
    table = app("config", "--variables").out
    assert [line.split() for line in table.splitlines()[1:]] == [["TAG", "false", "1"], ["VERSION", "true"]]
    assert "VERSION=5" in app("config", "--environment").out
    app("config", "-o", "whole.yaml")
    assert app("-f", "whole.yaml", "config").out == app("config").out
    app.write(odd__yaml="services: {a: {image: x, environment: {A: 'a$$b', N: }, networks: [none]}}\n")
    assert "undefined network none" in app("-f", "odd.yaml", "config", code=1).err
    shown = app("-f", "odd.yaml", "config", "--no-consistency", "--format", "json").out
    assert json.loads(shown)["services"]["a"]["environment"] == {"A": "a$$b", "N": None}
    for words in (["config", "--no-normalize"], ["--compatibility", "ps"]):
        assert "not supported" in app(*words, code=1).err
    assert "no such service: none" in app("config", "none", code=1).err
    assert "unsupported format" in app("config", "--format", "toml", code=1).err


def test_run_flags(shop: Application) -> None:
    shop("run", "-d", "--name", "one", "-l", "what=this", "-e", "A=1", "--use-aliases", "web", "sleep", "60")
    details = shop.inspect("one")
    assert details["Config"]["Labels"]["what"] == "this"
    assert details["Config"]["Labels"]["com.docker.compose.oneoff"] == "True"
    assert "A=1" in details["Config"]["Env"]
    assert details["NetworkSettings"]["Networks"]["shop_default"]["Aliases"][0] == "web"
    shop.command("rm", "-f", "one")
    done = shop(
        "run", "--rm", "-T", "-q", "--no-deps", "--cap-drop", "ALL", "web", "grep", "CapEff", "/proc/1/status"
    )
    assert done.out.split()[-1].strip("0") == ""
    assert done.err == ""
    assert len(shop.containers()) == 3
