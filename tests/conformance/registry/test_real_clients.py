"""Real clients against a registry of ours that asks for passwords: docker, podman, skopeo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.dockerd import Dockerd
from tests.harness.registry import RegistryUnderTest
from wherry.registry.server.identity.accounts import set_password

pytestmark = [pytest.mark.needs("root", "busybox")]

CONFIG = """
[accounts]
htpasswd = "{home}/htpasswd"
[[grant]]
who = "alice"
rights = ["pull", "push", "delete", "overwrite", "catalog"]
[[grant]]
repositories = "public/*"
who = "*"
rights = ["pull"]
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryUnderTest]:
    home = tmp_path_factory.mktemp("registry")
    set_password(str(home / "htpasswd"), "alice", "wonder")
    with RegistryUnderTest(home, CONFIG.format(home=home), workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def docker(busybox_tar: Path) -> Iterator[Dockerd]:
    daemon = Dockerd()
    try:
        daemon.wait_until_ready()
        daemon.docker("import", str(busybox_tar), "busybox:latest")
        yield daemon
    finally:
        daemon.stop()


def run(*command: str, code: int = 0, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        env={**os.environ, **(environment or {})},
    )
    assert (done.returncode == 0) == (code == 0), f"{command}: {done.stderr}{done.stdout}"
    return done.stdout


@pytest.mark.needs("dockerd")
def test_docker_logs_in_pushes_and_anybody_pulls_what_is_public(
    registry: RegistryUnderTest, docker: Dockerd
) -> None:
    name = f"{registry.address}/public/busybox:1"
    secret = f"{registry.address}/private/busybox:1"
    for one in (name, secret):
        docker.docker("tag", "busybox:latest", one)
    assert docker.docker("push", name, check=False).returncode != 0
    docker.docker("login", "-u", "alice", "-p", "wonder", registry.address)
    wrong = docker.docker("login", "-u", "alice", "-p", "guess", registry.address, check=False)
    assert wrong.returncode != 0
    docker.docker("login", "-u", "alice", "-p", "wonder", registry.address)
    for one in (name, secret):
        docker.docker("push", one)
        docker.docker("rmi", one)
    docker.docker("logout", registry.address)
    docker.docker("pull", name)
    assert docker.docker("pull", secret, check=False).returncode != 0


@pytest.mark.needs("skopeo", "dockerd")
def test_skopeo_copies_lists_and_deletes(
    registry: RegistryUnderTest, docker: Dockerd, tmp_path: Path
) -> None:
    docker.docker("login", "-u", "alice", "-p", "wonder", registry.address)
    docker.docker("tag", "busybox:latest", f"{registry.address}/public/copied:1")
    docker.docker("push", f"{registry.address}/public/copied:1")
    docker.docker("logout", registry.address)
    layout = f"oci:{tmp_path}/layout:x"
    name = f"docker://{registry.address}/skopeo/one"
    pushed = f"docker://{registry.address}/public/copied:1"
    run("skopeo", "copy", "--src-tls-verify=false", pushed, layout)
    login = ["--dest-tls-verify=false", "--dest-creds", "alice:wonder"]
    run("skopeo", "copy", *login, layout, f"{name}:1")
    run("skopeo", "copy", "--dest-tls-verify=false", layout, f"{name}:2", code=1)
    run("skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", "alice:no", layout, f"{name}:2", code=1)
    creds = ["--tls-verify=false", "--creds", "alice:wonder"]
    assert json.loads(run("skopeo", "list-tags", *creds, name))["Tags"] == ["1"]
    assert json.loads(run("skopeo", "inspect", *creds, f"{name}:1"))["Layers"]
    run("skopeo", "delete", *creds, f"{name}:1")
    run("skopeo", "inspect", *creds, f"{name}:1", code=1)


@pytest.mark.needs("podman")
def test_podman_pushes_and_pulls(registry: RegistryUnderTest, busybox_tar: Path, tmp_path: Path) -> None:
    runroot = tempfile.mkdtemp(dir="/tmp")  # it may not be long
    podman = ["podman", f"--root={tmp_path}/data", f"--runroot={runroot}", "--storage-driver=vfs"]
    podman += ["--events-backend=file", "--cgroup-manager=cgroupfs"]
    name = f"{registry.address}/podman/busybox:1"
    files = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    run(*podman, "import", str(busybox_tar), name)
    run(*podman, "push", "--tls-verify=false", name, code=1, environment=files)
    run(
        *podman,
        "login",
        "--tls-verify=false",
        "-u",
        "alice",
        "-p",
        "wonder",
        registry.address,
        environment=files,
    )
    for more in ([], ["--compression-format=zstd"], ["--format=v2s2"]):
        run(*podman, "push", "--tls-verify=false", *more, name, environment=files)
        run(*podman, "rmi", "--all", "--force")
        run(*podman, "pull", "--tls-verify=false", name, environment=files)
    run(*podman, "rmi", "--all", "--force")
    shutil.rmtree(runroot, ignore_errors=True)
