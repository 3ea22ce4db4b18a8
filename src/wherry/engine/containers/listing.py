"""Containers in one line each, as `ps` lists them."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from wherry.errors import Invalid, NotFound

from .. import ports
from ..filters import Filters, check, flag, matches_labels
from ..identity import short
from ..models import ContainerSummary, SummaryHostConfig, SummaryNetworks
from ..moments import now, span_in_words
from . import sizes
from .inspecting import network_settings
from .mounts import shown_mounts
from .record import CREATED, DEAD, EXITED, PAUSED, REMOVING, RESTARTING, RUNNING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .registry import Container
    from .room import Room

FILTERS = frozenset(
    {
        "ancestor",
        "before",
        "exited",
        "expose",
        "health",
        "id",
        "is-task",
        "isolation",
        "label",
        "name",
        "network",
        "publish",
        "since",
        "status",
        "volume",
    }
)
STATES = (CREATED, RUNNING, PAUSED, RESTARTING, REMOVING, EXITED, DEAD)
HEALTH = ("none", "starting", "healthy", "unhealthy")


async def listed(
    room: Room, *, show_all: bool, limit: int, size: bool, filters: Filters
) -> Sequence[ContainerSummary]:
    """See `Containers.list`."""
    check(filters, FILTERS)
    for state in filters.get("status", []):
        if state not in STATES:
            raise Invalid(f"invalid filter 'status={state}'")
    for health in filters.get("health", []):
        if health not in HEALTH:
            raise Invalid(f"invalid filter 'health={health}'")
    show_all = show_all or limit > 0 or any(filters.get(name) for name in ("status", "exited"))
    wanted = _Wanted(room, filters)
    found = []
    for container in sorted(room.registry, key=lambda item: item.created, reverse=True):
        if not show_all and container.condition.status not in (RUNNING, PAUSED, RESTARTING):
            continue
        if wanted(container):
            found.append(container)
            if limit > 0 and len(found) == limit:
                break
    names: dict[str, str] = {}
    shown = [summary(room, container, names) for container in found]
    if size:
        for container, item in zip(found, shown, strict=True):
            item.size_rw, item.size_root_fs = await asyncio.to_thread(sizes.measure, room, container)
    return shown


def summary(room: Room, container: Container, names: dict[str, str]) -> ContainerSummary:
    """One line. `names` remembers what images are called between the lines of one answer."""
    plan = container.plan
    settings = network_settings(container)
    confinement = container.condition.confinement
    return ContainerSummary(
        id=container.id,
        names=[f"/{container.name}"],
        image=_image_name(room, container, names),
        image_id=plan.image_id,
        command=" ".join([plan.path, *(shlex.quote(word) if word else "''" for word in plan.args)]),
        created=container.created // 1_000_000_000,
        ports=ports.summary(plan.config.exposed_ports or (), settings.ports),
        labels=plan.config.labels or {},
        state=container.condition.status,
        status=status_text(container),
        host_config=SummaryHostConfig(network_mode=plan.host.network_mode, annotations=plan.host.annotations),
        network_settings=SummaryNetworks(networks=settings.networks),
        mounts=shown_mounts(plan.mounts, room.volumes.path),
        wherry_given_up=confinement.given_up if confinement is not None else [],
    )


def status_text(container: Container) -> str:
    """`Up 5 minutes (healthy)`, `Exited (0) 2 hours ago`, …"""
    condition = container.condition
    since_start = span_in_words((now() - condition.started_at) / 1e9)
    since_end = span_in_words((now() - condition.finished_at) / 1e9)
    if condition.status == RUNNING:
        health = container.health
        if health is None:
            return f"Up {since_start}"
        word = "health: starting" if health.status == "starting" else health.status
        return f"Up {since_start} ({word})"
    if condition.status == PAUSED:
        return f"Up {since_start} (Paused)"
    if condition.status == RESTARTING:
        return f"Restarting ({condition.exit_code}) {since_end} ago"
    if condition.status == REMOVING:
        return "Removal In Progress"
    if condition.status == DEAD:
        return "Dead"
    if condition.status == CREATED or not condition.finished_at:
        return "Created"
    return f"Exited ({condition.exit_code}) {since_end} ago"


def _image_name(room: Room, container: Container, names: dict[str, str]) -> str:
    """What the image is called now: its name as long as that still means it, else its id."""
    name, identifier = container.plan.image_name, container.plan.image_id
    key = f"{name}\0{identifier}"
    if key not in names:
        try:
            found = room.store.images.find(name)
        except (Invalid, NotFound):
            found = None
        same = found is not None and found.id == identifier
        names[key] = name if same else short(identifier)
    return names[key]


class _Wanted:
    """The filters of one request: names combined with "and", the values of one name with "or"."""

    def __init__(self, room: Room, filters: Filters) -> None:
        self._filters = {name: values for name, values in filters.items() if values}
        self._before = [room.registry.find(ref).created for ref in filters.get("before", [])]
        self._since = [room.registry.find(ref).created for ref in filters.get("since", [])]
        self._ancestors: set[str] = set()
        for ref in filters.get("ancestor", []):
            try:
                image = room.store.images.find(ref)
            except Invalid:
                image = None
            if image is not None:
                self._ancestors.add(image.id)
        flag(filters, "is-task")

    def __call__(self, container: Container) -> bool:
        condition, plan = container.condition, container.plan
        if self._before and not container.created < min(self._before):
            return False
        if self._since and not container.created > max(self._since):
            return False
        for name, values in self._filters.items():
            match name:
                case "id":
                    good = any(container.id.startswith(value) for value in values)
                case "name":
                    good = any(_name_matches(container.name, value) for value in values)
                case "status":
                    good = condition.status in values
                case "exited":
                    good = (
                        condition.status in (EXITED, DEAD)
                        and condition.finished_at > 0
                        and str(condition.exit_code) in values
                    )
                case "label":
                    good = matches_labels(plan.config.labels, values)
                case "ancestor":
                    good = plan.image_id in self._ancestors
                case "health":
                    good = (container.health.status if container.health is not None else "none") in values
                case "network":
                    good = any(
                        value == network or (value and settings.network_id.startswith(value))
                        for value in values
                        for network, settings in network_settings(container).networks.items()
                    )
                case "volume":
                    good = any(
                        value in (mount.volume, mount.target) for mount in plan.mounts for value in values
                    )
                case "expose":
                    good = any(_port_among(value, plan.config.exposed_ports or ()) for value in values)
                case "publish":
                    good = any(
                        _port_among(value, [port for port, open_ in condition.ports.items() if open_])
                        for value in values
                    )
                case "is-task":
                    good = not any(value.lower() in ("1", "true") for value in values)
                case _:
                    good = True
            if not good:
                return False
        return True


def _name_matches(name: str, wanted: str) -> bool:
    import re

    wanted = wanted.removeprefix("/")
    try:
        return re.search(wanted.replace("^/", "^"), name) is not None
    except re.error:
        return wanted in name


def _port_among(wanted: str, ports_: Iterable[str]) -> bool:
    number, _, protocol = wanted.partition("/")
    first, _, last = number.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        raise Invalid(f"invalid port specification: {wanted}")
    span = range(int(first), int(last or first) + 1)
    return any(
        int(port.partition("/")[0]) in span and port.partition("/")[2] == (protocol or "tcp")
        for port in ports_
    )
