"""Podman, with `wherry-runtime` for its OCI runtime."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.runtime_lab import ROOT

pytestmark = pytest.mark.needs("podman", "root", "busybox")

LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network", "none")


class Podman:
    """Podman with state of its own."""

    def __init__(self, directory: Path) -> None:
        script = directory / "wherry-runtime"
        script.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT / 'src')!r})\n"
            "from wherry.runtime.command import main\nsys.exit(main())\n"
        )
        script.chmod(0o755)
        self._command = [
            "podman", "--root", str(directory / "root"), "--runroot", str(directory / "run"),
            "--cgroup-manager", "cgroupfs", "--runtime", str(script), "--storage-driver", "vfs",
        ]  # fmt: skip

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [*self._command, *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stdout + done.stderr

    def run(self, *words: str, code: int = 0) -> str:
        return self("run", *LIMITS, *words, code=code)


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory, busybox_tar: Path) -> Iterator[Podman]:
    """Podman with an image `bb`."""
    directory = tmp_path_factory.mktemp("podman")
    podman = Podman(directory)
    podman("import", str(busybox_tar), "bb")
    yield podman
    podman("rm", "--all", "--force", "--time", "0")
    podman("rmi", "--all", "--force")


def test_run(podman: Podman) -> None:
    assert podman.run("--rm", "bb", "sh", "-c", "id -u; echo $HOME; pwd") == "0\n/root\n/\n"
    podman.run("--rm", "bb", "sh", "-c", "exit 5", code=5)


def test_programs_that_do_not_run(podman: Podman) -> None:
    assert "not found" in podman.run("--rm", "bb", "nonsense", code=127)
    podman.run("--rm", "bb", "/etc", code=126)


def test_a_life(podman: Podman, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("bound")
    podman.run(
        "-d", "--name", "life", "--memory", "64m", "--tmpfs", "/scratch",
        "-v", f"{tmp_path}:/data:ro",
        "--read-only", "--hostname", "boat", "bb", "sleep", "1000",
    )  # fmt: skip
    script = "cat /data/file; hostname; touch /scratch/x && echo writable; touch /x"
    assert podman("exec", "life", "sh", "-c", script, code=1).startswith("boundboat\nwritable\n")
    podman("pause", "life")
    assert "paused" in podman("inspect", "--format", "{{.State.Status}}", "life")
    podman("unpause", "life")
    assert "sleep" in podman("top", "life")
    assert "nonsense" in podman("exec", "life", "nonsense", code=127)
    podman("stop", "--time", "5", "life")
    podman("rm", "life")
    assert podman("ps", "-aq") == ""


def test_a_terminal(podman: Podman) -> None:
    assert podman.run("--rm", "-t", "bb", "sh", "-c", "tty") == "/dev/pts/0\n"


def test_a_user_namespace(podman: Podman) -> None:
    out = podman.run("--rm", "--uidmap", "0:100000:5000", "bb", "sh", "-c", "id -u; cat /proc/self/uid_map")
    assert out.split() == ["0", "0", "100000", "5000"]
