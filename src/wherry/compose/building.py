"""The images of services that are built: by the engine, from a folder of this machine or from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from wherry.client.agents import lent
from wherry.client.api import Client, escape, query
from wherry.client.codec import encode
from wherry.client.credentials import every
from wherry.client.pack import packed
from wherry.client.reference import split_reference
from wherry.compose.body import labels_image
from wherry.compose.model import Project, Service
from wherry.compose.recipe import agents, recipe
from wherry.errors import Internal, Invalid, NotFound, Unsupported, WherryError

Hear = Callable[[str], None]


def build_image(
    client: Client,
    service: Service,
    project: Project,
    *,
    no_cache: bool = False,
    pull: bool = False,
    args: Mapping[str, str | None] | None = None,
    ssh: Iterable[str] = (),
    memory: int = 0,
    hear: Hear | None = None,
) -> str:
    """Have the engine build a service's image; its id. Blocks until it is built.

    `ssh`: agents and keys as `ID[=PATH]`, besides those of the files; `memory`: bytes for each step; `hear`
    is called with what steps write.

    Raises Internal with what the failing step wrote, Unsupported for what only some builders know.
    """
    build: dict[str, Any] = service.build or {}
    name = labels_image(service, project)
    order = recipe(service, project, name)
    order["no_cache"] = no_cache or bool(build.get("no_cache"))
    order["pull"] = pull or bool(build.get("pull"))
    order["args"] |= args or {}
    if memory:
        order["limits"]["Memory"] = memory
    lend = list(dict.fromkeys([*agents(service, project), *ssh]))
    try:
        if _needs_ours(order, lend):
            with lent(client, lend) as order["agents"]:
                _build_by_order(client, order, build, hear)
        else:
            _build_as_docker(client, order, build, hear)
    except WherryError as error:
        error.message = f"service {service.name}: {error.message}"
        error.args = (error.message,)
        raise
    found = str(client.get(f"/images/{escape(name)}/json")["Id"])
    for tag in build.get("tags") or ():
        repository, version, _ = split_reference(str(tag))
        client.post(f"/images/{found}/tag" + query(repo=repository, tag=version or "latest"))
    return found


def check_build(client: Client, service: Service, project: Project, hear: Hear) -> bool:
    """Have a Dockerfile looked through for mistakes, which `hear` is told of; whether there are none."""
    order = recipe(service, project, labels_image(service, project)) | {"check": True}
    return not _build_by_order(client, order, service.build or {}, hear).get("warnings")


def needed_images(service: Service) -> list[str]:
    """The services whose images are contexts of this one's build."""
    contexts = (service.build or {}).get("additional_contexts") or {}
    texts = [str(value) for value in contexts.values()]
    return [text.removeprefix("service:") for text in texts if text.startswith("service:")]


def build_order(project: Project, names: Iterable[str]) -> list[str]:
    """These services, each after those whose images its build uses."""
    chosen, found = list(names), dict[str, None]()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise Invalid(f"builds use each other's images: {' -> '.join([*path, name])}")
        if name in found:
            return
        for other in needed_images(project.services[name]):
            if other in chosen:
                visit(other, (*path, name))
        found[name] = None

    for name in chosen:
        visit(name, ())
    return list(found)


def _needs_ours(order: dict[str, Any], ssh: list[str]) -> bool:
    """Whether a build has what Docker's classic request for one can't say."""
    plain = all(one["fields"].keys() == {"type", "ref"} for one in order["cache_from"])
    members = ("contexts", "secrets", "cache_to", "insecure", "host_network", "check")
    return bool(ssh) or not plain or order["dockerfile"] is not None or any(map(order.get, members))


def _build_by_order(
    client: Client, order: dict[str, Any], build: dict[str, Any], hear: Hear | None
) -> dict[str, Any]:
    """A build as our own engine takes it: a description, then the files."""
    context = str(build["context"])
    remote = not os.path.isdir(context)
    order |= {
        "context": {"kind": "remote", "path": context} if remote else {"kind": "archive"},
        "auths": every(),
    }
    head = encode(order)

    def body() -> Iterator[bytes]:
        yield len(head).to_bytes(4, "big") + head
        if not remote:
            yield from packed(context, ".")

    try:
        response = client.upload("POST", "/build/wherry", body())
    except NotFound:
        raise Unsupported(
            "this engine builds only what Docker's classic request can say",
            hint="no secrets, agents, inline Dockerfiles, additional contexts or caches to write",
        ) from None
    try:
        for event in response.documents():
            if event.get("event") == "failed":
                raise Internal(event["message"], hint=event.get("hint", ""))
            if event.get("event") == "built":
                return dict(event)
            if hear is not None:
                hear(_told(event))
    finally:
        response.close()
    raise Internal("the engine ended before the build did")


def _told(event: dict[str, Any]) -> str:
    """What an event says to who waits: a step's title, its output, that it was in the cache; a warning."""
    kind = event.get("event")
    if kind == "started":
        place = f"[{event['stage']} {event['number']}/{event['total']}]"
        return f"#{event['step']} {place} {event['text']}\n"
    if kind == "done" and event["cached"]:
        return f"#{event['step']} CACHED\n"
    if kind == "warning":
        rule = f"{event['rule']}: " if event.get("rule") else ""
        where = f" (line {event['line']})" if event.get("line") else ""
        return f"{rule}{event['text']}{where}\n"
    return str(event.get("data", "")) if kind == "output" else ""


def _build_as_docker(client: Client, order: dict[str, Any], build: dict[str, Any], hear: Hear | None) -> None:
    """Docker's classic request, which every engine takes."""
    context = str(build["context"])
    remote = not os.path.isdir(context)
    path = "/build" + query(
        t=order["tags"][0],
        dockerfile=order["name"] if build.get("dockerfile") else "",
        buildargs=order["args"],
        labels=order["labels"],
        target=order["target"],
        networkmode=order["network"],
        nocache=order["no_cache"],
        pull=order["pull"],
        platform=order["platform"],
        shmsize=str(order["shm_size"]) if order["shm_size"] else "",
        extrahosts=",".join(order["limits"].get("ExtraHosts", ())),
        ulimits=order["limits"].get("Ulimits") or None,
        memory=str(order["limits"].get("Memory") or ""),
        cachefrom=list(map(str, build.get("cache_from") or ())) or None,
        remote=context if remote else "",
    )
    response = client.upload("POST", path, () if remote else packed(context, "."))
    try:
        for report in response.documents():
            if error := report.get("error"):
                raise Internal(error, hint=report.get("hint", ""))
            if hear is not None:
                hear(report.get("stream", ""))
    finally:
        response.close()
