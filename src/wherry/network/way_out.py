"""What a rootless engine needs of the machine's own network, started while it can still be reached.

The engine moves into a network namespace of its own, where it makes bridges. Left behind in the machine's
are the keeper, which holds published ports, and pasta or slirp4netns, which carries connections out. Without
either of the two, containers talk to each other and ports work, but nothing leads out.
"""

from __future__ import annotations

import os
import signal
import socket

from wherry.network.keeper import command

HELPERS = ("pasta", "slirp4netns")


def helper() -> str:
    """The path of the program that will carry connections out, or ""."""
    places = [*os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin").split(":"), "/usr/sbin", "/sbin"]
    for name in HELPERS:
        for place in places:
            path = os.path.join(place, name)
            if os.access(path, os.X_OK):
                return path
    return ""


def begin(run_dir: str, netns: str) -> int:
    """Start what is not running; call it in the machine's network namespace.

    `netns` is the path where the engine's network namespace will be. Returns a descriptor: writing a byte to
    it says that the namespace is there, closing it does too. Does not wait for anything.
    """
    if not _listens(command.socket_path(run_dir)):
        nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        arguments = command.command(run_dir, guarded=True)
        os.posix_spawn(arguments[0], arguments, command.environment(), file_actions=nowhere, setsid=True)
    program = helper()
    ready, says = os.pipe()
    if not program or _alive(_pid_file(run_dir)) or os.fork():
        os.close(ready)
        return says
    # The child: detached, so that nobody needs to wait for it, until the namespace is there.
    try:
        os.close(says)
        os.setsid()
        if os.fork():
            os._exit(0)
        os.read(ready, 1)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.closerange(3, 4096)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # pasta refuses to start where Python's SIG_IGN is left
        os.execv(program, _arguments(program, run_dir, netns))
    finally:
        os._exit(1)


def end(run_dir: str) -> None:
    """End the program that carries connections out, if it runs."""
    if _alive(_pid_file(run_dir)):
        with open(_pid_file(run_dir)) as file:
            os.kill(int(file.read()), signal.SIGTERM)


def _arguments(program: str, run_dir: str, netns: str) -> list[str]:
    """Neither lets a container reach what the machine serves on its loopback."""
    if program.endswith("pasta"):
        ports = ["-t", "none", "-u", "none", "-T", "none", "-U", "none"]
        where = ["--config-net", "--netns-only", "--netns", netns, "--no-map-gw"]
        log = os.path.join(run_dir, "way-out.log")
        return [program, *where, *ports, "-l", log, "-P", _pid_file(run_dir)]
    # slirp4netns stays in the foreground and writes no pid file
    with open(_pid_file(run_dir), "w") as file:
        file.write(f"{os.getpid()}\n")
    options = ["--configure", "--mtu=65520", "--disable-host-loopback", "--netns-type=path"]
    return [program, *options, netns, "tap0"]


def _pid_file(run_dir: str) -> str:
    return os.path.join(run_dir, "way-out.pid")


def _alive(pid_file: str) -> bool:
    try:
        with open(pid_file) as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip().startswith(("pasta", "passt", "slirp4netns"))
    except (OSError, ValueError):
        return False


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as one:
        try:
            one.connect(path)
        except OSError:
            return False
    return True
