"""Lists and objects as they are shown: tables, templates, filters, and the engine's own commands."""

from __future__ import annotations

import json

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest

QUIET = ("--network", "none")


def test_ps(wherry: Command, image: str) -> None:
    container = wherry("run", "-d", "--name", "web", "-l", "a=b", *QUIET, image, "sleep", "1000").line
    wherry("run", "--name", "over", *QUIET, image, "true")
    head, *rows = wherry("ps").out.splitlines()
    assert head.split() == ["CONTAINER", "ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    assert len(rows) == 1
    assert rows[0].startswith(f"{container[:12]}   {image} ")
    assert '"sleep 1000"' in rows[0]
    assert rows[0].endswith(" web")
    assert head.index("IMAGE") == rows[0].index(image) == 15
    assert wherry("ps", "-q", "--no-trunc").line == container
    assert wherry("ps", "-a", "-f", "name=over", "--format", "{{.Names}}:{{.State}}").line == "over:exited"
    assert wherry("ps", "--format", 'table {{.Names}}\\t{{.Label "a"}}').out == "NAMES     a\nweb       b\n"
    assert json.loads(wherry("ps", "--format", "json").out)["ID"] == container[:12]
    assert wherry("ps", "-aql").line != container[:12]
    assert wherry("container", "ls", "-q").line == container[:12]


def test_inspect(wherry: Command, image: str) -> None:
    wherry("create", "--name", "box", "-e", "A=1", *QUIET, image, "true")
    found = json.loads(wherry("inspect", "box").out)
    assert found[0]["Name"] == "/box"
    template = (
        '{{.Config.Cmd}} {{range .Config.Env}}{{if eq . "A=1"}}yes{{end}}{{end}} {{json .State.Running}}'
    )
    assert wherry("inspect", "-f", template, "box").line == "[true] yes false"
    assert wherry("inspect", "-f", "{{if .State.Health}}x{{else}}none{{end}}", "box").line == "none"
    missing = wherry("inspect", "box", "nope", code=1)
    assert len(json.loads(missing.out)) == 1
    assert "No such object: nope" in missing.err
    assert json.loads(wherry("image", "inspect", image).out)[0]["RepoTags"]
    assert "map has no entry" in wherry("inspect", "-f", "{{.Nope}}", "box", code=1).err


def test_images_and_tags(wherry: Command, image: str) -> None:
    assert wherry("images").out.splitlines()[0].split() == [
        "REPOSITORY",
        "TAG",
        "IMAGE",
        "ID",
        "CREATED",
        "SIZE",
    ]
    identity = wherry("images", "-q", image).line
    wherry("tag", image, "other/name:1")
    found = wherry("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "other/name").line
    assert found == f"other/name:1 {identity}"
    assert wherry("rmi", "other/name:1").out == "Untagged: other/name:1\n"
    assert wherry("history", "-q", image).out
    assert "No such image: nope" in wherry("rmi", "nope", code=1).err


def test_volumes(wherry: Command) -> None:
    assert wherry("volume", "create", "--label", "a=b", "data").line == "data"
    only = ("--filter", "name=data")
    assert wherry("volume", "ls", *only).out == "DRIVER    VOLUME NAME\nlocal     data\n"
    assert wherry("volume", "ls", *only, "--format", "{{.Name}} {{.Labels}}").line == "data a=b"
    assert json.loads(wherry("volume", "inspect", "data").out)[0]["Name"] == "data"
    assert wherry("volume", "rm", "data").line == "data"
    assert wherry("volume", "rm", "data", code=1).err.startswith("wherry: ")


def test_what_it_says_of_itself(engine: EngineUnderTest) -> None:
    wherry = engine.wherry
    assert wherry("version", "-f", "{{.Server.ApiVersion}}").line.startswith("1.")
    assert "Server Version:" in wherry("info").out
    assert wherry("system", "df").out.splitlines()[0].split() == [
        "TYPE",
        "TOTAL",
        "ACTIVE",
        "SIZE",
        "RECLAIMABLE",
    ]
    assert wherry("engine", "socket").line == engine.socket
    assert engine.socket in wherry("engine", "status").out
    assert wherry("-H", engine.docker_host, "ps", "-q").out == ""
    assert "cannot connect" in wherry("-H", "unix:///nope.sock", "ps", code=1).err


def test_events(wherry: Command, image: str) -> None:
    wherry("run", "--rm", "--name", "seen", *QUIET, image, "true")
    lines = wherry("events", "--since", "1m", "--until", "0s", "-f", "container=seen").out.splitlines()
    actions = [line.split()[2] for line in lines]
    assert [action for action in actions if action in ("create", "start", "die", "destroy")] == [
        "create",
        "start",
        "die",
        "destroy",
    ]


def test_stats_once(wherry: Command, image: str) -> None:
    wherry("run", "-d", "--name", "busy", *QUIET, image, "sleep", "1000")
    row = json.loads(wherry("stats", "--no-stream", "--format", "json", "busy").out)
    assert row["Name"] == "busy"
    assert row["PIDs"] != "--"


def test_prune(wherry: Command, image: str) -> None:
    wherry("run", "--name", "old", *QUIET, image, "true")
    assert wherry("container", "prune", stdin="n\n", code=1).out.endswith("[y/N] ")
    found = wherry("container", "prune", "-f").out
    assert found.startswith("Deleted Containers:\n")
    assert "Total reclaimed space: " in found
    assert wherry("ps", "-aq").out == ""


def test_did_you_mean(wherry: Command, image: str) -> None:
    wherry("create", "--name", "database", *QUIET, image, "true")
    assert wherry("logs", "databse", code=1).err == (
        "wherry: No such container: databse\nhint: did you mean database?\n"
    )
    assert "hint: did you mean database?" in wherry("stop", "datbase", code=1).err
    assert wherry("logs", "zzzzzzzz", code=1).err == "wherry: No such container: zzzzzzzz\n"


def test_doctor(wherry: Command) -> None:
    found = json.loads(wherry("doctor", "--format", "json", code=None).out)
    assert {entry["area"] for entry in found} >= {"Kernel", "User", "Limits", "Network", "State", "Engine"}
    assert all(entry["mend"] or entry["means"] for entry in found if entry["state"] != "good")
