"""The units of systemd/, under a real systemd: the first client starts the engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.engine import EngineUnderTest

ROOT = Path(__file__).resolve().parents[2]
UNITS = Path("/run/systemd/system")


def systemctl(*words: str) -> str:
    done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


@pytest.mark.needs("root", "systemd")
def test_the_first_client_starts_the_service(no_engine: EngineUnderTest) -> None:
    name = f"wherry-test-{os.getpid()}"
    socket, service = UNITS / f"{name}.socket", UNITS / f"{name}.service"
    text = (ROOT / "systemd" / "system" / "wherry.socket").read_text()
    socket.write_text(text.replace("/run/wherry/wherry.sock", no_engine.socket))
    text = (ROOT / "systemd" / "system" / "wherry.service").read_text()
    settings = "".join(f'Environment="{key}={value}"\n' for key, value in no_engine.environment.items())
    text = text.replace("wherry.socket", socket.name).replace("/usr/bin/env python3", sys.executable)
    service.write_text(text.replace("[Service]\n", f"[Service]\n{settings}"))
    try:
        systemctl("daemon-reload")
        systemctl("start", socket.name)
        assert systemctl("is-active", service.name) == "inactive"
        assert no_engine.wherry("run", "--rm", "hello").code == 0
        assert systemctl("is-active", service.name) == "active"
        systemctl("stop", service.name)
        assert Path(no_engine.socket).exists()  # the next client starts it again
        assert no_engine.answers()
    finally:
        systemctl("stop", socket.name, service.name)
        socket.unlink()
        service.unlink()
        systemctl("daemon-reload")
