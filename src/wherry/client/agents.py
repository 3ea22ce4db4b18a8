"""SSH agents, or keys, that are lent to RUN --mount=type=ssh while a build runs."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from wherry.errors import Invalid, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wherry.client.api import Client

_UPGRADE = {"Connection": "Upgrade", "Upgrade": "wherry-agent"}
_PATIENCE = 10  # seconds for ssh-agent to start


@contextlib.contextmanager
def lent(client: Client, given: list[str]) -> Iterator[dict[str, str]]:
    """Lend what `--ssh ID[=SOCKET|KEY[,KEY]]` names while the build runs; id → token. Raises Invalid."""
    with contextlib.ExitStack() as stack:
        tokens = {}
        for text in given:
            name, equals, value = text.partition("=")
            name = name or "default"
            path = stack.enter_context(_agent(name, value.split(",") if equals and value else []))
            if name in tokens:
                raise Invalid(f"--ssh {name} is given twice")
            tokens[name] = secrets.token_hex(16)
            stack.enter_context(_connected(client, tokens[name], path))
        yield tokens


@contextlib.contextmanager
def _agent(name: str, paths: list[str]) -> Iterator[str]:
    """The socket of an agent: the user's own, one that is named, or one of ours that has the keys named."""
    if not paths:
        path = os.environ.get("SSH_AUTH_SOCK", "")
        if not path:
            raise Invalid(
                f"invalid empty ssh agent socket for --ssh {name}: make sure SSH_AUTH_SOCK is set",
                hint=f"start an agent, or name a key: --ssh {name}=FILE",
            )
        yield path
        return
    for path in paths:
        if not os.path.exists(path):
            raise Invalid(f"--ssh {name}: {path}: no such file or directory")
    if len(paths) == 1 and not os.path.isfile(paths[0]):
        yield paths[0]
        return
    if shutil.which("ssh-agent") is None or shutil.which("ssh-add") is None:
        raise Unsupported("--ssh with a key needs ssh-agent", hint="install openssh-client")
    with tempfile.TemporaryDirectory(prefix="wherry-ssh-") as folder:
        path = os.path.join(folder, "agent")
        command = ["ssh-agent", "-D", "-a", path]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as agent:
            try:
                deadline = time.monotonic() + _PATIENCE
                while not os.path.exists(path) and agent.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.01)
                environment = {**os.environ, "SSH_AUTH_SOCK": path}
                added = subprocess.run(["ssh-add", *paths], env=environment, capture_output=True, check=False)
                if added.returncode:
                    text = added.stderr.decode(errors="replace").strip().splitlines() or ["ssh-add failed"]
                    raise Invalid(f"--ssh {name}: {text[-1]}")
                yield path
            finally:
                agent.terminate()


@contextlib.contextmanager
def _connected(client: Client, token: str, path: str) -> Iterator[None]:
    stream, early = client.begin("POST", f"/build/agent?token={token}", headers=_UPGRADE).upgraded()
    thread = threading.Thread(target=_serve, args=(stream, early, path), daemon=True)
    thread.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            stream.shutdown(socket.SHUT_RDWR)
        thread.join()
        stream.close()


def _serve(stream: socket.socket, early: bytes, path: str) -> None:
    """Hand each question to the agent, on a connection of its own."""
    try:
        while question := _message(stream, early):
            early = b""
            try:
                with socket.socket(socket.AF_UNIX) as agent:
                    agent.connect(path)
                    agent.sendall(question)
                    answer = _message(agent, b"")
            except OSError:
                answer = b""
            stream.sendall(answer or b"\0\0\0\1\5")
    except OSError:
        pass  # the build is over


def _message(stream: socket.socket, data: bytes) -> bytes:
    """One message with its length; empty at the end."""
    size = 4
    while len(data) < size:
        piece = stream.recv(size - len(data))
        if not piece:
            return b""
        data += piece
        if len(data) >= 4:
            size = 4 + int.from_bytes(data[:4], "big")
    return data
