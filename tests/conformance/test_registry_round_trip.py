"""Images from wherry to Docker and Podman over a registry, and back; Docker's own command line on wherry."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.docker_registry import docker_registry, password_settings
from tests.harness.dockerd import Dockerd
from tests.harness.engine import EngineUnderTest

pytestmark = pytest.mark.needs("docker-registry", "busybox", "root")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """One of the test's own: a layer that is there already, as zstd, would be taken for what is pushed."""
    with docker_registry(tmp_path / "registry") as address:
        yield address


def podman(folder: Path, *arguments: str) -> str:
    """Podman with storage of its own."""
    settings = folder / "containers.conf"
    settings.write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]\n'
        '[engine]\nruntime = "runc"\n'
    )
    command = ["podman", f"--root={folder}/data", f"--runroot={folder}/run", f"--tmpdir={folder}/tmp"]
    command += ["--cgroup-manager=cgroupfs", "--events-backend=file", *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "CONTAINERS_CONF": str(settings)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.needs("dockerd")
def test_docker_takes_what_wherry_pushes_and_gives_it_back(
    engine: EngineUnderTest, dockerd: Dockerd, registry: str
) -> None:
    wherry, there = engine.wherry, f"{registry}/trip/docker"
    wherry(
        "run", "--name", "made", "--network", "none", "busybox", "sh", "-c", "echo hello > /made; rm /bin/ls"
    )
    wherry("commit", "--change", 'CMD ["cat", "/made"]', "made", f"{there}:1")
    wherry("push", f"{there}:1")
    dockerd.docker("pull", f"{there}:1")
    assert dockerd.docker("run", "--rm", "--network", "none", f"{there}:1").stdout == b"hello\n"
    dockerd.docker("tag", f"{there}:1", f"{there}:2")
    pushed = dockerd.docker("push", f"{there}:2").stdout
    assert b"Layer already exists" in pushed
    wherry("rm", "made")
    wherry("rmi", f"{there}:1")
    wherry("pull", f"{there}:2")
    assert wherry("run", "--rm", "--network", "none", f"{there}:2").out == "hello\n"
    ids = [
        wherry("image", "inspect", "-f", "{{.Id}}", f"{there}:2").line,
        dockerd.docker("image", "inspect", "-f", "{{.Id}}", f"{there}:1").stdout.decode().strip(),
    ]
    assert ids[0] == ids[1]
    wherry("rmi", f"{there}:2")
    dockerd.docker("rmi", f"{there}:1", f"{there}:2")


@pytest.mark.needs("podman", "runc")
def test_podman_takes_what_wherry_pushes_and_gives_it_back(engine: EngineUnderTest, registry: str) -> None:
    wherry, there = engine.wherry, f"{registry}/trip/podman"
    folder = Path(tempfile.mkdtemp(prefix="podman-", dir="/tmp"))  # it wants a short path
    wherry("tag", "busybox", f"{there}:1")
    wherry("push", f"{there}:1")
    try:
        podman(folder, "pull", "-q", "--tls-verify=false", f"{there}:1")
        out = podman(folder, "run", "--rm", "--network=none", f"{there}:1", "echo", "hi")
        assert out == "hi\n"
        podman(folder, "tag", f"{there}:1", f"{there}:2")
        podman(folder, "push", "-q", "--tls-verify=false", f"{there}:2")
    finally:
        podman(folder, "rmi", "-af")
        subprocess.run(["umount", "-l", f"{folder}/data/overlay"], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
    wherry("pull", f"{there}:2")
    assert wherry("run", "--rm", "--network", "none", f"{there}:2", "echo", "hi").out == "hi\n"
    wherry("rmi", f"{there}:1", f"{there}:2")


@pytest.mark.needs("skopeo")
@pytest.mark.parametrize("form", ["oci", "v2s2"])
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_what_skopeo_pushes_is_pulled(
    engine: EngineUnderTest, registry: str, tmp_path: Path, form: str, compression: str
) -> None:
    if (form, compression) == ("v2s2", "zstd"):
        return  # Docker's format has no such layers
    wherry, there = engine.wherry, f"{registry}/skopeo/{form}-{compression}:1"
    archive = tmp_path / "saved.tar"
    wherry("save", "-o", str(archive), "busybox")
    subprocess.run(
        [
            *("skopeo", "copy", "-q", "--dest-tls-verify=false", "--format", form),
            *("--dest-compress-format", compression, f"docker-archive:{archive}", f"docker://{there}"),
        ],
        check=True,
        capture_output=True,
    )
    wherry("pull", there)
    assert wherry("run", "--rm", "--network", "none", there, "echo", "hi").out == "hi\n"
    wherry("rmi", there)


@pytest.mark.needs("docker-cli", "htpasswd")
def test_dockers_command_line_on_wherry(engine: EngineUnderTest, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DOCKER_HOST": engine.docker_host,
        "DOCKER_CONFIG": str(tmp_path / "docker"),
    }

    def docker(*arguments: str, code: int = 0, stdin: str = "") -> str:
        done = subprocess.run(
            ["docker", *arguments],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    folder = tmp_path / "registry"
    with docker_registry(folder, **password_settings(folder)) as address:
        name = f"{address}/cli/x"
        docker("tag", "busybox", f"{name}:1")
        docker("tag", "busybox", f"{name}:2")
        assert "push access denied" in docker("push", f"{name}:1", code=1)
        assert "401 Unauthorized" in docker(
            "login", "-u", "me", "--password-stdin", address, stdin="no", code=1
        )
        assert "Login Succeeded" in docker("login", "-u", "me", "--password-stdin", address, stdin="secret")
        out = docker("push", "-a", name)
        assert ": Pushed" in out and "1: digest: sha256:" in out and "2: digest: sha256:" in out
        docker("rmi", f"{name}:1", f"{name}:2")
        out = docker("pull", "-a", name)
        assert "Status: Downloaded newer image" in out or "Status: Image is up to date" in out
        assert sorted(docker("images", "--format", "{{.Tag}}", name).split()) == ["1", "2"]
        missing = docker("pull", f"{name}:3", code=1)
        assert f"Error response from daemon: manifest for {name}:3 not found: manifest unknown" in missing
        absent = docker("push", f"{name}:3", code=1)
        assert f"An image does not exist locally with the tag: {name}" in absent
        docker("rmi", f"{name}:1", f"{name}:2")
        assert "hi\n" in docker(
            "run", "--rm", "--network", "none", "--pull=always", f"{name}:1", "echo", "hi"
        )
        docker("rmi", f"{name}:1")
        docker("logout", address)
        assert "pull access denied" in docker("pull", f"{name}:1", code=1)
