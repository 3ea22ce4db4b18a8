"""A project's networks and volumes: made when they are missing, checked when they are there."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from wherry.client.api import Client, escape, query
from wherry.compose import labels
from wherry.compose.model import Project, Resource
from wherry.errors import Conflict, Invalid, NotFound

_HASH = "wherry.compose.config-hash"


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


def ensure_network(client: Client, project: Project, network: Resource) -> bool:
    """Make a network that is missing; True when it was.

    Raises NotFound for an external one that is not there, Invalid for one that has changed in the files.
    """
    digest = hashlib.sha256(json.dumps(network.fields, sort_keys=True, default=str).encode()).hexdigest()
    try:
        found = client.get(f"/networks/{escape(network.name)}")
    except NotFound:
        if network.external:
            raise NotFound(
                f"network {network.name} declared as external, but could not be found",
                hint=f"wherry network create {network.name}",
            ) from None
    else:
        was = (found.get("Labels") or {}).get(_HASH)
        if not network.external and was is not None and was != digest:
            raise Invalid(
                f"network {network.name} has changed in the files: it has to be made anew",
                hint="`wherry compose down`, then up again",
            )
        return False
    try:
        client.post("/networks/create", _network(project, network, digest))
    except Conflict:
        return False
    return True


def _network(project: Project, network: Resource, digest: str) -> dict[str, Any]:
    fields = network.fields
    body: dict[str, Any] = {"Name": network.name, "Driver": fields.get("driver") or "bridge"}
    body["Labels"] = {
        **_labels(fields.get("labels")),
        labels.PROJECT: project.name,
        labels.NETWORK: network.key,
        labels.VERSION: "2.0.0",
        _HASH: digest,
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


def ensure_volume(client: Client, project: Project, volume: Resource) -> bool:
    """Make a volume that is missing; True when it was. Raises NotFound for a missing external one."""
    try:
        client.get(f"/volumes/{escape(volume.name)}")
        return False
    except NotFound:
        if volume.external:
            raise NotFound(
                f'external volume "{volume.name}" not found', hint=f"wherry volume create {volume.name}"
            ) from None
    options = volume.fields.get("driver_opts") or {}
    body = {
        "Name": volume.name,
        "Driver": volume.fields.get("driver") or "local",
        "DriverOpts": {name: str(value) for name, value in options.items()},
        "Labels": {
            **_labels(volume.fields.get("labels")),
            labels.PROJECT: project.name,
            labels.VOLUME: volume.key,
            labels.VERSION: "2.0.0",
        },
    }
    client.post("/volumes/create", body)
    return True


def _labels(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {name: text for name, _, text in (str(item).partition("=") for item in value)}
    return {name: "" if text is None else str(text) for name, text in (value or {}).items()}


def networks_of(client: Client, project: str) -> list[tuple[str, str]]:
    """(id, name) of the networks with a project's label."""
    filters = {"label": [f"{labels.PROJECT}={project}"]}
    return [(found["Id"], found["Name"]) for found in client.get("/networks" + query(filters=filters))]


def volumes_of(client: Client, project: str) -> list[str]:
    """The names of the volumes with a project's label."""
    filters = {"label": [f"{labels.PROJECT}={project}"]}
    answer = client.get("/volumes" + query(filters=filters))
    return [found["Name"] for found in answer.get("Volumes") or ()]
