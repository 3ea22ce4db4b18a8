"""The options before the command: which engine, debug output, version, help."""

from __future__ import annotations

import os

from wherry.cli.flags import UsageError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.flags import Flag

GLOBAL_FLAGS: tuple[Flag, ...] = (
    (
        "host",
        "H",
        "list:ADDRESS",
        "The engine to speak to: unix:///socket, tcp://host:port, ssh://user@host",
        "",
    ),
    ("debug", "D", "bool", "Show tracebacks of errors (also WHERRY_DEBUG=1)", ""),
    ("tlsverify", "", "bool", "Use TLS and verify the engine's certificate", ""),
    ("tls", "", "bool", "Use TLS without verifying the engine's certificate", ""),
    ("tlscacert", "", "text:FILE", "Who signed the engine's certificate (~/.docker/ca.pem)", ""),
    ("tlscert", "", "text:FILE", "This client's certificate (~/.docker/cert.pem)", ""),
    ("tlskey", "", "text:FILE", "This client's key (~/.docker/key.pem)", ""),
    ("config", "", "text:DIR", "Where client settings and certificates are", ""),
    ("context", "c", "text:NAME", "The named engine to use", ""),
    ("log-level", "l", "text:LEVEL", "Accepted for Docker's sake; errors are always shown", ""),
    ("version", "v", "bool", "Print the version", ""),
    ("help", "h", "bool", "Show this help", ""),
)


def global_options(words: list[str]) -> tuple[str, list[str]]:
    """The engine's address from the options before the command, and the words after them.

    Options that Docker's clients read from the environment are put there. `--version` and `--help` become
    commands of their own. Raises UsageError.
    """
    flags, rest = parse(GLOBAL_FLAGS, words, interspersed=False)
    hosts = flags.every("host")
    if len(hosts) > 1:
        raise UsageError("specify only one -H")
    if flags.given("context"):
        if hosts:
            raise UsageError("conflicting options: either specify --host or --context, not both")
        os.environ["WHERRY_CONTEXT"] = flags.text("context") or "default"
        for name in ("WHERRY_HOST", "DOCKER_HOST"):
            os.environ.pop(name, None)
    if flags.on("debug"):
        os.environ["WHERRY_DEBUG"] = "1"
    if flags.on("tlsverify"):
        os.environ["DOCKER_TLS_VERIFY"] = "1"
    for name, variable in (("tlscacert", "CA"), ("tlscert", "CERT"), ("tlskey", "KEY")):
        if flags.given(name):
            os.environ[f"WHERRY_TLS_{variable}"] = flags.text(name)
            os.environ.setdefault("DOCKER_TLS_VERIFY", "1")
    if flags.on("tls"):
        os.environ["DOCKER_TLS"] = "1"
    if flags.given("config"):
        os.environ["DOCKER_CONFIG"] = flags.text("config")
        os.environ.setdefault("DOCKER_CERT_PATH", flags.text("config"))
    if flags.on("version"):
        return "", ["version", "--client", "--short"]
    if flags.on("help") and rest:
        rest = [*rest, "--help"]
    return (hosts[0] if hosts else ""), rest
