"""The images of services: there already, pulled, or built by the engine."""

from __future__ import annotations

import os
from typing import Any

from wherry.client.api import Client, escape, query
from wherry.client.credentials import auth_header
from wherry.client.pack import packed
from wherry.client.reference import split_reference
from wherry.compose.body import labels_image
from wherry.compose.model import Project, Service
from wherry.errors import Internal, Invalid, NotFound, Unsupported, WherryError

POLICIES = ("always", "missing", "if_not_present", "never", "build", "daily", "weekly")


def image_id(client: Client, name: str) -> str:
    """The id of an image; empty when it is not there."""
    try:
        return str(client.get(f"/images/{escape(name)}/json")["Id"])
    except NotFound:
        return ""


def ensure_image(
    client: Client, service: Service, project: Project, *, pull: str = "", build: bool = False
) -> str:
    """Bring a service's image in as its policy says; its id. Blocks while it is pulled or built.

    Raises NotFound when it is nowhere, Unsupported from an engine without builds.
    """
    name = labels_image(service, project)
    policy = pull or str(service.fields.get("pull_policy") or "missing")
    if policy not in POLICIES:
        raise Invalid(f"service {service.name}: unknown pull_policy {policy!r}")
    if policy in ("daily", "weekly"):
        raise Unsupported(f"service {service.name}: pull_policy '{policy}' is not supported")
    if service.build and (build or policy == "build"):
        return build_image(client, service, project)
    found = image_id(client, name)
    if found and policy != "always":
        return found
    if service.build and not (service.image and policy == "always"):
        return build_image(client, service, project)
    if policy == "never":
        raise NotFound(f"No such image: {name}", hint="pull_policy: never keeps it from being pulled")
    pull_image(client, name, str(service.fields.get("platform") or ""))
    return image_id(client, name)


def pull_image(client: Client, name: str, platform: str = "") -> None:
    """Have the engine pull an image. Raises NotFound, and Internal with what the registry says."""
    repository, tag, digest = split_reference(name)
    path = "/images/create" + query(fromImage=repository, tag=digest or tag or "latest", platform=platform)
    _watch(client.begin("POST", path, headers=auth_header(repository)).response())


def push_image(client: Client, name: str) -> None:
    repository, tag, _ = split_reference(name)
    path = f"/images/{escape(repository)}/push" + query(tag=tag or "latest")
    _watch(
        client.begin("POST", path, headers=auth_header(repository) or {"X-Registry-Auth": "e30="}).response()
    )


def build_image(client: Client, service: Service, project: Project, *, no_cache: bool = False) -> str:
    """Have the engine build a service's image; its id."""
    build: dict[str, Any] = service.build or {}
    refused = set(build) - {
        "context",
        "dockerfile",
        "args",
        "target",
        "labels",
        "network",
        "tags",
        "no_cache",
    }
    refused = {key for key in refused if not key.startswith("x-")}
    if refused:
        raise Unsupported(f"service {service.name}: build.{sorted(refused)[0]} is not supported")
    context = str(build["context"])
    if "://" in context or not os.path.isdir(context):
        raise Invalid(f"service {service.name}: build context {context} is not a folder")
    name = labels_image(service, project)
    path = "/build" + query(
        t=name,
        dockerfile=str(build.get("dockerfile") or ""),
        buildargs={key: value for key, value in (build.get("args") or {}).items() if value is not None},
        labels=build.get("labels") or {},
        target=str(build.get("target") or ""),
        networkmode=str(build.get("network") or ""),
        nocache=no_cache or bool(build.get("no_cache")),
    )
    try:
        _watch(client.upload("POST", path, packed(context, ".")))
    except WherryError as error:
        error.message = f"service {service.name}: {error.message}"
        error.args = (error.message,)
        raise
    found = image_id(client, name)
    for tag in build.get("tags") or ():
        repository, version, _ = split_reference(str(tag))
        client.post(f"/images/{found}/tag" + query(repo=repository, tag=version or "latest"))
    return found


def _watch(response: Any) -> None:
    try:
        for report in response.documents():
            if error := report.get("error"):
                missing = "not found" in error.lower() or "no such" in error.lower()
                raise (NotFound if missing else Internal)(error, hint=report.get("hint", ""))
    finally:
        response.close()
