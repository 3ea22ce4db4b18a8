"""`serve`: check the settings, listen, say where, and work."""

from __future__ import annotations

import os
import signal
import sys

from wherry.registry.server.assembly import assemble, driver, private
from wherry.registry.server.serving.certificates import Certificates
from wherry.registry.server.serving.worker import WATCHED, work
from wherry.registry.server.serving.workers import ANYWHERE, Workers, listen
from wherry.registry.server.settings import Settings

_MOST_BY_DEFAULT = 4


def serve(settings: Settings) -> int:
    """Blocks until told to stop. Raises Invalid, Unsupported and Unavailable before anything is served."""
    storage = driver(settings)
    os.makedirs(private(settings), mode=0o700, exist_ok=True)
    assemble(settings, storage)
    if settings.tls is not None:
        Certificates(settings.tls)
    host, port = settings.address()
    cores = len(os.sched_getaffinity(0))
    count = settings.workers or min(cores, _MOST_BY_DEFAULT)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    sockets = listen(host, port, count)
    port = sockets[0].getsockname()[1]
    _announce(settings, host or ANYWHERE, port)
    if count == 1:
        work(settings, sockets[0], 0, 1)
    else:
        Workers(settings, sockets).run()
    return 0


def _announce(settings: Settings, host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    name = f"{'localhost' if host in ('127.0.0.1', ANYWHERE, '::1', '::') else shown}:{port}"
    scheme = "https" if settings.tls else "http"
    closed = bool(settings.accounts.htpasswd or settings.accounts.realm)
    lines = [f"registry listening on {scheme}://{shown}:{port}, keeping everything in {settings.storage}"]
    if closed:
        lines.append(f"log in:        wherry login {name}")
    lines += [
        f"push an image: wherry tag IMAGE {name}/IMAGE && wherry push {name}/IMAGE",
        f"pull it:       wherry pull {name}/IMAGE",
    ]
    if not closed and host not in ("127.0.0.1", "::1", "localhost"):
        lines.append("warning: everybody who reaches this address may push and delete; see --htpasswd")
    if closed and not settings.tls and host not in ("127.0.0.1", "::1", "localhost"):
        lines.append("warning: passwords travel unencrypted; see --tls-cert, or put TLS in front of it")
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()
