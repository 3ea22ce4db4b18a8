"""RUN --mount=type=ssh: an agent of the client's, asked from within a step."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.integration.build.conftest import Build

pytestmark = [pytest.mark.needs("root")]

PYTHON = shutil.which("python3", path="/usr/bin:/usr/local/bin")
ASK = f"""
FROM host
RUN --mount=type=ssh,required=true,uid=5,mode=600 <<EOF
#!{PYTHON}
import os, socket
path = os.environ["SSH_AUTH_SOCK"]
status = os.stat(path)
print("owner", status.st_uid, oct(status.st_mode))
for number in (1, 2):
    with socket.socket(socket.AF_UNIX) as agent:
        agent.connect(path)
        for _ in range(number):
            agent.sendall(bytes([0, 0, 0, 1, 11]))
            print("answer", number, agent.recv(1000).hex())
EOF
RUN test -z "$SSH_AUTH_SOCK" && test ! -e /run/buildkit && echo gone
"""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """A socket that answers each question with what was asked, after a byte of its own."""
    path = tmp_path / "agent"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                question = connection.recv(1000)
                connection.sendall((len(question) + 1).to_bytes(4, "big") + b"\x0c" + question)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield path
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(60)


def test_an_agent_answers(build: Build, agent: Path) -> None:
    said = build(ASK, "--no-cache", "--ssh", f"default={agent}").err
    assert "owner 5 0o140600" in said
    assert said.count("answer 1 000000060c000000010b") == 1
    assert said.count("answer 2 000000060c000000010b") == 2
    assert " gone\n" in said


def test_the_users_own_agent(wherry: Command, context: Path, agent: Path) -> None:
    (context / "Dockerfile").write_text(ASK)
    build = ("build", "--progress=plain", "--no-cache", str(context))
    assert "answer 1" in wherry(*build, "--ssh", "default", env={"SSH_AUTH_SOCK": str(agent)}).err
    assert "SSH agent default: not found" in wherry(*build, code=1).err
    assert "SSH_AUTH_SOCK is set" in wherry(*build, "--ssh=default", env={"SSH_AUTH_SOCK": ""}, code=1).err
    assert "/nowhere: no such file" in wherry(*build, "--ssh=default=/nowhere", code=1).err


def test_an_agent_that_is_gone(build: Build, tmp_path: Path) -> None:
    """The step is told so, in the agent's protocol; the build is not hurt by it."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead"))
    assert "answer 1 0000000105" in build(ASK, "--no-cache", "--ssh", f"default={tmp_path / 'dead'}").err


@pytest.mark.needs("ssh-agent")
def test_a_key(build: Build, tmp_path: Path) -> None:
    """An agent with the key is started for the build, and ended with it."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lent", "-f", key], check=True)
    text = "FROM host\nRUN --mount=type=ssh,id=k ssh-add -L\n"
    assert (tmp_path / "key.pub").read_text().strip() in build(text, "--no-cache", "--ssh", f"k={key}").err
