"""The images of services that are built: by the engine, from a folder of this machine or from elsewhere."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wherry.client.api import Client, escape, query
from wherry.client.codec import encode
from wherry.client.credentials import every
from wherry.client.pack import packed
from wherry.client.reference import split_reference
from wherry.compose.body import extra_hosts, labels_image, ulimit
from wherry.compose.model import Project, Service
from wherry.compose.quantities import size
from wherry.errors import Internal, Invalid, NotFound, Unsupported, WherryError

_REFUSED = ("cache_to", "entitlements", "isolation", "privileged", "provenance", "sbom", "ssh")


def build_image(
    client: Client,
    service: Service,
    project: Project,
    *,
    no_cache: bool = False,
    pull: bool = False,
    args: Mapping[str, str | None] | None = None,
) -> str:
    """Have the engine build a service's image; its id. Blocks until it is built.

    Raises Internal with what the failing step wrote, Unsupported for what only some builders know.
    """
    build: dict[str, Any] = service.build or {}
    for key in _REFUSED:
        if build.get(key):
            raise Unsupported(f"service {service.name}: build.{key} is not supported")
    name = labels_image(service, project)
    order = _order(service, project, name)
    order["no_cache"] = no_cache or bool(build.get("no_cache"))
    order["pull"] = pull or bool(build.get("pull"))
    order["args"] |= args or {}
    try:
        if _needs_ours(build):
            _build_by_order(client, order, build)
        else:
            _build_as_docker(client, order, build)
    except WherryError as error:
        error.message = f"service {service.name}: {error.message}"
        error.args = (error.message,)
        raise
    found = str(client.get(f"/images/{escape(name)}/json")["Id"])
    for tag in build.get("tags") or ():
        repository, version, _ = split_reference(str(tag))
        client.post(f"/images/{found}/tag" + query(repo=repository, tag=version or "latest"))
    return found


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


def _needs_ours(build: dict[str, Any]) -> bool:
    """Whether a build has what Docker's classic request for one can't say."""
    return any(build.get(key) for key in ("additional_contexts", "dockerfile_inline", "secrets"))


def _order(service: Service, project: Project, name: str) -> dict[str, Any]:
    build: dict[str, Any] = service.build or {}
    context = str(build["context"])
    if "://" not in context and not context.startswith("git@") and not os.path.isdir(context):
        raise Invalid(f"service {service.name}: build context {context} is not a folder")
    if build.get("dockerfile") and build.get("dockerfile_inline"):
        raise Invalid(f"service {service.name}: dockerfile and dockerfile_inline exclude each other")
    platforms = build.get("platforms") or []
    if len(platforms) > 1:
        raise Unsupported(f"service {service.name}: build.platforms with more than one is not supported")
    limits: dict[str, Any] = {}
    if build.get("extra_hosts"):
        limits["ExtraHosts"] = extra_hosts(build["extra_hosts"])
    if build.get("ulimits"):
        limits["Ulimits"] = [ulimit(key, one) for key, one in build["ulimits"].items()]
    return {
        "name": str(build.get("dockerfile") or "Dockerfile"),
        "dockerfile": build.get("dockerfile_inline"),
        "contexts": _contexts(service, project),
        "place": context,
        "target": str(build.get("target") or ""),
        "args": dict(build.get("args") or {}),
        "labels": {key: value or "" for key, value in (build.get("labels") or {}).items()},
        "tags": [name],
        "network": str(build.get("network") or ""),
        "platform": str(platforms[0] if platforms else service.fields.get("platform") or ""),
        "secrets": _secrets(service, project),
        "shm_size": size(build["shm_size"]) if build.get("shm_size") else 0,
        "limits": limits,
    }


def _contexts(service: Service, project: Project) -> dict[str, dict[str, str]]:
    found = {}
    for key, value in ((service.build or {}).get("additional_contexts") or {}).items():
        value = str(value)
        if value.startswith("service:"):
            other = project.services.get(value.removeprefix("service:"))
            if other is None:
                raise Invalid(f"service {service.name}: additional context {key} names no service")
            found[key] = {"kind": "image", "path": labels_image(other, project)}
        elif value.startswith("docker-image://"):
            found[key] = {"kind": "image", "path": value.removeprefix("docker-image://")}
        elif "://" in value or value.startswith("git@"):
            found[key] = {"kind": "remote", "path": value}
        else:
            raise Unsupported(
                f"service {service.name}: a folder as additional context is not supported",
                hint=f"wherry build --build-context {key}={value}",
            )
    return found


def _secrets(service: Service, project: Project) -> dict[str, str]:
    """The content of the secrets that a build may mount, in base64, by their ids."""
    found = {}
    for entry in (service.build or {}).get("secrets") or ():
        secret = project.secrets.get(entry["source"])
        if secret is None:
            raise Invalid(f"service {service.name} refers to undefined build secret {entry['source']}")
        if secret.content is not None:
            content = secret.content.encode()
        else:
            try:
                with open(secret.file, "rb") as file:
                    content = file.read()
            except OSError as error:
                raise Invalid(f"open {secret.file}: {(error.strerror or '').lower()}") from None
        found[str(entry.get("target") or entry["source"])] = b64encode(content).decode()
    return found


def _build_by_order(client: Client, order: dict[str, Any], build: dict[str, Any]) -> None:
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
            "this engine does not build with secrets, inline Dockerfiles or additional contexts"
        ) from None
    try:
        for event in response.documents():
            if event.get("event") == "failed":
                raise Internal(event["message"], hint=event.get("hint", ""))
            if event.get("event") == "built":
                return
    finally:
        response.close()
    raise Internal("the engine ended before the build did")


def _build_as_docker(client: Client, order: dict[str, Any], build: dict[str, Any]) -> None:
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
        cachefrom=list(map(str, build.get("cache_from") or ())) or None,
        remote=context if remote else "",
    )
    response = client.upload("POST", path, () if remote else packed(context, "."))
    try:
        for report in response.documents():
            if error := report.get("error"):
                raise Internal(error, hint=report.get("hint", ""))
    finally:
        response.close()
