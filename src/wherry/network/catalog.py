"""What is known of networks across restarts: definitions, endpoints, addresses, published ports.

Addresses and host ports are rows under a uniqueness rule, so that none is handed out twice whatever happens
in between. Blocking for microseconds, thread-safe as the database is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import msgspec

from wherry.errors import Conflict, Invalid, NotFound
from wherry.network.addresses import choose
from wherry.network.model import Endpoint, Network, PublishedPort, Subnet

_MIGRATIONS = (
    """
    CREATE TABLE networks (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, definition BLOB NOT NULL);
    CREATE TABLE network_pools (
        network_id TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
        subnet TEXT NOT NULL, last TEXT NOT NULL, PRIMARY KEY (network_id, subnet)
    ) WITHOUT ROWID;
    CREATE TABLE endpoints (
        id TEXT PRIMARY KEY, network_id TEXT NOT NULL REFERENCES networks (id),
        container_id TEXT NOT NULL, definition BLOB NOT NULL, UNIQUE (network_id, container_id)
    );
    CREATE INDEX endpoints_of_container ON endpoints (container_id);
    CREATE TABLE addresses (
        network_id TEXT NOT NULL, address TEXT NOT NULL,
        endpoint_id TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
        PRIMARY KEY (network_id, address)
    ) WITHOUT ROWID;
    CREATE INDEX addresses_of_endpoint ON addresses (endpoint_id);
    CREATE TABLE published_ports (
        protocol TEXT NOT NULL, host_ip TEXT NOT NULL, host_port INTEGER NOT NULL,
        container_port INTEGER NOT NULL, container_id TEXT NOT NULL,
        PRIMARY KEY (protocol, host_ip, host_port)
    ) WITHOUT ROWID;
    CREATE INDEX ports_of_container ON published_ports (container_id);
    """,
)


class Rows(Protocol):
    """The part of the metadata database that this catalog uses."""

    def migrate(self, owner: str, steps: Sequence[str]) -> None: ...
    def execute(self, sql: str, *values: str | bytes | int | float | None) -> int: ...
    def all(self, sql: str, *values: str | bytes | int | float | None) -> list[sqlite3.Row]: ...
    def one(self, sql: str, *values: str | bytes | int | float | None) -> sqlite3.Row | None: ...
    def transaction(self) -> AbstractContextManager[None, bool | None]: ...


class Catalog:
    """The tables of networks in the metadata database."""

    def __init__(self, database: Rows) -> None:
        self._rows = database
        database.migrate("network", _MIGRATIONS)

    # networks

    def add(self, network: Network) -> None:
        """Raises Conflict when the name is taken."""
        with self._rows.transaction():
            if self._rows.one("SELECT 1 FROM networks WHERE name = ?", network.name):
                raise Conflict(f"network with name {network.name} already exists")
            encoded = msgspec.json.encode(network)
            self._rows.execute("INSERT INTO networks VALUES (?, ?, ?)", network.id, network.name, encoded)

    def redefine(self, network: Network) -> None:
        """Note another definition of a network, its id and name being as they were."""
        encoded = msgspec.json.encode(network)
        self._rows.execute("UPDATE networks SET definition = ? WHERE id = ?", encoded, network.id)

    def networks(self) -> list[Network]:
        return [_network(row) for row in self._rows.all("SELECT definition FROM networks ORDER BY rowid")]

    def find(self, reference: str) -> Network:
        """The network of this name, id or unambiguous beginning of an id. Raises NotFound, Invalid."""
        row = self._rows.one("SELECT definition FROM networks WHERE name = ?1 OR id = ?1", reference)
        if row is None and reference and set(reference) <= set("0123456789abcdef"):
            rows = self._rows.all(
                "SELECT definition FROM networks WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2", reference
            )
            if len(rows) > 1:
                raise Invalid(f"network {reference} is ambiguous ({len(rows)} matches found on ID prefix)")
            row = rows[0] if rows else None
        if row is None:
            raise NotFound(f"network {reference} not found")
        return _network(row)

    def remove(self, network_id: str) -> None:
        """Raises Conflict while endpoints are attached."""
        with self._rows.transaction():
            if self._rows.one("SELECT 1 FROM endpoints WHERE network_id = ?", network_id):
                raise Conflict("network has active endpoints")
            self._rows.execute("DELETE FROM networks WHERE id = ?", network_id)

    # endpoints

    @contextmanager
    def new_endpoint(self) -> Iterator[None]:
        """The transaction in which an endpoint's addresses are chosen and it is added, or nothing is."""
        with self._rows.transaction():
            yield

    def choose_address(self, network: Network, subnet: Subnet, wanted: str = "") -> str:
        """A free address of the subnet; see `addresses.choose`. Call within `new_endpoint`."""
        row = self._rows.one(
            "SELECT last FROM network_pools WHERE network_id = ? AND subnet = ?", network.id, subnet.subnet
        )

        def taken(address: str) -> bool:
            query = "SELECT 1 FROM addresses WHERE network_id = ? AND address = ?"
            return self._rows.one(query, network.id, address) is not None

        chosen = choose(subnet, wanted=wanted, last=row["last"] if row else "", taken=taken)
        if not wanted:
            self._rows.execute(
                "INSERT OR REPLACE INTO network_pools VALUES (?, ?, ?)", network.id, subnet.subnet, chosen
            )
        return chosen

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Raises Conflict when the container is in that network already."""
        try:
            self._rows.execute(
                "INSERT INTO endpoints VALUES (?, ?, ?, ?)",
                *(endpoint.id, endpoint.network_id, endpoint.container_id, msgspec.json.encode(endpoint)),
            )
        except sqlite3.IntegrityError as error:
            raise Conflict(
                f"endpoint with name {endpoint.container_id[:12]} already exists in network"
            ) from error
        for address in filter(None, (endpoint.ipv4, endpoint.ipv6)):
            self._rows.execute(
                "INSERT INTO addresses VALUES (?, ?, ?)", endpoint.network_id, address, endpoint.id
            )

    def change_endpoint(self, endpoint: Endpoint) -> None:
        """Note other names of an endpoint; its addresses stay."""
        encoded = msgspec.json.encode(endpoint)
        self._rows.execute("UPDATE endpoints SET definition = ? WHERE id = ?", encoded, endpoint.id)

    def endpoints(self, *, container_id: str = "", network_id: str = "") -> list[Endpoint]:
        """The endpoints of a container, of a network, or all."""
        rows = self._rows.all(
            "SELECT definition FROM endpoints WHERE (?1 = '' OR container_id = ?1) "
            "AND (?2 = '' OR network_id = ?2) ORDER BY rowid",
            container_id,
            network_id,
        )
        return [msgspec.json.decode(row["definition"], type=Endpoint) for row in rows]

    def remove_endpoint(self, endpoint_id: str) -> None:
        self._rows.execute("DELETE FROM endpoints WHERE id = ?", endpoint_id)

    # published ports

    def add_port(self, port: PublishedPort, container_id: str) -> bool:
        """Note a published port; False when another container has it, also through the other wildcard."""
        with self._rows.transaction():
            row = self._rows.one(
                "SELECT 1 FROM published_ports WHERE protocol = ?1 AND host_port = ?2 "
                "AND (host_ip = ?3 OR host_ip = '' OR ?3 = '')",
                *(port.protocol, port.host_port, port.host_ip),
            )
            if row is not None:
                return False
            self._rows.execute(
                "INSERT INTO published_ports VALUES (?, ?, ?, ?, ?)",
                *(port.protocol, port.host_ip, port.host_port, port.container_port, container_id),
            )
            return True

    def ports(self, container_id: str = "") -> list[tuple[PublishedPort, str]]:
        """Published ports with the id of the container of each, of one container or of all."""
        rows = self._rows.all(
            "SELECT * FROM published_ports WHERE ?1 = '' OR container_id = ?1", container_id
        )
        return [
            (
                PublishedPort(row["protocol"], row["host_ip"], row["host_port"], row["container_port"]),
                row["container_id"],
            )
            for row in rows
        ]

    def remove_ports(self, container_id: str) -> None:
        self._rows.execute("DELETE FROM published_ports WHERE container_id = ?", container_id)


def _network(row: sqlite3.Row) -> Network:
    return msgspec.json.decode(row["definition"], type=Network)
