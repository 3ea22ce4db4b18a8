"""What a registry is told: one TOML file, over which the command line's flags are laid.

listen = "0.0.0.0:5000"
storage = "/srv/registry"            # or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix
workers = 2
url = "https://registry.example"     # as clients see it, when something stands in between
trusted_proxies = ["10.0.0.0/8"]     # whose word is taken for where requests come from

[objects]                            # options of the object storage
endpoint = "https://s3.example"

[tls]
cert = "/etc/registry/cert.pem"
key = "/etc/registry/key.pem"

[accounts]
htpasswd = "/etc/registry/htpasswd"  # bcrypt only
token_key = "/etc/registry/token.key"

[[grant]]
repositories = "public/*"
who = "*"                            # everybody, also who has not logged in; or an account
rights = ["pull"]

[[quota]]
repositories = "team/*"
size = "50GB"

[[retention]]
repositories = "team/*"
tags = "ci-*"
keep = 10
older = "30d"

[[cache]]
repositories = "hub/*"
remote = "https://other.example"
"""

from __future__ import annotations

import os
import tomllib
from typing import Any

import msgspec

from wherry.errors import Invalid
from wherry.paths import state_dir
from wherry.registry.server import quantities
from wherry.registry.server.access import EVERYTHING, OPEN, RIGHTS, Grant
from wherry.registry.server.origins import Origins


class _Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Tls(_Table):
    cert: str
    key: str


class Accounts(_Table):
    """`service` names the registry in tokens; `realm`, `issuer` and a public `token_key` trust another."""

    htpasswd: str = ""
    token_key: str = ""
    token_life: str = "5m"  # noqa: S105
    service: str = "wherry-registry"
    issuer: str = "wherry-registry"
    realm: str = ""


class GrantTable(_Table):
    who: str
    rights: list[str]
    repositories: str = "*"


class Quota(_Table):
    size: str
    repositories: str = "*"


class Retention(_Table):
    """Tags that fit go when they are beyond the newest `keep` and `older` than that; both must hold.

    `untagged` is the age after which manifests go that no tag leads to.
    """

    repositories: str = "*"
    tags: str = "*"
    keep: int = 0
    older: str = ""
    untagged: str = ""


class Cache(_Table):
    repositories: str
    remote: str
    username: str = ""
    password_file: str = ""
    fresh: str = "5m"


class Limits(_Table):
    """Requests a second for each account or address; 0 is no limit. Wrong passwords a minute an address.

    `header` is how long a request's header may take, `stalled` how long 4 KiB of a body or an answer may.
    """

    requests: float = 0
    burst: int = 0
    wrong_passwords: int = 20
    header: str = "30s"
    stalled: str = "5m"


class Collection(_Table):
    """`every` "" is never; `grace` is the least age of what may go, `uploads` that of abandoned uploads."""

    every: str = "1d"
    grace: str = "1h"
    uploads: str = "1d"


class Audit(_Table):
    """`path` "-" is standard output; `pulls` records who pulled as well."""

    path: str = ""
    pulls: bool = False


class Settings(_Table):
    listen: str = "127.0.0.1:5000"
    storage: str = ""
    workers: int = 0
    url: str = ""
    trusted_proxies: list[str] = []
    page: bool = True
    stop_timeout: str = "30s"
    objects: dict[str, str] = {}
    tls: Tls | None = None
    accounts: Accounts = msgspec.field(default_factory=Accounts)
    grant: list[GrantTable] = []
    quota: list[Quota] = []
    retention: list[Retention] = []
    cache: list[Cache] = []
    limits: Limits = msgspec.field(default_factory=Limits)
    collection: Collection = msgspec.field(default_factory=Collection)
    audit: Audit = msgspec.field(default_factory=Audit)

    def grants(self) -> tuple[Grant, ...]:
        """What is granted: what is written, else everything to accounts, or to everybody without accounts."""
        if self.grant:
            return tuple(Grant(one.repositories, one.who, frozenset(one.rights)) for one in self.grant)
        return (Grant("*", "@", EVERYTHING),) if self.accounts.htpasswd or self.accounts.realm else OPEN

    def address(self) -> tuple[str, int]:
        """Where to listen."""
        host, _, port = self.listen.rpartition(":")
        if not port.isdigit() or int(port) > 65535:
            raise Invalid(f"invalid address {self.listen!r}", hint="write it like 127.0.0.1:5000")
        return host.strip("[]"), int(port)


def read(path: str, flags: dict[str, Any]) -> Settings:
    """The file at `path` ("" is none) with `flags` over it. Raises Invalid, naming what is wrong."""
    said: dict[str, Any] = {}
    if path:
        try:
            with open(path, "rb") as file:
                said = tomllib.load(file)
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Invalid(f"can't use {path}: {error}") from error
    for key, value in flags.items():
        if isinstance(value, dict):
            said[key] = {**said.get(key, {}), **value}
        elif isinstance(value, list):
            said[key] = [*said.get(key, []), *value]
        else:
            said[key] = value
    try:
        settings = msgspec.convert(said, Settings)
    except msgspec.ValidationError as error:
        raise Invalid(f"{path or 'registry configuration'}: {error}") from error
    _check(settings)
    if not settings.storage:
        settings.storage = os.path.join(state_dir(), "registry")
    return settings


def _check(settings: Settings) -> None:
    settings.address()
    Origins(settings.trusted_proxies)
    for grant in settings.grant:
        if unknown := set(grant.rights) - RIGHTS:
            raise Invalid(
                f"no such right: {', '.join(sorted(unknown))}", hint=f"there are {', '.join(sorted(RIGHTS))}"
            )
    for quota in settings.quota:
        quantities.size(quota.size)
    durations = [settings.collection.grace, settings.collection.uploads, settings.collection.every]
    durations += [settings.accounts.token_life, settings.stop_timeout]
    durations += [text for rule in settings.retention for text in (rule.older, rule.untagged)]
    durations += [cache.fresh for cache in settings.cache]
    for text in durations:
        if text:
            quantities.seconds(text)
    for text in (settings.limits.header, settings.limits.stalled):
        if not quantities.seconds(text):
            raise Invalid(f"invalid limit {text!r}: nobody is as fast as that")
    for rule in settings.retention:
        if not rule.keep and not rule.older and not rule.untagged:
            raise Invalid("a retention rule needs `keep`, `older` or `untagged`: it would delete everything")
