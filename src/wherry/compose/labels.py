"""Docker Compose's labels, by which it and wherry find what belongs to a project."""

from __future__ import annotations

from collections.abc import Mapping

from wherry.compose.digest import service_digest
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
ENV_FILES = PREFIX + "project.environment_file"
SLUG = PREFIX + "slug"
REPLACE = PREFIX + "replace"
DEPENDS = PREFIX + "depends_on"
VERSION = PREFIX + "version"
VERSION_FOLLOWED = "2.40.3"


def config_hash(service: Service, containers: Mapping[str, str] | None = None) -> str:
    """A digest of all that a container is made from, except its image's content and the scale.

    `containers`: the ids of those whose namespaces or volumes it uses, by their service: it is another one
    when they are.
    """
    fields = dict(service.fields)
    if containers:
        for key in ("network_mode", "ipc", "pid"):
            name = str(fields.get(key) or "").removeprefix("service:")
            if str(fields.get(key) or "").startswith("service:") and name in containers:
                fields[key] = f"container:{containers[name]}"
        if fields.get("volumes_from"):
            fields["volumes_from"] = [_source(text, containers) for text in fields["volumes_from"]]
    environment = {**dict.fromkeys(service.unset), **service.environment}
    return service_digest({**fields, "environment": environment})


def _source(text: str, containers: Mapping[str, str]) -> str:
    if text.startswith("container:"):
        return text.split(":")[1]
    return containers.get(text.split(":")[0], text)


def container_labels(
    service: Service,
    project: Project,
    number: int,
    image: str,
    digest: str,
    *,
    one_off: bool = False,
) -> dict[str, str]:
    """The labels of one container, with the service's own. `digest` as `config_hash` says it."""
    depends = [
        f"{name}:{one.condition}:{str(one.restart).lower()}" for name, one in service.depends_on.items()
    ]
    found = {
        **{name: value or "" for name, value in (service.fields.get("labels") or {}).items()},
        PROJECT: project.name,
        SERVICE: service.name,
        NUMBER: str(number),
        ONE_OFF: "True" if one_off else "False",
        HASH: digest,
        IMAGE: image,
        FILES: ",".join(project.files),
        FOLDER: project.folder,
        DEPENDS: ",".join(depends),
        VERSION: VERSION_FOLLOWED,
    }
    if project.env_files:
        found[ENV_FILES] = ",".join(project.env_files)
    return found
