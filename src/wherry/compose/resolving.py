"""From merged files to the model: names, environments, references between the parts, profiles."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from wherry.compose import dotenv
from wherry.compose.body import container_body
from wherry.compose.labels import config_hash
from wherry.compose.merging import clean
from wherry.compose.model import Content, Dependency, Project, Resource, Service
from wherry.compose.schema import CONDITIONS, without_effect
from wherry.compose.short import mapping
from wherry.compose.source import Table, place
from wherry.errors import Invalid, Unsupported


def resolve(
    table: Table,
    name: str,
    folder: str,
    files: list[str],
    variables: Mapping[str, str],
    profiles: list[str],
) -> Project:
    """The project. Raises Invalid for what has another form than its name asks for."""
    table = clean(table)
    services = {key: _service(key, value, variables) for key, value in (table.get("services") or {}).items()}
    project = Project(name, folder, files, {})
    for key, service in services.items():
        on = not service.profiles or "*" in profiles or set(service.profiles) & set(profiles)
        (project.services if on else project.others)[key] = service
    for kind in ("networks", "volumes"):
        found = {key: _resource(key, value, name) for key, value in (table.get(kind) or {}).items()}
        setattr(project, kind, found)
    for kind in ("secrets", "configs"):
        contents = {
            key: _content(key, value or {}, variables, f"{place(table[kind], key)}{kind}.{key}")
            for key, value in (table.get(kind) or {}).items()
        }
        setattr(project, kind, contents)
    for service in services.values():
        _must_have_form(service, table["services"][service.name])
    for service in project.services.values():
        for member in without_effect(service.fields):
            project.warnings.append(f"services.{service.name}: {member} has no effect outside of a swarm")
        for kind, known in (("secrets", project.secrets), ("configs", project.configs)):
            for grant in service.fields.get(kind) or ():
                content = known.get(grant["source"])
                if content is not None and content.file and {"uid", "gid", "mode"} & grant.keys():
                    where = f"services.{service.name}.{kind}: {grant['source']}"
                    project.warnings.append(f"{where} is a file, which keeps its own owner and mode")
    for service in services.values():
        _joined_by_default(service, project)
    return project


def check(project: Project, table: Table) -> None:
    """Raise Invalid, with its place in `table`, for a reference to what is not there, a cycle, …"""
    tables = clean(table).get("services") or {}
    _references(project, tables)
    _no_cycle({**project.services, **project.others})
    for service in project.services.values():
        _can_be_made(service, project, tables[service.name])


def _joined_by_default(service: Service, project: Project) -> None:
    if not service.fields.get("networks") and not service.fields.get("network_mode"):
        service.fields["networks"] = {"default": None}
    if "default" in (service.fields.get("networks") or {}) and "default" not in project.networks:
        project.networks["default"] = Resource("default", f"{project.name}_default", False, {})


def _service(name: str, table: Table, variables: Mapping[str, str]) -> Service:
    where = f"{place(table)}services.{name}"
    if not table.get("image") and not table.get("build"):
        raise Invalid(f"{where}: has neither an image nor a build context specified")
    environment: dict[str, str] = {}
    own = {key: variables.get(key) if text is None else text for key, text in _environment(table).items()}
    # What a file refers to is the service's own variable, else one from outside, else an earlier file's.
    above = {**variables, **{key: value for key, value in own.items() if value is not None}}
    for entry in table.get("env_file") or []:
        if not entry["required"] and not os.path.exists(entry["path"]):
            continue
        raw = _format(entry, where) == "raw"
        for key, text in dotenv.read(entry["path"], {**environment, **above}, raw=raw).items():
            value = variables.get(key) if text is None else text
            if value is not None:
                environment[key] = value
    for key, value in own.items():
        if value is not None:
            environment[key] = value
        else:
            environment.pop(key, None)
    unset = [key for key in own if key not in environment]
    fields = {key: value for key, value in table.items() if key not in ("env_file", "environment", "extends")}
    if fields.get("label_file"):
        known: dict[str, str] = {}
        for path in fields["label_file"]:
            known |= {key: text or "" for key, text in dotenv.read(path, known, what="label file").items()}
        fields["labels"] = {**known, **(fields.get("labels") or {})}
    deploy = fields.get("deploy") or {}
    scale = _count(fields.get("scale"), deploy.get("replicas"), where)
    if deploy.get("mode") in ("global", "global-job", "replicated-job"):
        raise Unsupported(f"{where}: deploy mode '{deploy['mode']}' is for swarms")
    depends = {}
    for key, entry in (fields.get("depends_on") or {}).items():
        if entry["condition"] not in CONDITIONS:
            raise Invalid(f"{where}.depends_on.{key}: unknown condition {entry['condition']!r}")
        depends[key] = Dependency(entry["condition"], bool(entry["required"]), bool(entry.get("restart")))
    for text in [*(fields.get("links") or ()), *_shared(fields)]:
        depends.setdefault(text.partition(":")[0], Dependency(restart=True))
    if fields.get("build") and fields["build"].get("args"):
        args = fields["build"]["args"]
        fields["build"]["args"] = {
            key: variables.get(key) if value is None else value for key, value in args.items()
        }
    for text in fields.get("volumes_from") or ():
        if not text.startswith("container:"):
            depends.setdefault(text.partition(":")[0], Dependency())
    service = Service(
        name, fields, environment, depends, list(fields.get("profiles") or ()), int(scale), unset
    )
    if service.container_name and service.scale > 1:
        raise Invalid(f"{where}: container_name allows one container, and scale asks for {service.scale}")
    for key, entry in (fields.get("networks") or {}).items():
        if (entry or {}).get("interface_name"):
            raise Unsupported(f"{where}.networks.{key}: interface_name is not supported")
    if fields.get("network_mode") and fields.get("networks"):
        raise Invalid(f"{where}: declares mutually exclusive `network_mode` and `networks`")
    return service


def _environment(table: Table) -> dict[str, str | None]:
    found: dict[str, str | None] = table.get("environment") or {}
    return found


def _must_have_form(service: Service, table: Any) -> None:
    """Raise Invalid, with its place, for a member whose value has another form than its name asks for."""
    try:
        config_hash(service)
    except Invalid as error:
        key = error.message.partition(":")[0]
        where = f"{place(table, key)}services.{service.name}"
        raise Invalid(f"{where}.{error.message}", hint=error.hint) from None


def _can_be_made(service: Service, project: Project, table: Any) -> None:
    """Raise Invalid for what only shows itself when a container is made, before anything is made."""
    where = f"{place(table)}services.{service.name}"
    others = dict.fromkeys([*project.services, *project.others], "")
    try:
        container_body(service, project, {}, others, {})
    except Invalid as error:
        raise Invalid(f"{where}: {error.message}", hint=error.hint) from None
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
        raise Invalid(f"{where}: a value has a form that means nothing: {error}") from None


def _count(scale: Any, replicas: Any, where: str) -> int:
    """How many containers a service has: `scale`, else `deploy.replicas`, else one."""
    wanted = scale if scale is not None else replicas if replicas is not None else 1
    if not str(wanted).isdigit():
        raise Invalid(f"{where}: scale and deploy.replicas must be numbers of containers, not {wanted!r}")
    return int(wanted)


def _format(entry: dict[str, Any], where: str) -> str:
    found = str(entry.get("format") or "")
    if found not in ("", "raw"):
        raise Invalid(f"{where}: unsupported env_file format {found!r}", hint="raw is the only one")
    return found


def _shared(fields: dict[str, Any]) -> list[str]:
    """The services whose namespaces a service uses."""
    return [
        str(fields[key]).removeprefix("service:")
        for key in ("network_mode", "ipc", "pid", "uts")
        if str(fields.get(key) or "").startswith("service:")
    ]


def _resource(key: str, table: dict[str, Any] | None, project: str) -> Resource:
    fields: dict[str, Any] = dict(table or {})
    for part in ("labels", "driver_opts"):
        if fields.get(part):
            fields[part] = {key: value or "" for key, value in mapping(fields[part]).items()}
    external = fields.pop("external", False)
    name = fields.pop("name", None)
    if isinstance(external, dict):
        name, external = external.get("name", name), True
    title = name or (key if external else f"{project}_{key}")
    return Resource(key, str(title), bool(external), fields)


def _content(key: str, table: dict[str, Any], variables: Mapping[str, str], where: str) -> Content:
    for name in ("driver", "driver_opts", "template_driver"):
        if table.get(name):
            raise Unsupported(f"{where}: {name} is for swarms")
    if table.get("external"):
        raise Unsupported(f"{where}: external ones are kept by swarms", hint="use file: or environment:")
    if table.get("file"):
        return Content(key, file=str(table["file"]))
    if table.get("environment"):
        value = variables.get(str(table["environment"]))
        if value is None:
            raise Invalid(f"{where}: environment variable {table['environment']} is not set")
        return Content(key, content=value)
    if table.get("content") is not None:
        return Content(key, content=str(table["content"]))
    raise Invalid(f"{where}: has none of file, environment and content")


def _references(project: Project, tables: dict[str, Any]) -> None:
    for service in [*project.services.values(), *project.others.values()]:
        table = tables[service.name]
        active = service.name in project.services
        for key in service.fields.get("networks") or {}:
            _must_be(key in project.networks, table, "networks", service, f"undefined network {key}")
        for volume in service.fields.get("volumes") or ():
            source = volume.get("source")
            if volume.get("type") == "volume" and source:
                _must_be(source in project.volumes, table, "volumes", service, f"undefined volume {source}")
        for kind, known in (("secrets", project.secrets), ("configs", project.configs)):
            for grant in service.fields.get(kind) or ():
                found = grant["source"] in known
                _must_be(found, table, kind, service, f"undefined {kind[:-1]} {grant['source']}")
        for other, dependency in service.depends_on.items():
            found = other in project.services or (not active and other in project.others)
            if not found and other in project.others and dependency.required:
                reason = f"service {other!r} is required, but its profile is not chosen"
                _must_be(False, table, "depends_on", service, reason)
            known_at_all = found or other in project.others or not dependency.required
            _must_be(known_at_all, table, "depends_on", service, f"undefined service {other!r}")


def _must_be(found: bool, table: Any, key: str, service: Service, what: str) -> None:
    if not found:
        raise Invalid(
            f'{place(table, key)}service "{service.name}" refers to {what}: invalid compose project'
        )


def _no_cycle(services: dict[str, Service]) -> None:
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        if name in path:
            raise Invalid(f"dependency cycle detected: {' -> '.join([*path[path.index(name) :], name])}")
        if name in done or name not in services:
            return
        for other in services[name].depends_on:
            visit(other, [*path, name])
        done.add(name)

    for name in services:
        visit(name, [])
