"""`wherry registry serve`: a registry, here and now."""

from __future__ import annotations

from wherry.cli.command import Command, Invocation
from wherry.cli.registry.process import STORAGE_FLAGS, become
from wherry.errors import Invalid


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    laid: dict[str, object] = {}
    for name in ("listen", "url"):
        if flags.given(name):
            laid[name] = flags.text(name)
    if flags.given("workers"):
        laid["workers"] = flags.number("workers")
    if flags.given("tls-cert") != flags.given("tls-key"):
        raise Invalid("--tls-cert and --tls-key go together")
    if flags.given("tls-cert"):
        laid["tls"] = {"cert": flags.text("tls-cert"), "key": flags.text("tls-key")}
    if flags.given("htpasswd"):
        laid["accounts"] = {"htpasswd": flags.text("htpasswd")}
        laid["grant"] = [{"who": "@", "rights": ["pull", "push", "delete", "overwrite", "catalog"]}]
    if flags.given("public"):
        public = [{"repositories": one, "who": "*", "rights": ["pull"]} for one in flags.every("public")]
        laid["grant"] = [*_listed(laid.get("grant")), *public]
    if flags.given("audit-log"):
        laid["audit"] = {"path": flags.text("audit-log")}
    become("serve", flags, laid=laid)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        *STORAGE_FLAGS,
        ("listen", "l", "text:ADDRESS", "Where to listen (127.0.0.1:5000)", ""),
        ("workers", "", "int:N", "Processes that serve (one a core, four at the most)", ""),
        ("url", "", "text:URL", "Its address as clients see it, behind a proxy", ""),
        ("tls-cert", "", "text:FILE", "Serve HTTPS with this certificate", "Encryption"),
        ("tls-key", "", "text:FILE", "The certificate's key", "Encryption"),
        ("htpasswd", "", "text:FILE", "Only for the accounts of this file", "Access"),
        ("public", "", "list:PATTERN", "Repositories that everybody may pull from", "Access"),
        ("audit-log", "", "text:FILE", "Write who did what, a line of JSON each; - is stdout", "Access"),
    ),
    details="Everything else (rights, quotas, retention, caches of other registries) is in the TOML file.",
    examples=(
        ("registry serve", "for this machine, without accounts, files in the state directory"),
        ("registry serve --listen :5000 --htpasswd users --public 'public/*'", "for a team"),
    ),
)
