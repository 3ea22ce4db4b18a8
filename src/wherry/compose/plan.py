"""What to do so that a service's containers are as its description says: a value, compared in tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from wherry.compose.model import Project, Service
from wherry.compose.present import Present


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
) -> list[Step]:
    """The steps for one service, in order of their numbers.

    Kept is what has the same configuration (`digest`) and image id; `force` recreates all, `never` none.
    Containers above the scale go, those with the highest numbers first.
    """
    steps = []
    kept = sorted(present, key=lambda one: one.number)
    for one in kept[scale:]:
        steps.append(Step("remove", one.name, one.number, one))
    kept = kept[:scale]
    for one in kept:
        changed = one.hash != digest or (bool(image) and one.image != image)
        verb = "recreate" if not never and (force or changed) else "keep"
        steps.append(Step(verb, container_name(service, project, one.number), one.number, one))
    taken = {one.number for one in kept}
    number = 1
    for _ in range(scale - len(kept)):
        while number in taken:
            number += 1
        taken.add(number)
        steps.append(Step("create", container_name(service, project, number), number))
    return steps


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
