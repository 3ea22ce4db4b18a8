"""Networks that are only a configuration, for others to be made from (`--config-only`, `--config-from`).

They have no interface and hold no address; whether the addresses that they name are free is looked at when a
network is made from them. The rules and the words are Docker's (28.2).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from wherry.errors import Forbidden, NotFound
from wherry.network.model import Network

NO_DRIVER = "null"


def check(wanted: Network) -> None:
    """Raises Forbidden for what a configuration, or a network that is made from one, can't say itself."""
    if wanted.config_only and (wanted.internal or wanted.attachable):
        raise Forbidden(
            "configuration network can only contain network specific fields. Network operator fields like "
            "[ ingress | internal | attachable | scope ] are not supported."
        )
    if not wanted.config_from:
        return
    if wanted.config_only:
        raise Forbidden("a configuration network cannot depend on another configuration network")
    if wanted.ipv6_wanted or wanted.labels or wanted.ipam_options or wanted.subnets:
        raise Forbidden(
            "user specified configurations are not supported if the network depends on "
            "a configuration network"
        )
    if wanted.options:
        raise Forbidden(
            "network driver options are not supported if the network depends on a configuration network"
        )


def applied(wanted: Network, networks: Iterable[Network]) -> Network:
    """A network with what the configuration says that it names, if any. Raises NotFound."""
    if not wanted.config_from:
        return wanted
    for one in networks:
        if one.config_only and one.name == wanted.config_from:
            return msgspec.structs.replace(
                wanted,
                subnets=one.subnets,
                ipv6_wanted=one.ipv6_wanted,
                options=one.options,
                labels=one.labels,
                ipam_options=one.ipam_options,
            )
    raise NotFound(f'configuration network "{wanted.config_from}" does not exist')


def check_unused(network: Network, networks: Iterable[Network]) -> None:
    """Raises Forbidden when others are made from it."""
    if network.config_only and any(one.config_from == network.name for one in networks):
        raise Forbidden(
            f'error while removing network: configuration network "{network.name}" is in use',
            hint="remove the networks that were made from it first",
        )
