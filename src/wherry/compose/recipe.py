"""What the `build` section of a service asks for, as the engine is told it."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import Any

from wherry.client.directories import directory_order, read_text
from wherry.compose.body import extra_hosts, labels_image, ulimit
from wherry.compose.model import Project, Service
from wherry.compose.quantities import size
from wherry.errors import Invalid, Unsupported

_REFUSED = ("isolation", "privileged", "provenance", "sbom")


def recipe(service: Service, project: Project, name: str) -> dict[str, Any]:
    """What the engine is asked for, without the context's files; the image is called `name`.

    Raises Invalid, and Unsupported for what only some builders know.
    """
    build: dict[str, Any] = service.build or {}
    for key in _REFUSED:
        if build.get(key):
            raise Unsupported(f"service {service.name}: build.{key} is not supported")
    context = str(build["context"])
    if "://" not in context and not context.startswith("git@") and not os.path.isdir(context):
        raise Invalid(f"service {service.name}: build context {context} is not a folder")
    if build.get("dockerfile") and build.get("dockerfile_inline"):
        raise Invalid(f"service {service.name}: dockerfile and dockerfile_inline exclude each other")
    platforms = build.get("platforms") or []
    if len(platforms) > 1:
        raise Unsupported(f"service {service.name}: build.platforms with more than one is not supported")
    allowed = {str(one) for one in build.get("entitlements") or ()}
    if unknown := allowed - {"security.insecure", "network.host"}:
        raise Invalid(f"service {service.name}: invalid entitlement: {', '.join(sorted(unknown))}")
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
        "insecure": "security.insecure" in allowed,
        "host_network": "network.host" in allowed,
        "cache_from": [_cache_source(service, str(one)) for one in build.get("cache_from") or ()],
        "cache_to": [_cache_target(service, str(one)) for one in build.get("cache_to") or ()],
    }


def agents(service: Service, project: Project) -> list[str]:
    """The SSH agents and keys that a build may use, as `ID[=PATH]`."""
    given = (service.build or {}).get("ssh") or ()
    if isinstance(given, str):
        given = [given]
    texts = (
        [f"{key}={value}" if value else str(key) for key, value in given.items()]
        if isinstance(given, dict)
        else given
    )
    found = []
    for text in map(str, texts):
        name, equals, paths = text.partition("=")
        whole = (os.path.join(project.folder, os.path.expanduser(path)) for path in paths.split(","))
        found.append(f"{name}={','.join(whole)}" if equals and paths else name)
    return found


def _cache(text: str) -> dict[str, str]:
    if "=" not in text:
        return {"type": "registry", "ref": text}
    return {"type": "registry", **dict(item.partition("=")[::2] for item in text.split(","))}


def _cache_source(service: Service, text: str) -> dict[str, Any]:
    fields = _cache(text)
    if fields["type"] != "local":
        return {"fields": fields}
    source = fields.get("src", "")
    if not os.path.isdir(source):
        raise Invalid(f"service {service.name}: build.cache_from: {source or 'src'}: no such directory")
    return {"fields": fields, "directory": directory_order(os.path.realpath(source), "")}


def _cache_target(service: Service, text: str) -> dict[str, Any]:
    fields = _cache(text)
    if fields["type"] == "local":
        raise Unsupported(
            f"service {service.name}: build.cache_to with type=local is not supported",
            hint="`wherry build --cache-to` writes one; type=registry and type=inline are for both",
        )
    return {"fields": fields}


def _contexts(service: Service, project: Project) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
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
        elif os.path.isdir(value):
            ignored = read_text(os.path.join(value, ".dockerignore"))
            found[key] = directory_order(os.path.realpath(value), ignored)
        else:
            raise Invalid(f"service {service.name}: additional context {key}: {value}: no such directory")
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
