"""Docker Compose's labels, by which it and wherry find what belongs to a project."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from wherry.compose.model import Project, Service

PREFIX = "com.docker.compose."
PROJECT = PREFIX + "project"
SERVICE = PREFIX + "service"
NUMBER = PREFIX + "container-number"
ONE_OFF = PREFIX + "oneoff"
HASH = PREFIX + "config-hash"
IMAGE = PREFIX + "image"
FILES = PREFIX + "project.config_files"
FOLDER = PREFIX + "project.working_dir"
NETWORK = PREFIX + "network"
VOLUME = PREFIX + "volume"
DEPENDS = PREFIX + "depends_on"
VERSION = PREFIX + "version"

# What may change without a container having to be made anew.
_BESIDE = frozenset(
    ("build", "deploy", "scale", "depends_on", "profiles", "pull_policy", "develop", "attach")
)


def config_hash(service: Service, project: Project) -> str:
    """A digest of all that a container is made from, except its image's content and the scale."""
    fields: dict[str, Any] = {key: value for key, value in service.fields.items() if key not in _BESIDE}
    deploy = service.fields.get("deploy") or {}
    fields["deploy"] = {key: deploy.get(key) for key in ("resources", "restart_policy")}
    fields["environment"] = service.environment
    for kind, known in (("secrets", project.secrets), ("configs", project.configs)):
        for grant in service.fields.get(kind) or ():
            content = known[grant["source"]]
            fields[f"{kind}/{grant['source']}"] = [content.file, content.content]
    text = json.dumps(fields, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def container_labels(
    service: Service, project: Project, number: int, image: str, *, one_off: bool = False
) -> dict[str, str]:
    """The labels of one container, with the service's own."""
    depends = [
        f"{name}:{one.condition}:{str(one.restart).lower()}" for name, one in service.depends_on.items()
    ]
    return {
        **{name: value or "" for name, value in (service.fields.get("labels") or {}).items()},
        PROJECT: project.name,
        SERVICE: service.name,
        NUMBER: str(number),
        ONE_OFF: "True" if one_off else "False",
        HASH: config_hash(service, project),
        IMAGE: image,
        FILES: ",".join(project.files),
        FOLDER: project.folder,
        DEPENDS: ",".join(depends),
        VERSION: "2.0.0",
    }
