"""`wherry login`: keep the credentials of a registry, once it has accepted them."""

from __future__ import annotations

import os
import sys

from wherry.cli.command import Command, Invocation
from wherry.client.credentials import HUB, find, keep
from wherry.errors import Invalid, Unauthorized


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    registry = invocation.arguments[0] if invocation.arguments else HUB
    registry = (
        registry.removeprefix("https://").removeprefix("http://").rstrip("/") if registry != HUB else HUB
    )
    name, password = flags.text("username"), flags.text("password")
    if flags.on("password-stdin"):
        if flags.given("password"):
            raise Invalid("--password and --password-stdin are mutually exclusive")
        if not name:
            raise Invalid("the --password-stdin option requires --username to be set")
        password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    elif flags.given("password"):
        print("WARNING! Using --password via the CLI is insecure. Use --password-stdin.", file=sys.stderr)
    if not name and not password and (kept := find(registry)):
        print("Authenticating with existing credentials...", file=sys.stderr)
        try:
            return _accepted(invocation, registry, kept)
        except Unauthorized as error:
            print(f"Login did not succeed, error: {error.message}", file=sys.stderr)
            name = kept.get("username", "") if not os.isatty(0) else ""
    name = name or _asked("Username: ")
    if not password:
        password = _secret()
    return _accepted(
        invocation, registry, {"username": name, "password": password, "serveraddress": registry}
    )


def _accepted(invocation: Invocation, registry: str, auth: dict[str, str]) -> int:
    """Have the registry check the credentials, and keep them. Raises Unauthorized."""
    answer = invocation.client.post("/auth", auth) or {}
    token = answer.get("IdentityToken") or auth.get("identitytoken", "")
    place = keep(registry, auth.get("username", ""), auth.get("password", ""), token)
    print(answer.get("Status") or "Login Succeeded")
    print(f"the credentials are kept in {place}", file=sys.stderr)
    return 0


def _asked(question: str) -> str:
    if not os.isatty(0):
        raise Invalid("cannot ask for a user name without a terminal", hint="-u NAME --password-stdin")
    return input(question).strip()


def _secret() -> str:
    if not os.isatty(0):
        raise Invalid(
            "cannot ask for a password without a terminal", hint="--password-stdin reads it from a pipe"
        )
    import getpass

    return getpass.getpass("Password: ")


COMMAND = Command(
    run,
    usage="[OPTIONS] [REGISTRY]",
    maximum=1,
    flags=(
        ("username", "u", "text:NAME", "The user name; asked for when it is left out", ""),
        ("password-stdin", "", "bool", "Read the password from standard input", ""),
        ("password", "p", "text:PASSWORD", "The password; everyone on the machine can see it so", ""),
    ),
    examples=(("login -u me --password-stdin registry.example < secret", "without a question"),),
)
