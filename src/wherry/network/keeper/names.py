"""Who is called what, in which network, and who may know it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Member(NamedTuple):
    """A container in a network: its addresses there, and the names that others there call it by.

    The first name is the one that a reverse look-up gives.
    """

    addresses: tuple[str, ...]
    names: tuple[str, ...]
    links: Mapping[str, str] = MappingProxyType({})
    """What only this one calls others by: its word → their name."""


class Names:
    """A directory of networks, their members, and those members' names."""

    def __init__(self) -> None:
        self._networks: dict[str, dict[str, Member]] = {}
        self._labels: dict[str, str] = {}  # network id → its name
        self._homes: dict[str, set[str]] = {}  # container id → network ids
        self._turn = 0

    def join(self, network: str, label: str, container: str, member: Member) -> None:
        """Enter a container into a network, or change what is known of it there."""
        self._networks.setdefault(network, {})[container] = member
        self._labels[network] = label.lower()
        self._homes.setdefault(container, set()).add(network)

    def leave(self, network: str, container: str) -> None:
        members = self._networks.get(network, {})
        members.pop(container, None)
        if not members:
            self._networks.pop(network, None)
            self._labels.pop(network, None)
        homes = self._homes.get(container, set())
        homes.discard(network)
        if not homes:
            self._homes.pop(container, None)

    def look_up(self, asker: str, name: str) -> list[str] | None:
        """The addresses that `name` has for a container, in turns; None when nobody there is called so.

        `name` may be followed by the network's: `db.backend`.
        """
        found: list[str] = []
        known = False
        for network in self._homes.get(asker, ()):
            own = self._networks[network][asker].links
            name = own.get(name, name)
            short = name.removesuffix("." + self._labels[network])
            for member in self._networks[network].values():
                if name in member.names or short in member.names:
                    known = True
                    found += member.addresses
        if len(found) > 1:
            self._turn += 1
            start = self._turn % len(found)
            found = found[start:] + found[:start]
        return found if known else None

    def who_has(self, asker: str, address: str) -> str:
        """The full name of the container with this address in one of the asker's networks, or ""."""
        for network in self._homes.get(asker, ()):
            for member in self._networks[network].values():
                if address in member.addresses and member.names:
                    return f"{member.names[0]}.{self._labels[network]}"
        return ""

    def snapshot(self) -> dict[str, list[str]]:
        """Which containers are in which network, for an engine that comes back."""
        return {network: sorted(members) for network, members in self._networks.items()}
