"""What is there of a project at the engine: containers, found by Docker Compose's labels."""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.client.api import Client, query
from wherry.compose import labels


class Present(NamedTuple):
    """One container of a project; `state` as the engine says it (running, exited, …).

    `image` is the id of its image, `made_from` the one that its label names: a later commit changes neither.
    """

    id: str
    name: str
    service: str
    number: int
    state: str
    hash: str
    image: str
    made_from: str
    one_off: bool
    entry: dict[str, Any]


def containers(client: Client, project: str, *, one_off: bool | None = False) -> list[Present]:
    """All containers of a project, running or not; `one_off` None also those of `run`."""
    filters = {"label": [f"{labels.PROJECT}={project}"]}
    found = [_present(entry) for entry in client.get("/containers/json" + query(all=True, filters=filters))]
    wanted = [one for one in found if one_off is None or one.one_off == one_off]
    return sorted(wanted, key=lambda one: (one.service, one.number))


def _present(entry: dict[str, Any]) -> Present:
    known = entry.get("Labels") or {}
    return Present(
        entry["Id"],
        entry["Names"][0].removeprefix("/") if entry.get("Names") else entry["Id"][:12],
        known.get(labels.SERVICE, ""),
        int(known.get(labels.NUMBER) or 1),
        entry.get("State", ""),
        known.get(labels.HASH, ""),
        entry.get("ImageID", ""),
        known.get(labels.IMAGE) or entry.get("ImageID", ""),
        known.get(labels.ONE_OFF, "False").lower() == "true",
        entry,
    )


def projects(client: Client) -> dict[str, list[dict[str, Any]]]:
    """Every project that has containers: its name, and their entries."""
    found: dict[str, list[dict[str, Any]]] = {}
    filters = {"label": [labels.PROJECT]}
    for entry in client.get("/containers/json" + query(all=True, filters=filters)):
        found.setdefault(entry["Labels"][labels.PROJECT], []).append(entry)
    return dict(sorted(found.items()))
