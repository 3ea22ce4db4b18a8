"""The images of services: there already, pulled, or built by the engine."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import Any

from wherry.client.api import Client, escape, query
from wherry.client.credentials import auth_header
from wherry.client.reference import split_reference
from wherry.compose.body import labels_image
from wherry.compose.building import build_image
from wherry.compose.model import Project, Service
from wherry.compose.quantities import nanoseconds
from wherry.errors import Internal, Invalid, NotFound

POLICIES = ("always", "missing", "if_not_present", "never", "build", "daily", "weekly", "refresh")
_DAY = 86400


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
    if policy not in POLICIES and not policy.startswith("every_"):
        raise Invalid(f"service {service.name}: unknown pull_policy {policy!r}")
    if service.build and (build or policy == "build"):
        return build_image(client, service, project)
    found = image_id(client, name)
    if found and policy != "always" and not _too_old(client, name, policy, service):
        return found
    if service.build and not (service.image and policy == "always"):
        return build_image(client, service, project)
    if policy == "never":
        raise NotFound(f"No such image: {name}", hint="pull_policy: never keeps it from being pulled")
    pull_image(client, name, str(service.fields.get("platform") or ""))
    return image_id(client, name)


def _too_old(client: Client, name: str, policy: str, service: Service) -> bool:
    """Whether `daily`, `weekly` and `every_…` want an image pulled again that is there."""
    if policy == "daily":
        limit = float(_DAY)
    elif policy == "weekly":
        limit = 7.0 * _DAY
    elif policy == "refresh" or policy.startswith("every_"):
        limit = nanoseconds(policy.removeprefix("every_") if policy != "refresh" else _refresh(service)) / 1e9
    else:
        return False
    named = str(client.get(f"/images/{escape(name)}/json").get("Metadata", {}).get("LastTagTime") or "")
    try:
        when = datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", named).replace("Z", "+00:00"))
    except ValueError:
        return True
    return time.time() - when.timestamp() > limit


def _refresh(service: Service) -> str:
    return str(service.fields.get("pull_refresh_after") or "0s")


def pull_image(client: Client, name: str, platform: str = "") -> None:
    """Have the engine pull an image. Raises NotFound, and Internal with what the registry says."""
    repository, tag, digest = split_reference(name)
    path = "/images/create" + query(fromImage=repository, tag=digest or tag or "latest", platform=platform)
    follow(client.begin("POST", path, headers=auth_header(repository)).response())


def push_image(client: Client, name: str) -> None:
    repository, tag, _ = split_reference(name)
    path = f"/images/{escape(repository)}/push" + query(tag=tag or "latest")
    follow(
        client.begin("POST", path, headers=auth_header(repository) or {"X-Registry-Auth": "e30="}).response()
    )


def follow(response: Any) -> None:
    """Read the reports of a long request to their end. Raises NotFound or Internal for an error in them."""
    try:
        for report in response.documents():
            if error := report.get("error"):
                missing = "not found" in error.lower() or "no such" in error.lower()
                raise (NotFound if missing else Internal)(error, hint=report.get("hint", ""))
    finally:
        response.close()
