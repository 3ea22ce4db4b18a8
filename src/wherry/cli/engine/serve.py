"""`wherry engine serve`: the engine in the foreground, on TCP too if wanted."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.cli.engine.stopping import end_engine
from wherry.paths import api_socket


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    words = [word for host in flags.every("listen") for word in ("--host", host)]
    for name in ("tlscacert", "tlscert", "tlskey"):
        if flags.given(name):
            words += [f"--{name}", os.path.abspath(flags.text(name))]
    if flags.on("tlsverify") or any(flags.given(name) for name in ("tlscacert", "tlscert", "tlskey")):
        words.append("--tlsverify")
    end_engine(api_socket())  # one engine serves this state; containers go on running
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "wherry.engine", "--idle-after", "0", *words])


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("listen", "", "list:tcp://ADDRESS:PORT", "Listen there too; may be given several times", ""),
        ("tlsverify", "", "bool", "With TLS, for clients whose certificate the authority has signed", ""),
        ("tlscacert", "", "text:FILE", "The authority's certificate (~/.docker/ca.pem)", ""),
        ("tlscert", "", "text:FILE", "The engine's certificate (~/.docker/cert.pem)", ""),
        ("tlskey", "", "text:FILE", "The engine's key (~/.docker/key.pem)", ""),
    ),
    details="""\
For engines that other machines use, and for service managers. It does not end when it is idle. An engine
that runs is replaced; its containers go on running.

Whoever reaches the API can do everything that you can. So without TLS it listens on loopback addresses
only; over ssh (-H ssh://user@host) nothing needs to listen at all.""",
    examples=(
        (
            "engine serve --listen tcp://0.0.0.0:2376 --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem",
            "from another machine: wherry -H tcp://host:2376 --tlsverify ps",
        ),
    ),
)
