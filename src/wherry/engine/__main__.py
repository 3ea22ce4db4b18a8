"""`python -m wherry.engine`: the engine's process, from its first instruction to the event loop.

    --state-dir DIR --run-dir DIR   where things are kept (else as `wherry.paths` says)
    --socket PATH | fd://           where to listen (else run/wherry.sock); fd:// takes systemd's sockets
    --host tcp://ADDRESS:PORT       listen there too; may be given several times
    --tlsverify                     with TLS, for clients whose certificate the authority signed
    --tlscacert, --tlscert, --tlskey FILE
    --idle-after SECONDS            end after so long a quiet period; 0: never
    --detach                        go into the background once the socket listens

The order is that of haste: lock and socket first, then the namespaces, then a supervisor started on the side
while this process loads what takes long to load.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from wherry import paths
from wherry.engine.bootstrap import claim, rootless, sockets, supervising
from wherry.errors import Invalid, WherryError
from wherry.network import way_out

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

    from wherry.engine import daemon
    from wherry.engine.bootstrap.tcp import Certificates
    from wherry.engine.engine import Engine

_PATIENCE = 30.0
"""Seconds that an ending engine may take to let go of its lock."""


class Options(NamedTuple):
    """The command line, read."""

    state_dir: str
    run_dir: str
    socket: str
    idle_after: float | None
    detach: bool
    hosts: tuple[str, ...] = ()
    certificates: Certificates | None = None
    """For TLS on `hosts`; None is without."""


def main(arguments: list[str]) -> int:
    """Run an engine until it ends; the process's exit status. 0 when one runs already."""
    try:
        options = read_options(arguments)
        return _run(options)
    except WherryError as error:
        sys.stderr.write(f"wherry engine: {error.message}\n" + (f"  {error.hint}\n" if error.hint else ""))
        return 1


def read_options(arguments: list[str]) -> Options:
    """Raises `Invalid`."""
    files = {"--tlscacert": "", "--tlscert": "", "--tlskey": ""}
    known = {"--state-dir": "", "--run-dir": "", "--socket": "", "--idle-after": "", "--host": "", **files}
    hosts: list[str] = []
    detach = secure = False
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name == "--detach":
            detach = True
            continue
        if name in ("--tlsverify", "--tls"):
            secure = True
            continue
        if name not in known:
            raise Invalid(f"unknown option: {name}")
        if not equals and not rest:
            raise Invalid(f"option needs a value: {name}")
        known[name] = value if equals else rest.pop(0)
        if name == "--host":
            hosts.append(known[name])
    idle = known["--idle-after"]
    try:
        idle_after = float(idle) if idle else None
    except ValueError:
        raise Invalid(f"--idle-after {idle} is not a number of seconds") from None
    return Options(
        os.path.abspath(known["--state-dir"] or paths.state_dir()),
        os.path.abspath(known["--run-dir"] or paths.run_dir()),
        known["--socket"],
        idle_after,
        detach,
        tuple(hosts),
        _certificates(known) if secure else None,
    )


def _certificates(known: dict[str, str]) -> Certificates:
    from wherry.engine.bootstrap import tcp

    usual = tcp.default_certificates()
    given = (known[name] for name in ("--tlscacert", "--tlscert", "--tlskey"))
    return tcp.Certificates(*(path or default for path, default in zip(given, usual, strict=True)))


def _run(options: Options) -> int:
    claim.make_private(options.state_dir)
    claim.make_private(options.run_dir)
    path = options.socket or os.path.join(options.run_dir, "wherry.sock")
    lock = _lock(options.run_dir, path)
    if lock is None:
        sys.stderr.write("wherry engine: one is running already\n")
        return 0
    listening = sockets.inherited()
    if not listening:
        if options.socket == "fd://":
            raise Invalid("no sockets were handed over", hint="--socket fd:// is for systemd's units")
        listening = [sockets.bind(path)]
    from_afar, context = _from_afar(options, listening)
    if options.detach and _detached():
        return 0
    claim.write_pid(options.run_dir, os.getpid())
    without_root = rootless.needed()
    running = rootless.supervisor_pid(options.run_dir)
    if without_root:
        anchor = running or rootless.keeper_pid(options.run_dir)
        if anchor:
            rootless.join(anchor)
        else:
            rootless.enter_new()
    starting = 0 if running else supervising.begin(options.state_dir, options.run_dir, 2)
    if without_root:
        place = rootless.network_place(options.run_dir)
        outside = way_out.begin(options.run_dir, place)
        rootless.enter_own_network(place)
        os.close(outside)

    from wherry.engine import daemon

    return daemon.run(
        daemon.Start(
            state_dir=options.state_dir,
            run_dir=options.run_dir,
            sockets=listening,
            own_socket=path if not options.socket.startswith("fd:") else "",
            idle_after=options.idle_after,
            rootless=without_root,
            supervisor_starting=starting,
            tcp=from_afar,
            context=context,
        ),
        _serve,
    )


def _from_afar(
    options: Options, listening: list[socket.socket]
) -> tuple[list[socket.socket], ssl.SSLContext | None]:
    """The TCP sockets, those that systemd handed over taken out of `listening`, and how they speak TLS."""
    given = [sock for sock in listening if sock.family != 1]  # AF_UNIX
    if not given and not options.hosts:
        return [], None
    from wherry.engine.bootstrap import tcp

    context = options.certificates.context() if options.certificates is not None else None
    for sock in given:
        listening.remove(sock)
        if context is None:
            tcp.check_insecure(sock.getsockname()[0], "a socket of systemd's")
    return given + tcp.bind(options.hosts, secure=context is not None), context


def _serve(engine: Engine, on_quiet: Callable[[], None]) -> daemon.Server:
    from wherry.api.server import Server

    return Server(engine, on_quiet=on_quiet)


def _lock(run_dir: str, path: str) -> int | None:
    """The engine's lock; None when another engine serves. One that is about to end is waited for."""
    deadline = time.monotonic() + _PATIENCE
    while (lock := claim.take_lock(run_dir)) is None:
        if sockets.answers(path) or time.monotonic() > deadline:
            return None
        time.sleep(0.02)
    return lock


def _detached() -> bool:
    """Fork; True in the parent, which is to leave."""
    if os.fork():
        return True
    os.setsid()
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
