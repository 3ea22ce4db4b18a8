"""From settings to the parts of a registry."""

from __future__ import annotations

import os

from wherry.errors import Invalid
from wherry.registry.server import quantities
from wherry.registry.server.app import Parts, parts
from wherry.registry.server.audit import Audit
from wherry.registry.server.identity.accounts import Accounts
from wherry.registry.server.identity.gate import Gate
from wherry.registry.server.identity.tokens import Tokens, read_key
from wherry.registry.server.limits import Attempts, Rate
from wherry.registry.server.metrics import Metrics
from wherry.registry.server.origins import Origins
from wherry.registry.server.quotas import Allowance
from wherry.registry.server.serving.patience import Patience
from wherry.registry.server.settings import Settings
from wherry.registry.server.storage import Driver, Files


def driver(settings: Settings) -> Driver:
    """The storage that the settings name. Raises Invalid and Unsupported."""
    if "://" in settings.storage:
        from wherry.registry.server.storage.objects import connect

        return connect(settings.storage, settings.objects)
    try:
        return Files(os.path.abspath(settings.storage))
    except OSError as error:
        raise Invalid(f"can't use the directory {settings.storage}: {error.strerror}") from error


def assemble(settings: Settings, storage: Driver, *, worker: int = 0, workers: int = 1) -> Parts:
    """The parts of one of the worker processes. Raises Invalid and Unsupported."""
    limits = settings.limits
    metrics = Metrics(os.path.join(private(settings), "metrics"), f"worker-{worker}")
    return parts(
        storage,
        gate=gate(settings),
        allowances=[Allowance(one.repositories, quantities.size(one.size)) for one in settings.quota],
        rate=Rate(limits.requests / workers, max(1, limits.burst // workers) if limits.burst else 0),
        metrics=metrics,
        audit=Audit(settings.audit.path, pulls=settings.audit.pulls),
        origins=Origins(settings.trusted_proxies),
        patience=Patience(
            metrics,
            header=quantities.seconds(limits.header),
            stalled=quantities.seconds(limits.stalled),
        ),
    )


def gate(settings: Settings) -> Gate:
    """Who is let in."""
    told = settings.accounts
    tokens = None
    if told.htpasswd or told.realm:
        if told.realm and not told.token_key:
            raise Invalid("accounts.realm needs accounts.token_key, the token server's public key")
        key = read_key(told.token_key or os.path.join(private(settings), "token.key"))
        life = quantities.seconds(told.token_life)
        tokens = Tokens(key, service=told.service, issuer=told.issuer, life=life)
    return Gate(
        settings.grants(),
        Accounts(told.htpasswd),
        tokens,
        Attempts(settings.limits.wrong_passwords),
        url=settings.url,
        realm=told.realm,
    )


def private(settings: Settings) -> str:
    """The directory of what is this machine's alone: beside the files, or in the state directory."""
    if "://" not in settings.storage:
        return os.path.abspath(settings.storage)
    from wherry.paths import state_dir

    return os.path.join(state_dir(), "registry")
