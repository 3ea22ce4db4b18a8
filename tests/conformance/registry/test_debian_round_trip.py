"""A Debian image on its way: pushed by wherry, run by Docker and by Podman, pushed back, run again.

Over a registry of ours, and over Debian's docker-registry.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.test_registry_round_trip import podman
from tests.harness.docker_registry import docker_registry
from tests.harness.dockerd import Dockerd
from tests.harness.engine import EngineUnderTest
from tests.harness.registry import RegistryUnderTest

pytestmark = pytest.mark.needs("docker-registry", "dockerd", "podman", "runc", "mmdebstrap", "root")

SHOW = ("run", "--rm", "--network=none")
WHAT = ("sh", "-c", ". /etc/os-release; echo $ID; python3 -c 'print(6 * 7)'; cat /made 2>/dev/null; true")


@pytest.fixture(params=["ours", "docker-registry"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "ours":
        with RegistryUnderTest(tmp_path) as registry:
            yield registry.address
    else:
        with docker_registry(tmp_path) as running:
            yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """For Podman, which wants a short path."""
    made = Path(tempfile.mkdtemp(prefix="podman-", dir="/tmp"))
    yield made
    podman(made, "rmi", "-af")
    subprocess.run(["umount", "-l", f"{made}/data/overlay"], capture_output=True, check=False)
    shutil.rmtree(made, ignore_errors=True)


def test_debian_goes_to_docker_and_podman_and_comes_back(
    engine: EngineUnderTest, dockerd: Dockerd, debian_tar: Path, address: str, folder: Path
) -> None:
    wherry, name = engine.wherry, f"{address}/trip/debian"
    wherry("import", str(debian_tar), f"{name}:wherry", timeout=300)
    wherry("push", f"{name}:wherry", timeout=300)
    wherry("rmi", f"{name}:wherry")

    dockerd.docker("pull", f"{name}:wherry")
    assert dockerd.docker(*SHOW, f"{name}:wherry", *WHAT).stdout == b"debian\n42\n"
    dockerd.docker(
        "run", "--name=made", "--network=none", f"{name}:wherry", "sh", "-c", "echo docker > /made"
    )
    dockerd.docker("commit", "made", f"{name}:docker")
    dockerd.docker("push", f"{name}:docker")
    dockerd.docker("rm", "made")
    dockerd.docker("rmi", f"{name}:wherry", f"{name}:docker")

    podman(folder, "pull", "-q", "--tls-verify=false", f"{name}:docker")
    assert podman(folder, *SHOW, f"{name}:docker", *WHAT) == "debian\n42\ndocker\n"
    podman(folder, "tag", f"{name}:docker", f"{name}:podman")
    podman(folder, "push", "-q", "--tls-verify=false", f"{name}:podman")

    wherry("pull", f"{name}:podman", timeout=300)
    assert wherry(*SHOW, f"{name}:podman", *WHAT).out == "debian\n42\ndocker\n"
    wherry("rmi", f"{name}:podman")
