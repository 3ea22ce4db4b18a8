"""Compose files to projects: syntaxes, merging, extends, include, profiles, errors with their place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wherry.compose.loading import load
from wherry.compose.model import Project
from wherry.errors import Invalid, NotFound, WherryError

Load = Callable[..., Project]


@pytest.fixture
def project(tmp_path: Path) -> Load:
    folder = tmp_path / "My App"
    folder.mkdir()

    def make(text: str, *names: str, profiles: tuple[str, ...] = (), **files: str) -> Project:
        (folder / "compose.yaml").write_text(text)
        for name, content in files.items():
            path = folder / name.replace("__", ".").replace("_over_", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        chosen = [str(folder / name) for name in names]
        return load(chosen, folder=str(folder), profiles=profiles, environment={"OUT": "out"})

    return make


def service(project: Project, name: str = "a") -> dict[str, Any]:
    return project.services[name].fields


def test_short_forms(project: Load) -> None:
    found = project(
        """
services:
  a:
    image: x
    command: sh -c "echo 'a b'"
    ports: ["80", 8080:81, "127.0.0.1:9000-9001:90-91/udp", {target: 70, published: "7000"}, "[::1]:1:2"]
    volumes: [/anonymous, "data:/data:ro,nocopy", "./here:/here", "/abs:/abs:z"]
    environment: [A=1, OUT, GONE, "E="]
    labels: {one: 1, yes: true}
    ulimits: {nofile: 10, nproc: {soft: 1, hard: 2}}
    extra_hosts: ["db:10.0.0.1", "ip6=::1"]
    healthcheck: {test: curl localhost}
    dns: 1.1.1.1
volumes: {data: }
"""
    )
    fields = service(found)
    assert found.name == "myapp"
    assert fields["command"] == ["sh", "-c", "echo 'a b'"]
    ports = [(p.get("host_ip"), p.get("published"), p["target"], p["protocol"]) for p in fields["ports"]]
    assert ports == [
        (None, None, 80, "tcp"),
        (None, "8080", 81, "tcp"),
        ("127.0.0.1", "9000", 90, "udp"),
        ("127.0.0.1", "9001", 91, "udp"),
        (None, "7000", 70, "tcp"),
        ("::1", "1", 2, "tcp"),
    ]
    kinds = [(v["type"], v.get("source"), v["target"]) for v in fields["volumes"]]
    assert kinds[:2] == [("volume", None, "/anonymous"), ("volume", "data", "/data")]
    assert kinds[2] == ("bind", f"{found.folder}/here", "/here")
    assert fields["volumes"][1]["read_only"]
    assert fields["volumes"][1]["volume"] == {"nocopy": True}
    assert found.services["a"].environment == {"A": "1", "OUT": "out", "E": ""}
    assert fields["labels"] == {"one": "1", "yes": "true"}
    assert fields["ulimits"]["nofile"] == 10
    assert fields["extra_hosts"] == {"db": "10.0.0.1", "ip6": "::1"}
    assert fields["healthcheck"]["test"] == ["CMD-SHELL", "curl localhost"]
    assert fields["dns"] == ["1.1.1.1"]
    assert found.volumes["data"].name == "myapp_data"
    assert found.networks["default"].name == "myapp_default"


def test_anchors_and_merge_keys(project: Load) -> None:
    found = project(
        """
x-common: &common
  image: x
  environment: &env {A: "1", B: "2"}
services:
  a:
    <<: *common
    environment: {<<: *env, B: "3"}
  b: *common
"""
    )
    assert found.services["a"].environment == {"A": "1", "B": "3"}
    assert found.services["b"].environment == {"A": "1", "B": "2"}


def test_files_are_laid_over_each_other(project: Load) -> None:
    found = project(
        """
services:
  a:
    image: x
    command: one
    ports: ["80:80"]
    environment: {A: "1", B: "2"}
    volumes: ["./one:/data", "/other"]
    networks: [n]
    expose: ["1", "2"]
networks: {n: }
""",
        "compose.yaml",
        "second.yaml",
        second__yaml="""
services:
  a:
    command: [two]
    ports: !override ["90:90"]
    environment: [B=3, C=4]
    volumes: ["./two:/data"]
    networks: {m: {aliases: [z]}}
    expose: !reset []
