"""Engines that are reached over TCP, and through the pipe that ssh makes."""

from __future__ import annotations

import os
from pathlib import Path

from tests.harness.engine import EngineUnderTest
from tests.harness.forwarding import forwarded

QUIET = ("--network", "none")


def test_tcp(engine: EngineUnderTest, image: str) -> None:
    data = os.urandom(200_000)
    with forwarded(engine.socket) as port:
        address = f"tcp://127.0.0.1:{port}"
        assert engine.wherry("-H", address, "version", "-f", "{{.Server.Version}}").out
        done = engine.wherry.raw("-H", address, "run", "--rm", "-i", *QUIET, image, "cat", stdin=data)
        assert done.stdout == data, done.stderr


def test_pipe_of_ssh(engine: EngineUnderTest) -> None:
    """What runs at the far end of ssh: HTTP on its standard input and output."""
    request = b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    done = engine.wherry.raw("system", "dial-stdio", stdin=request)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"HTTP/1.1 200 ") and done.stdout.endswith(b"OK")


def test_over_ssh(engine: EngineUnderTest, tmp_path: Path) -> None:
    """`ssh` is played by a script that runs the command here, as the other machine would."""
    program = tmp_path / "ssh"
    ours = " ".join(engine.wherry._argv(())[:2])
    entry = engine.wherry._argv(())[2]
    program.write_text(
        "#!/bin/sh\n"
        'test "$1 $2 $3 $4" = "-p 2222 -- me@there" || exit 9\n'
        f"unset WHERRY_HOST; exec {ours} '{entry}' system dial-stdio\n"
    )
    program.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "WHERRY_HOST": "ssh://me@there:2222"}
    assert engine.wherry("version", "-f", "{{.Server.Version}}", env=path).out
    assert "hello" in engine.wherry("images", env=path).out
