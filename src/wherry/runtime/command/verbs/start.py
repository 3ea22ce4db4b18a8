"""`start`: let a created container execute its program."""

from __future__ import annotations

import os
import socket

from wherry.errors import Conflict
from wherry.runtime.channel import SIZE
from wherry.runtime.command import creation
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context
from wherry.runtime.failure import RuntimeFailure, unpack


def run(context: Context, arguments: Arguments) -> int:
    """Return 0 once the program executes. Raises RuntimeFailure if it can't."""
    container = Container.find(context.root, arguments.positional[0])
    if container.status() != "created":
        raise Conflict(f"cannot start a container that is {container.status()}")
    _start(container)
    os.unlink(container.start_socket)
    creation.started(container)
    return 0


def _start(container: Container) -> None:
    directory = os.open(container.directory, os.O_PATH | os.O_CLOEXEC)
    executing = False
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gate:
        try:
            gate.connect(f"/proc/self/fd/{directory}/start.sock")
            gate.send(b"s")
        except OSError:
            raise Conflict("the container's init is gone, or is being started already") from None
        finally:
            os.close(directory)
        while True:
            try:
                message = gate.recv(SIZE)
            except ConnectionResetError:
                message = b""
            if message[:1] == b"X":
                executing = True
            elif message[:1] == b"E":
                raise unpack(message[1:])
            elif not message:
                break
    if not executing:
        raise RuntimeFailure("the container's init ended before it could execute the program")