networks: {m: }
""",
    )
    fields = service(found)
    assert fields["command"] == ["two"]
    assert [port["target"] for port in fields["ports"]] == [90]
    assert found.services["a"].environment == {"A": "1", "B": "3", "C": "4"}
    assert [volume["target"] for volume in fields["volumes"]] == ["/data", "/other"]
    assert fields["volumes"][0]["source"].endswith("/two")
    assert list(fields["networks"]) == ["n", "m"]
    assert "expose" not in fields


def test_an_override_file_is_found(project: Load) -> None:
    found = project("services: {a: {image: x}}", compose__override__yaml="services: {a: {image: y}}")
    assert found.services["a"].image == "y"


def test_env_files(project: Load) -> None:
    found = project(
        """
services:
  a:
    image: x${TAG}
    env_file: [one.env, {path: missing.env, required: false}, two.env]
    environment: {B: last}
""",
        __env="TAG=:2\nOUT=not this\n",
        one__env="A=1\nB=1\nC=1\nOUT\n",
        two__env="A=2-$TAG\nFROM_OWN=$B\nFROM_OUTSIDE=$OUT\nFROM_EARLIER=$C\n",
    )
    assert found.services["a"].image == "x:2"
    assert found.services["a"].environment == {
        "A": "2-:2",
        "B": "last",
        "C": "1",
        "OUT": "out",
        "FROM_OWN": "last",
        "FROM_OUTSIDE": "out",
        "FROM_EARLIER": "1",
    }


def test_extends(project: Load) -> None:
    found = project(
        """
services:
  a: {extends: {file: other/base.yaml, service: base}, environment: {B: b}}
  b: {extends: a, command: run}
""",
        other_over_base__yaml="""
services:
  root: {image: x, volumes: ["./d:/d"]}
  base: {extends: {service: root}, environment: {A: a}}
