"""get-wherry.sh: install, upgrade under running containers, an interruption at any moment, removal."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.engine import EngineUnderTest
from tests.harness.wheels import index, wheel

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "get-wherry.sh"


class Place:
    """A prefix to install into, and an engine's home that the installed program uses."""

    def __init__(self, engine: EngineUnderTest, prefix: Path) -> None:
        self.engine = engine
        self.prefix = prefix
        dropped = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
        self.environment = {
            name: text for name, text in engine.environment.items() if name not in dropped
        } | {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PIP_NO_COMPILE": "1", "PIP_CONFIG_FILE": os.devnull}

    def words(self, *words: str) -> list[str]:
        return ["sh", str(SCRIPT), "--user", "--prefix", str(self.prefix), "--no-service", *words]

    def get(self, *words: str, code: int = 0) -> str:
        """Run the script; its output, both streams. Raises AssertionError on another exit code."""
        done = subprocess.run(
            self.words(*words), env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def wherry(self, *words: str) -> str:
        """The installed command."""
        command = [str(self.prefix / "bin" / "wherry"), *words]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def versions(self) -> list[Path]:
        return sorted((self.prefix / "lib" / "wherry" / "versions").iterdir())


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("wheels")
    return [wheel(folder, "9.1.0"), wheel(folder, "9.2.0")]


@pytest.fixture
def place(no_engine: EngineUnderTest, tmp_path: Path) -> Iterator[Place]:
    yield Place(no_engine, tmp_path / "usr")


def test_from_an_index_and_on_to_the_next_version_while_containers_run(
    place: Place, wheels: list[Path]
) -> None:
    folder = place.engine.home / "user" / ".config" / "wherry"
    folder.mkdir(parents=True)
    settings = folder / "registries.toml"
    settings.write_text(
        '# ours\nmirrors = [\n  "https://one.example",  # near\n]\n[registry."a.example"]\ninsecure = true\n'
    )
    with index(wheels, registry=True) as url:
        mirror = url.removesuffix("/simple")
        said = place.get("--mirror", mirror, "--version", "9.1.0")
        assert "wherry version 9.1.0 is installed" in said
        assert "put it on your PATH" in said
        assert tomllib.loads(settings.read_text()) == {
            "mirrors": [mirror, "https://one.example"],
            "registry": {"a.example": {"insecure": True}},
        }
        assert settings.read_text().startswith("# ours\n")
        assert "is here already" in place.get("--index-url", url, "--version", "9.1.0")
        for path in ("bash-completion/completions/wherry", "zsh/site-functions/_wherry"):
            assert "wherry __complete" in (place.prefix / "share" / path).read_text()

        name = place.wherry("run", "-d", "host", "sleep", "1000")
        pid = place.wherry("inspect", "-f", "{{.State.Pid}}", name)
        assert place.wherry("version", "-f", "{{.Server.Version}}") == "9.1.0"
        assert "wherry version 9.2.0 is installed" in place.get("--index-url", url)
    assert place.wherry("version", "-f", "{{.Server.Version}}") == "9.2.0"  # the engine was replaced
    assert place.wherry("inspect", "-f", "{{.State.Pid}} {{.State.Running}}", name) == f"{pid} true"
    assert place.wherry("exec", name, "echo", "here") == "here"
    assert len(place.versions()) == 2  # the container's supervisor still works with the old one's files

    said = place.get("--uninstall")
    assert "stopping 1 containers" in said
    assert not (place.prefix / "lib" / "wherry").exists()
    assert [path for path in place.prefix.rglob("*") if not path.is_dir()] == []
    assert (place.engine.home / "state" / "wherry.db").exists()  # what people made stays
    assert place.engine.wherry("ps", "-aq", "--no-trunc").line == name


@pytest.mark.needs("root")
def test_killed_in_the_middle_the_old_version_or_the_new_one_works(
    place: Place, wheels: list[Path], tmp_path: Path
) -> None:
    first = tmp_path / "usr" / "lib" / "wherry" / "versions" / "1"
    (first / "bin").mkdir(parents=True)
    (first / "bin" / "wherry").write_text("#!/bin/sh\necho wherry version 9.1.0\n")
    (first / "bin" / "wherry").chmod(0o755)
    (first / "complete").touch()
    (first.parents[1] / "current").symlink_to("versions/1")
    (tmp_path / "usr" / "bin").mkdir()
    (tmp_path / "usr" / "bin" / "wherry").symlink_to("../lib/wherry/current/bin/wherry")
    for moment in ("-m venv", "-m pip", "os.replace"):
        _killed_at(moment, place, wheels[1])
        assert place.wherry("--version") in ("wherry version 9.1.0", "wherry version 9.2.0")
    place.get("--from", str(wheels[1]))
    assert place.wherry("--version") == "wherry version 9.2.0"
    assert len(place.versions()) == 1  # what the killed ones had begun is gone, and the version before

    place.wherry("run", "-d", "host", "sh", "-c", "mkdir /x; chown 1:1 /x; sleep 1000")
    place.get("--uninstall", "--purge")
    assert not (place.engine.home / "state").exists()
    assert not (place.engine.home / "run").exists()
    assert not (place.prefix / "lib" / "wherry").exists()


def _killed_at(moment: str, place: Place, wheel: Path) -> None:
    """Run the script, and kill it with all its children when it begins a command that holds `moment`."""
    traced = subprocess.Popen(
        ["sh", "-x", *place.words("--from", str(wheel))[1:]],
        env=place.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert traced.stderr is not None
    assert any(moment in line for line in traced.stderr), "it ended before that"
    os.killpg(traced.pid, signal.SIGKILL)
    traced.wait()
    traced.stderr.close()


def test_two_at_once_and_bad_words(place: Place, wheels: list[Path]) -> None:
    lock = place.prefix / "lib" / "wherry"
    lock.mkdir(parents=True)
    (lock / "lock").touch()
    holder = subprocess.Popen(
        [
            "python3",
            "-c",
            "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, 2); input(print(flush=True))",
            str(lock / "lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    assert "another get-wherry.sh is at work" in place.get("--from", str(wheels[0]), code=1)
    holder.communicate(b"\n")
    assert "unknown option: --what" in place.get("--what", code=1)
    assert "--purge goes with --uninstall" in place.get("--purge", code=1)
    assert "there is no such file" in place.get("--from", "/nowhere.whl", code=1)
    assert "there is no wherry in" in place.get("--uninstall", code=1)
    with index([]) as url:
        assert "answers neither" in place.get("--mirror", url, code=1)
    (place.prefix / "bin").mkdir(exist_ok=True)
    (place.prefix / "bin" / "wherry").write_text("somebody else's")
    assert "not from here" in place.get("--from", str(wheels[0]), code=1)
    assert place.get("--help").startswith("Usage:")


@pytest.mark.parametrize("python", ["none", "old"])
def test_without_python_it_names_the_command(place: Place, tmp_path: Path, python: str) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sh", "id", "uname", "dirname"):
        (programs / name).symlink_to(str(shutil.which(name)))
    script = SCRIPT.read_text().replace("/usr/bin/python3 python3 ", "python3 ")
    copy = tmp_path / "get.sh"
    copy.write_text(script.replace("/etc/os-release", str(tmp_path / "os-release")))
    if python == "old":
        (programs / "python3").write_text("#!/bin/sh\n[ $1 = -V ] && echo Python 3.9.2\n[ $1 = -V ]\n")
        (programs / "python3").chmod(0o755)
    for release, command in (
        ("ID=ubuntu", "apt-get install -y python3"),
        ("ID=rocky\nID_LIKE='rhel centos fedora'", "dnf install -y python3"),
        ("ID=arch", "pacman -S"),
        ("ID=alpine", "apk add python3"),
        ("ID=opensuse-tumbleweed", "zypper --non-interactive install python311"),
    ):
        (tmp_path / "os-release").write_text(release)
        done = subprocess.run(
            ["/bin/sh", str(copy), "--prefix", str(tmp_path / "x")],
            env={"PATH": str(programs), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert ("Python 3.9.2" if python == "old" else "no Python 3") in done.stderr
        assert command in done.stderr
        assert not (tmp_path / "x").exists()


def test_shell_check(place: Place) -> None:
    program = shutil.which("shellcheck")
    if program is None:
        subprocess.run(["sh", "-n", str(SCRIPT)], check=True)
        return
    done = subprocess.run([program, "-s", "sh", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
