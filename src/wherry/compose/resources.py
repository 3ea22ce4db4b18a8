"""A project's networks and volumes: made when they are missing, checked when they are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wherry.client.api import Client, escape, query
from wherry.compose import labels
from wherry.compose.digest import network_digest, volume_digest
from wherry.compose.model import Project, Resource
from wherry.compose.present import containers
from wherry.errors import Conflict, Forbidden, NotFound, NotModified, WherryError

Say = Callable[[str, str], None]


def used(project: Project, services: list[str]) -> tuple[list[Resource], list[Resource]]:
    """The networks and volumes that these services name."""
    networks: dict[str, Resource] = {}
    volumes: dict[str, Resource] = {}
    for name in services:
        fields = project.services[name].fields
        networks |= {key: project.networks[key] for key in fields.get("networks") or {}}
        for volume in fields.get("volumes") or ():
            if volume.get("type", "volume") == "volume" and volume.get("source"):
                volumes[volume["source"]] = project.volumes[volume["source"]]
    return list(networks.values()), list(volumes.values())


def ensure_network(client: Client, project: Project, network: Resource, say: Say) -> str:
    """Make a network that is missing, or anew where it has changed in the files; its id.

    Containers leave a network that is made anew, and stop for that. Raises NotFound for an external one that
    is not there, Conflict when containers of others are in a changed one.
    """
    digest = network_digest(network.name, network.fields)
    try:
        found = client.get(f"/networks/{escape(network.name)}")
    except NotFound:
        if network.external:
            raise NotFound(
                f"network {network.name} declared as external, but could not be found",
                hint=f"wherry network create {network.name}",
            ) from None
    else:
        known = found.get("Labels") or {}
        was = known.get(labels.HASH)
        mine = known.get(labels.PROJECT) == project.name
        if network.external or not mine or was is None or was == digest:
            if not network.external and not mine:
                say(f"Network {network.name}", "Warning: exists already, and not for this project")
            return str(found["Id"])
        _remove_changed(client, project, found, say)
    try:
        identity = str(client.post("/networks/create", _network(project, network, digest))["Id"])
    except Conflict:
        return str(client.get(f"/networks/{escape(network.name)}")["Id"])
    say(f"Network {network.name}", "Created")
    return identity


def _remove_changed(client: Client, project: Project, network: dict[str, Any], say: Say) -> None:
    for one in containers(client, project.name, one_off=None):
        inside = ((one.entry.get("NetworkSettings") or {}).get("Networks") or {}).values()
        if not any(endpoint.get("NetworkID") == network["Id"] for endpoint in inside):
            continue
        if one.state in ("running", "restarting", "paused"):
            try:
                client.post(f"/containers/{one.id}/stop")
            except NotModified:
                pass
        try:
            body = {"Container": one.id, "Force": True}
            client.post(f"/networks/{network['Id']}/disconnect", body)
        except WherryError:
            pass  # the network is removed next, which says what is wrong
    try:
        client.delete(f"/networks/{network['Id']}")
    except Forbidden as error:
        raise Conflict(
            f"network {network['Name']} has changed in the files, and containers of others are in it",
            hint=error.message,
        ) from None
    say(f"Network {network['Name']}", "Removed")


def _network(project: Project, network: Resource, digest: str) -> dict[str, Any]:
    fields = network.fields
    body: dict[str, Any] = {"Name": network.name, "Driver": fields.get("driver") or "bridge"}
    body["Labels"] = {
        **(fields.get("labels") or {}),
        labels.PROJECT: project.name,
        labels.NETWORK: network.key,
        labels.VERSION: labels.VERSION_FOLLOWED,
        labels.HASH: digest,
    }
    options = fields.get("driver_opts") or {}
    body["Options"] = {name: str(value) for name, value in options.items()}
    for key, member in (
        *(("internal", "Internal"), ("attachable", "Attachable"), ("enable_ipv6", "EnableIPv6")),
        ("enable_ipv4", "EnableIPv4"),
    ):
        if fields.get(key) is not None:
            body[member] = bool(fields[key])
    if ipam := fields.get("ipam"):
        members = (
            *(("subnet", "Subnet"), ("gateway", "Gateway"), ("ip_range", "IPRange")),
            ("aux_addresses", "AuxiliaryAddresses"),
        )
        body["IPAM"] = {
            "Driver": ipam.get("driver") or "default",
            "Config": [
                {member: entry[key] for key, member in members if entry.get(key)}
                for entry in ipam.get("config") or ()
            ],
            "Options": ipam.get("options") or {},
        }
    return body


def ensure_volume(client: Client, project: Project, volume: Resource, say: Say) -> None:
    """Make a volume that is missing. One that has changed in the files stays, and `say` tells of it.

    Raises NotFound for a missing external one.
    """
    digest = volume_digest(volume.name, volume.fields)
    try:
        found = client.get(f"/volumes/{escape(volume.name)}")
    except NotFound:
        if volume.external:
            raise NotFound(
                f'external volume "{volume.name}" not found', hint=f"wherry volume create {volume.name}"
            ) from None
    else:
        was = (found.get("Labels") or {}).get(labels.HASH)
        if not volume.external and was is not None and was != digest:
            what = f"Volume {volume.name}"
            say(what, "Warning: has changed in the files; `down -v` removes it, with its content")
        return
    options = volume.fields.get("driver_opts") or {}
    body = {
        "Name": volume.name,
        "Driver": volume.fields.get("driver") or "local",
        "DriverOpts": {name: str(value) for name, value in options.items()},
        "Labels": {
            **(volume.fields.get("labels") or {}),
            labels.PROJECT: project.name,
            labels.VOLUME: volume.key,
            labels.VERSION: labels.VERSION_FOLLOWED,
            labels.HASH: digest,
        },
    }
    client.post("/volumes/create", body)
    say(f"Volume {volume.name}", "Created")


def networks_of(client: Client, project: str) -> list[tuple[str, str]]:
    """(id, name) of the networks with a project's label."""
    filters = {"label": [f"{labels.PROJECT}={project}"]}
    return [(found["Id"], found["Name"]) for found in client.get("/networks" + query(filters=filters))]


def volumes_of(client: Client, project: str) -> list[str]:
    """The names of the volumes with a project's label."""
    filters = {"label": [f"{labels.PROJECT}={project}"]}
    answer = client.get("/volumes" + query(filters=filters))
    return [found["Name"] for found in answer.get("Volumes") or ()]
