"""A project as one compose file again: everything resolved, in the long forms."""

from __future__ import annotations

from typing import Any

import yaml

from wherry.compose.model import Content, Project, Resource, Service


def rendered(project: Project, *, escaped: bool = True) -> dict[str, Any]:
    """The project as plain values, for YAML or JSON.

    `escaped`: a dollar sign is doubled, so that it is read as one; not where variables were left as written.
    """
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
    plain: dict[str, Any] = _plain(found, escaped)
    return plain


def as_yaml(document: dict[str, Any]) -> str:
    """Plain values as the text of a compose file."""
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def leave_out_unused(project: Project) -> None:
    """Leave networks, volumes, secrets and configs out that no service names."""
    named: dict[str, set[str]] = {"networks": set(), "volumes": set(), "secrets": set(), "configs": set()}
    for service in project.services.values():
        fields = service.fields
        named["networks"] |= set(fields.get("networks") or {})
        named["volumes"] |= {str(one.get("source")) for one in fields.get("volumes") or ()}
        named["secrets"] |= {one["source"] for one in (service.build or {}).get("secrets") or ()}
        for kind in ("secrets", "configs"):
            named[kind] |= {one["source"] for one in fields.get(kind) or ()}
    for kind, keys in named.items():
        known: dict[str, Any] = getattr(project, kind)
        setattr(project, kind, {key: one for key, one in known.items() if key in keys})


def _service(service: Service) -> dict[str, Any]:
    fields = {key: value for key, value in service.fields.items() if value not in (None, {}, [])}
    if environment := {**service.environment, **dict.fromkeys(service.unset)}:
        fields["environment"] = dict(sorted(environment.items()))
    return dict(sorted(fields.items()))


def _resource(resource: Resource) -> dict[str, Any]:
    found = {"name": resource.name, **resource.fields}
    return {**found, "external": True} if resource.external else found


def _content(content: Content) -> dict[str, Any]:
    return {"file": content.file} if content.file else {"content": content.content}


def _plain(value: Any, escaped: bool) -> Any:
    """Without the types that only loading knows."""
    if isinstance(value, dict):
        return {key: _plain(item, escaped) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, escaped) for item in value]
    return value.replace("$", "$$") if escaped and isinstance(value, str) else value