""",
    )
    assert found.services["b"].environment == {"A": "a", "B": "b"}
    assert service(found, "b")["volumes"][0]["source"] == f"{found.folder}/other/d"
    assert service(found, "b")["command"] == ["run"]


def test_include(project: Load) -> None:
    found = project(
        "include: [{path: sub/c.yaml}]\nservices: {a: {image: x, depends_on: [b]}}",
        sub_over_c__yaml="services: {b: {image: $IMG, volumes: ['./x:/x']}}",
        **{"sub/.env": "IMG=inner\n"},
    )
    assert found.services["b"].image == "inner"
    assert service(found, "b")["volumes"][0]["source"] == f"{found.folder}/sub/x"


def test_profiles(project: Load) -> None:
    text = "services: {a: {image: x}, b: {image: x, profiles: [debug]}}"
    assert list(project(text).services) == ["a"]
    assert list(project(text, profiles=("debug",)).services) == ["a", "b"]
    assert list(project(text, profiles=("*",)).services) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "services:\n  a:\n    image: x\n    prots: []",
            "compose.yaml:4: services.a: additional property 'prots'",
        ),
        (
            "servces: {}",
            "compose.yaml:1: additional property 'servces' is not allowed (did you mean 'services'?)",
        ),
        ("services:\n  a: {}", "has neither an image nor a build context"),
        ("services:\n  a:\n    image: x\n    image: y", "compose.yaml:4: mapping key 'image' is there twice"),
        ("services:\n  a:\n\timage: x", "compose.yaml:3"),
        (
            "services:\n  a:\n    image: x\n    ports: ['x:y']",
            "compose.yaml:4: services.a.ports: invalid port",
        ),
        ("services: {a: {image: x, networks: [n]}}", 'service "a" refers to undefined network n'),
        ("services: {a: {image: x, volumes: ['v:/v']}}", "undefined volume v"),
        ("services: {a: {image: x, depends_on: [b]}}", "undefined service 'b'"),
        ("services: {a: {image: x, secrets: [s]}}", "undefined secret s"),
        (
            "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}",
            "cycle detected: a -> b -> a",
        ),
        ("services: {a: {extends: b}, b: {extends: a}}", "circular reference"),
        ("services:\n  a:\n    image: ${X:?say it}", "compose.yaml:3: services.a.image: required variable X"),
        ("services:\n  a:\n    image: x\n    gpus: all", "'gpus' is not supported"),
        ("services: []", "services must be a mapping"),
        ("- a", "top-level object must be a mapping"),
        ("include: [compose.yaml]", "include cycle"),
        ("services: {a: {image: x, container_name: n, scale: 2}}", "container_name allows one container"),
        ("services: {a: {image: x, env_file: no.env}}", "no.env not found"),
        (
            "services:\n  a:\n    image: x\n    healthcheck:\n      tset: x",
            "compose.yaml:5: services.a.healthcheck: additional property 'tset' is not allowed (did you mean",
        ),
        (
            "services:\n  a:\n    image: x\n    ports:\n      - {traget: 80}",
            "compose.yaml:5: services.a.ports[0]: additional property 'traget'",
        ),
        (
            "services: {a: {image: x}}\nnetworks:\n  n:\n    ipam: {config: [{subnett: x}]}",
            "compose.yaml:4: networks.n.ipam.config[0]: additional property 'subnett'",
        ),
        ("services: {a: {image: x, develop: {watch: [{path: ., action: sing}]}}}", "unknown action 'sing'"),
        ("services: {a: {image: x, provider: {type: y}}}", "'provider' is not supported"),
        ("models: {m: {model: y}}", "'models' is not supported"),
    ],
)
def test_errors(project: Load, text: str, reason: str) -> None:
    with pytest.raises(WherryError) as failure:
        project(text)
    assert reason in failure.value.message


HOSTILE = {
    "billion laughs": (
        "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)),
        "compose.yaml:6: more than 1000000 values",
    ),
    "an alias in itself": ("services: &s {a: *s}", "compose.yaml:1: an alias inside of what it stands for"),
    "brackets": ("a: " + "[" * 100_000, "compose.yaml:1: "),
    "nested brackets": ("a: " + "[" * 900 + "]" * 900, "nested too deeply"),
    "braces": ("a:\n  " + "{b: " * 100_000, "compose.yaml:2: "),
    "dashes": ("a:\n" + "- " * 100_000, "compose.yaml:2"),
    "steps": ("\n".join(" " * n + "a:" for n in range(3000)), "maximum nesting depth"),
    "control characters": ("services:\n  a: \x01", "compose.yaml:2: "),
    "a binary key": ("services: {a: {image: x, ? [b] : c}}", "compose.yaml:1"),
    "a merge key of a text": ("services: {a: {<<: text, image: x}}", "compose.yaml:1"),
    "numbers as services": ("services: {1: {image: x, 2: 3}}", "additional property '2'"),
    "texts where lists belong": (
        "services: {a: {image: x, volumes: 7}}",
        "compose.yaml:1: services.a.volumes",
    ),
    "lists where mappings belong": ("services: {a: {image: x, deploy: []}}", "services.a.deploy"),
    "endless variables": (
        "services: {a: {image: '" + "${A:-" * 1500 + "}" * 1500 + "'}}",
        "services.a.image",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(project: Load, name: str) -> None:
    text, reason = HOSTILE[name]
    with pytest.raises(WherryError) as failure:
        project(text)
    assert reason in failure.value.message
    assert len(failure.value.message) < 1000


def test_files_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_bytes(b"services:\n  a: \xff\xfe")
    with pytest.raises(Invalid, match=r"compose.yaml:2: not UTF-8"):
        load([str(file)], environment={})
    file.write_bytes(b"#" * (17 << 20))
    with pytest.raises(Invalid, match="more than 16 MiB"):
        load([str(file)], environment={})
    with pytest.raises(Invalid, match="is a directory"):
        load([str(tmp_path)], environment={})


def test_label_files_and_raw_variables(project: Load) -> None:
    found = project(
        """
services:
  a: {image: x, label_file: l.env, labels: [b=2], env_file: [{path: raw.env, format: raw}]}
""",
        l__env="a=1\nb=1\n",
        raw__env="A='$B' # kept\n",
    )
    assert service(found)["labels"] == {"a": "1", "b": "2"}
    assert found.services["a"].environment == {"A": "'$B' # kept"}


def test_what_means_nothing_here_is_told(project: Load) -> None:
    found = project("services: {a: {image: x, deploy: {placement: {constraints: [a]}, replicas: 2}}}")
    assert found.services["a"].scale == 2
    assert found.warnings == ["services.a: deploy.placement has no effect outside of a swarm"]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no configuration file provided"):
        load(folder=str(tmp_path), environment={})


def test_a_name_that_docker_would_refuse(project: Load) -> None:
    with pytest.raises(Invalid, match="invalid project name"):
        project("name: Upper\nservices: {a: {image: x}}")
