"""What to do so that a service's containers are as its description says: a value, compared in tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from wherry.compose.model import Project, Service
from wherry.compose.present import Present
from wherry.errors import NotFound


class Step(NamedTuple):
    """`verb`: keep, create, recreate or remove; `old` is the container that it is about, if there is one."""

    verb: str
    name: str
    number: int
    old: Present | None = None


def container_name(service: Service, project: Project, number: int) -> str:
    return service.container_name or f"{project.name}-{service.name}-{number}"


def plan_service(
    service: Service,
    project: Project,
    present: Sequence[Present],
    *,
    digest: str,
    image: str,
    scale: int,
    force: bool = False,
    never: bool = False,
    networks: Mapping[str, str] | None = None,
) -> list[Step]:
    """The steps for one service, in order of their numbers.

    Kept is what has the same configuration (`digest`), image id, networks (`networks`: ids by their keys)
    and volumes, and was made whole; `force` recreates all, `never` none. Of those above the scale the ones go
    first that would be made anew, then those with the highest numbers.
    """

    def obsolete(one: Present) -> bool:
        if one.hash != digest or (bool(image) and one.made_from != image):
            return True
        wanted = container_name(service, project, one.number)
        # What a recreation put aside, and what has not got its secrets yet: an `up` was killed.
        if one.name == aside_name(one.id, wanted):
            return True
        if one.state == "created" and has_content(service, project):
            return True
        return not _joined(service, one, networks or {}) or not _mounted(service, project, one)

    steps = []
    by_worth = sorted(present, key=lambda one: (obsolete(one), one.number))
    for one in by_worth[scale:]:
        steps.append(Step("remove", one.name, one.number, one))
    kept = sorted(by_worth[:scale], key=lambda one: one.number)
    for one in kept:
        verb = "recreate" if not never and (force or obsolete(one)) else "keep"
        steps.append(Step(verb, container_name(service, project, one.number), one.number, one))
    taken = {one.number for one in kept}
    number = 1
    for _ in range(scale - len(kept)):
        while number in taken:
            number += 1
        taken.add(number)
        steps.append(Step("create", container_name(service, project, number), number))
    return steps


def aside_name(identity: str, name: str) -> str:
    """What a container is called while the one that replaces it is made."""
    return f"{identity[:12]}_{name}"


def has_content(service: Service, project: Project) -> bool:
    """Whether secrets or configs have to be written into a service's containers after they are made."""
    return any(
        known[grant["source"]].content is not None
        for kind, known in (("secrets", project.secrets), ("configs", project.configs))
        for grant in service.fields.get(kind) or ()
    )


def _joined(service: Service, one: Present, networks: Mapping[str, str]) -> bool:
    if one.state != "running":
        return True
    joined = ((one.entry.get("NetworkSettings") or {}).get("Networks") or {}).values()
    ids = {endpoint.get("NetworkID") for endpoint in joined}
    return all(networks[key] in ids for key in service.fields.get("networks") or () if key in networks)


def _mounted(service: Service, project: Project, one: Present) -> bool:
    there = {mount.get("Name") for mount in one.entry.get("Mounts") or () if mount.get("Type") == "volume"}
    return all(
        project.volumes[volume["source"]].name in there
        for volume in service.fields.get("volumes") or ()
        if volume.get("type") == "volume" and volume.get("source")
    )


def choose(project: Project, names: Sequence[str]) -> None:
    """Services that are named are chosen whatever their profiles are, with what they depend on.

    Raises NotFound for a service that is not in the files.
    """
    for name in names:
        if name in project.services:
            continue
        if name not in project.others:
            raise NotFound(f"no such service: {name}")
        service = project.services[name] = project.others.pop(name)
        choose(project, [other for other in service.depends_on if other in project.others])


def order(project: Project, names: Sequence[str]) -> list[str]:
    """Services with all that they depend on, dependencies first. Unknown names are left out."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name in found or name not in project.services:
            return
        for other in project.services[name].depends_on:
            visit(other)
        found.append(name)

    for name in names or project.services:
        visit(name)
    return found
