"""A project as one compose file again: everything resolved, in the long forms."""

from __future__ import annotations

from typing import Any

import yaml

from wherry.compose.model import Content, Project, Resource, Service


def rendered(project: Project) -> dict[str, Any]:
    """The project as plain values, for YAML or JSON."""
    found: dict[str, Any] = {
        "name": project.name,
        "services": {name: _service(one) for name, one in sorted(project.services.items())},
    }
    for kind, resources in (("networks", project.networks), ("volumes", project.volumes)):
        if resources:
            found[kind] = {key: _resource(one) for key, one in sorted(resources.items())}
    for kind, contents in (("secrets", project.secrets), ("configs", project.configs)):
        if contents:
            found[kind] = {key: _content(one) for key, one in sorted(contents.items())}
    return found


def as_yaml(project: Project) -> str:
    """The project as the text of a compose file."""
    return str(yaml.safe_dump(rendered(project), sort_keys=False, allow_unicode=True))


def _service(service: Service) -> dict[str, Any]:
    fields = {key: _plain(value) for key, value in service.fields.items() if value not in (None, {}, [])}
    if service.environment:
        fields["environment"] = dict(sorted(service.environment.items()))
    return dict(sorted(fields.items()))


def _resource(resource: Resource) -> dict[str, Any]:
    found = {"name": resource.name, **_plain(resource.fields)}
    return {**found, "external": True} if resource.external else found


def _content(content: Content) -> dict[str, Any]:
    return {"file": content.file} if content.file else {"content": content.content}


def _plain(value: Any) -> Any:
    """Without the types that only loading knows; a dollar sign doubled, as a file has it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
