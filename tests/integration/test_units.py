"""`wherry engine install` under a real systemd: the first client starts the engine, containers outlive it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.engine import EngineUnderTest
from wherry.cli.engine import units


def systemctl(*words: str) -> str:
    scope = [] if os.geteuid() == 0 else ["--user"]
    done = subprocess.run(["systemctl", *scope, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


@pytest.fixture
def installed(no_engine: EngineUnderTest) -> Iterator[EngineUnderTest]:
    """The service, which finds the modules as the tests do: where they are installed is not its business."""
    # Where this user's systemd looks: its home is the real one.
    settings = str(Path(pwd.getpwuid(os.geteuid()).pw_dir) / ".config")
    no_engine.wherry.environment["XDG_CONFIG_HOME"] = settings
    no_engine.wherry("engine", "install")
    place = "/etc/systemd/system" if os.geteuid() == 0 else f"{settings}/systemd/user"
    folder = Path(place) / f"{units.SERVICE}.d"
    if "PYTHONPATH" in no_engine.environment:
        folder.mkdir()
        text = f'[Service]\nEnvironment="PYTHONPATH={no_engine.environment["PYTHONPATH"]}"\n'
        (folder / "tests.conf").write_text(text)
        systemctl("daemon-reload")
    try:
        yield no_engine
        no_engine.remove_containers()
    finally:
        no_engine.wherry("engine", "uninstall")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.needs("systemd")
def test_the_first_client_starts_the_service(installed: EngineUnderTest) -> None:
    assert systemctl("is-active", "wherry.socket") == "active"
    assert systemctl("is-active", "wherry.service") == "inactive"
    assert installed.wherry("run", "--rm", "hello", timeout=300).code == 0
    assert systemctl("is-active", "wherry.service") == "active"
    systemctl("stop", "wherry.service")
    assert Path(installed.socket).exists()  # the next client starts it again
    assert installed.answers()


@pytest.mark.needs("systemd")
def test_containers_outlive_the_service(installed: EngineUnderTest) -> None:
    wherry = installed.wherry
    name = wherry("run", "-d", "host", "sleep", "1000", timeout=300).line
    before = wherry("inspect", "-f", "{{.State.Pid}}", name).line
    systemctl("restart", "wherry.service")
    assert wherry("inspect", "-f", "{{.State.Pid}} {{.State.Running}}", name).line == f"{before} true"
    assert wherry("exec", name, "true").code == 0
    systemctl("stop", "wherry.service")
    assert Path(f"/proc/{before}").exists()
    assert wherry("ps", "-q", "--no-trunc").line == name
