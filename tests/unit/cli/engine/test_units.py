"""Units for systemd: what they say, and that they are enabled and taken away without one that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wherry.cli.engine import systemd, units
from wherry.cli.engine.install import command
from wherry.cli.entry import run


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this user's units belong."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("WHERRY_HOME", raising=False)
    return tmp_path / "systemd" / "user"


def test_written_enabled_and_taken_away(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # repeatable
        assert run(["engine", "install", "--user", "--no-start"]) == 0
    link = settings / "sockets.target.wants" / "wherry.socket"
    assert link.resolve() == settings / "wherry.socket"
    assert (settings / "default.target.wants" / "wherry.service").resolve() == settings / "wherry.service"
    assert "ListenStream=%t/wherry/wherry.sock\n" in (settings / "wherry.socket").read_text()
    service = (settings / "wherry.service").read_text()
    assert f'ExecStart="{sys.executable}" -m wherry.engine' in service
    assert "KillMode=process\n" in service  # containers go on
    assert "OOMScoreAdjust" not in service
    (settings / "wherry.service.d").mkdir()
    assert run(["engine", "uninstall", "--user"]) == 0
    assert sorted(entry.name for entry in settings.rglob("wherry.*")) == ["wherry.service.d"]
    capsys.readouterr()
    assert run(["engine", "uninstall", "--user"]) == 0
    assert capsys.readouterr().out == "no units are installed\n"


def test_the_home_that_is_asked_for_is_the_one_served(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WHERRY_HOME", str(tmp_path / "home"))
    assert run(["engine", "install", "--user", "--print"]) == 0
    shown = capsys.readouterr().out
    assert f"ListenStream={tmp_path}/home/run/wherry.sock\n" in shown
    assert f'Environment="WHERRY_HOME={tmp_path}/home"\n' in shown
    assert not settings.exists()


def test_an_upgrade_reaches_the_service(tmp_path: Path) -> None:
    """Through the link, but with the modules of the one version that it led to at the start."""
    bin_ = tmp_path / "versions" / "1" / "bin"
    bin_.mkdir(parents=True)
    (tmp_path / "current").symlink_to("versions/1")
    (tmp_path / "versions" / "1" / "bin" / "python").symlink_to(sys.executable)
    line = command(str(bin_ / "python"))
    assert line.startswith("/bin/sh -c 'exec \"$$(readlink -f ")
    script = (
        line.split("'")[1]
        .replace("$$", "$")
        .replace("-m wherry.engine", "-c 'import sys; print(sys.prefix)'")
    )
    prefix = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert "current" not in prefix
    assert command("/usr/bin/python3").startswith('"/usr/bin/python3" -m wherry.engine')
    assert command("/a b/100%/$x/py").startswith('"/a b/100%%/$$x/py"')


def test_without_systemd_it_says_what_to_do_instead(
    settings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(systemd, "runs_here", lambda: False)
    assert run(["engine", "install", "--user"]) == 1
    said = capsys.readouterr().err
    assert "systemd does not run this machine" in said
    assert "wherry engine start" in said
    assert not settings.exists()


def test_who_may_install_what(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["engine", "install", "--user", "--system"]) == 1
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run(["engine", "install", "--system", "--no-start"]) == 1
    assert "only root can install a service for the machine" in capsys.readouterr().err


@pytest.mark.parametrize("user", [True, False])
def test_sections(user: bool) -> None:
    for text, kind in ((units.socket_unit(), "Socket"), (units.service_unit("x", user=user), "Service")):
        sections = [line.strip("[]") for line in text.splitlines() if line.startswith("[")]
        assert sections == ["Unit", kind, "Install"]
        assert all("=" in line for line in text.splitlines() if line and line[0] not in "[#")
