"""What people do on the first day: a real Debian, images to and from Docker and Podman."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.dockerd import Dockerd
from tests.harness.engine import EngineUnderTest
from tests.harness.ports import free_port


def fetch(url: str, seconds: float = 60) -> str:
    """What the server says, once it is there."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="module")
def debian(session_engine: EngineUnderTest, debian_tar: Path) -> str:
    """A real Debian root filesystem, imported."""
    session_engine.wherry("import", "--change", "CMD bash", str(debian_tar), "debian:shown", timeout=120)
    return "debian:shown"


@pytest.mark.needs("mmdebstrap")
def test_debian_is_used(wherry: Command, debian: str) -> None:
    assert wherry("run", "--rm", debian, "apt-get", "--version").out.startswith("apt ")
    script = "dpkg -l | grep -c ^ii; id -un; su -s /bin/sh nobody -c id; ls -ld /root /tmp"
    lines = wherry("run", "--rm", debian, "sh", "-c", script).out.splitlines()
    assert int(lines[0]) > 80
    assert lines[1] == "root"
    assert lines[2].startswith("uid=65534(nobody)")
    assert lines[3].startswith("drwx------")
    assert lines[4].startswith("drwxrwxrwt")
    script = "groupadd g && useradd -m -g g u && su u -c 'touch ~/f && stat -c %U:%G ~/f'"
    assert wherry("run", "--rm", debian, "sh", "-c", script).line == "u:g"


@pytest.mark.needs("mmdebstrap")
def test_a_python_server_of_debian(wherry: Command, debian: str) -> None:
    """In the machine's network as root; published as an ordinary user, whose engine has a network apart."""
    port = free_port()
    serve = ["python3", "-m", "http.server", "-d", "/etc/apt"]
    if os.geteuid() == 0:
        where = ["--network", "host", debian, *serve, "--bind", "127.0.0.1", str(port)]
    else:
        where = ["-p", f"127.0.0.1:{port}:8000", debian, *serve, "8000"]
    wherry("run", "-d", "--name", "server", *where)
    assert "sources.list" in fetch(f"http://127.0.0.1:{port}/")
    wherry("stop", "-t", "0", "server")
    assert "GET / HTTP/1.1" in wherry("logs", "server").err


@pytest.mark.needs("dockerd", "busybox")
def test_what_docker_saves_is_loaded_and_run(
    wherry: Command, dockerd: Dockerd, busybox_tar: Path, tmp_path: Path
) -> None:
    change = ["-c", 'ENTRYPOINT ["echo", "made by docker:"]', "-c", 'CMD ["default"]', "-c", "USER 7:7"]
    dockerd.docker("import", *change, str(busybox_tar), "docker-made:1")
    archive = tmp_path / "docker.tar"
    dockerd.docker("save", "-o", str(archive), "docker-made:1")
    there = json.loads(dockerd.docker("image", "inspect", "docker-made:1").stdout)[0]
    assert wherry("load", "-i", str(archive)).line == "Loaded image: docker-made:1"
    assert wherry("inspect", "-f", "{{.Id}}", "docker-made:1").line == there["Id"]
    assert wherry("run", "--rm", "docker-made:1").line == "made by docker: default"
    assert wherry("run", "--rm", "--entrypoint", "id", "docker-made:1", "-u").line == "7"
    wherry("rmi", "docker-made:1")
    dockerd.docker("rmi", "docker-made:1")


@pytest.fixture
def saved(wherry: Command, image: str, tmp_path: Path) -> tuple[str, Path]:
    """An image of two layers made by us and saved: its id and the archive."""
    wherry(
        "run", "--name", "made", image, "sh", "-c", "echo by wherry >/word; chown 7:8 /word; rm /etc/group"
    )
    identifier = wherry("commit", "--change", 'CMD ["cat", "/word"]', "made", "wherry-made:1").line
    wherry("save", "-o", str(tmp_path / "wherry.tar"), "wherry-made:1")
    wherry("rmi", "wherry-made:1")
    return identifier, tmp_path / "wherry.tar"


@pytest.mark.needs("dockerd", "busybox")
def test_what_is_saved_here_docker_loads_and_runs(saved: tuple[str, Path], dockerd: Dockerd) -> None:
    identifier, archive = saved
    assert b"Loaded image: wherry-made:1" in dockerd.docker("load", "-i", str(archive)).stdout
    assert json.loads(dockerd.docker("image", "inspect", "wherry-made:1").stdout)[0]["Id"] == identifier
    run = ["run", "--rm", "--network", "none", "wherry-made:1"]
    assert dockerd.docker(*run).stdout == b"by wherry\n"
    look = "stat -c %u:%g /word; ls /etc/group 2>&1 | grep -c 'No such'"
    assert dockerd.docker(*run, "sh", "-c", look).stdout == b"7:8\n1\n"
    dockerd.docker("rmi", "wherry-made:1")


@pytest.mark.needs("podman", "root", "busybox")
def test_what_is_saved_here_podman_loads_and_runs(saved: tuple[str, Path]) -> None:
    root = tempfile.mkdtemp(prefix="podman-", dir="/tmp")  # it wants short paths
    podman = [
        "podman", "--root", f"{root}/root", "--runroot", f"{root}/run", "--storage-driver=vfs",
        "--cgroup-manager=cgroupfs", "--runtime=runc",
    ]  # fmt: skip
    try:
        subprocess.run([*podman, "load", "-i", str(saved[1])], check=True, capture_output=True)
        limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network", "none"]
        done = subprocess.run(
            [*podman, "run", "--rm", *limits, "wherry-made:1"], check=False, capture_output=True, text=True
        )
        assert done.stdout == "by wherry\n", done.stderr
    finally:
        subprocess.run([*podman, "rmi", "-af"], check=False, capture_output=True)
        shutil.rmtree(root)
