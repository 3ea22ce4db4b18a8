"""Credentials of registries: Docker's file, its older names, and helper programs."""

from __future__ import annotations

import json
import stat
from base64 import b64decode
from pathlib import Path

import pytest

from wherry.client.credentials import HUB, auth_header, find, forget, keep, registry_of
from wherry.errors import Invalid


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker"


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("debian", HUB),
        ("library/debian:12", HUB),
        ("docker.io/me/x", HUB),
        ("registry.example/x", "registry.example"),
        ("localhost/x", "localhost"),
        ("host:5000/a/b:1", "host:5000"),
    ],
)
def test_registry_of(image: str, registry: str) -> None:
    assert registry_of(image) == registry


def test_kept_and_forgotten(folder: Path) -> None:
    assert find("r.example") == {}
    folder.mkdir()
    (folder / "config.json").write_text('{"psFormat": "table {{.ID}}"}')
    path = keep("r.example", "me", "pass:word", "")
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert json.loads(Path(path).read_text())["psFormat"]
    assert find("r.example") == {"username": "me", "password": "pass:word", "serveraddress": "r.example"}
    header = auth_header("r.example/x:1")["X-Registry-Auth"]
    assert json.loads(b64decode(header, altchars=b"-_"))["username"] == "me"
    assert forget("r.example")
    assert find("r.example") == {}
    assert not forget("r.example")


def test_token_in_place_of_the_password() -> None:
    path = keep(HUB, "me", "secret", "token")
    assert find(HUB)["identitytoken"] == "token"
    assert "secret" not in Path(path).read_text()
    assert b"secret" not in b64decode(json.loads(Path(path).read_text())["auths"][HUB]["auth"])


def test_older_names(folder: Path) -> None:
    folder.mkdir()
    entry = {"auth": "bWU6cHc="}
    (folder / "config.json").write_text(json.dumps({"auths": {"https://r.example/v1/": entry}}))
    assert find("r.example").get("password", "") == "p" + "w"
    assert forget("r.example")


def test_helper(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"credHelpers": {"r.example": "box"}}')
    program = tmp_path / "docker-credential-box"
    program.write_text(
        f"#!/bin/sh\ncase $1 in store) cat >{tmp_path}/kept;; erase) rm {tmp_path}/kept;;"
        f" get) cat {tmp_path}/kept 2>/dev/null;; esac\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find("r.example") == {}
    assert keep("r.example", "me", "secret", "") == "docker-credential-box"
    assert "secret" not in (folder / "config.json").read_text()
    assert find("r.example") == {"username": "me", "password": "secret", "serveraddress": "r.example"}
    assert forget("r.example")
    assert find("r.example") == {}
    (folder / "config.json").write_text('{"credsStore": "missing"}')
    with pytest.raises(Invalid, match="there is no docker-credential-missing"):
        find("x.example")
    (folder / "config.json").write_text("[")
    with pytest.raises(Invalid, match=r"config\.json"):
        find("x.example")
