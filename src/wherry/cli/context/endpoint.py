"""What `--docker host=…,ca=…` says of an engine, in `context create` and `context update`."""

from __future__ import annotations

import os

from wherry.client import contexts
from wherry.client.address import parse_address
from wherry.client.contexts import Context
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.cli.flags import Flags

FLAGS = (
    ("description", "", "text:TEXT", "What it is, for people", ""),
    ("docker", "", "list:NAME=VALUE", "The engine: host=, ca=, cert=, key=, skip-tls-verify=, from=", ""),
)
_FILES = {"ca": "ca.pem", "cert": "cert.pem", "key": "key.pem"}


def changed(context: Context, flags: Flags) -> Context:
    """A context with what the flags say of it. Raises Invalid."""
    options: dict[str, str] = {}
    for text in flags.every("docker"):
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if not equals or name not in (*_FILES, "host", "skip-tls-verify", "from"):
                raise Invalid(f'invalid --docker option "{part}"', hint="for example host=ssh://user@machine")
            options[name] = value
    if "from" in options:
        other = contexts.read(options["from"])
        context = context._replace(host=other.host, skip_verify=other.skip_verify, pem=other.pem)
    if "host" in options:
        parse_address(options["host"])
        context = context._replace(host=options["host"])
    if "skip-tls-verify" in options:
        context = context._replace(skip_verify=options["skip-tls-verify"].lower() in ("1", "t", "true"))
    pem = dict(context.pem)
    for name, file_name in _FILES.items():
        if name in options:
            pem[file_name] = _content(options[name])
    if ("cert.pem" in pem) != ("key.pem" in pem):
        raise Invalid("a certificate needs its key, and a key its certificate", hint="give cert= and key=")
    if flags.given("description"):
        context = context._replace(description=flags.text("description"))
    return context._replace(pem=pem)


def _content(path: str) -> bytes:
    try:
        with open(os.path.expanduser(path), "rb") as file:
            return file.read()
    except OSError as error:
        raise Invalid(f"{path}: {error.strerror}") from None
