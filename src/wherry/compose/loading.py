"""From compose files to a project: read, interpolate, lengthen, extend, merge, choose by profile."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from wherry.compose import dotenv
from wherry.compose.interpolation import Variable, interpolate, mentioned
from wherry.compose.merging import merged
from wherry.compose.model import Project
from wherry.compose.resolving import check, resolve
from wherry.compose.schema import check_service, check_top
from wherry.compose.short import lengthen
from wherry.compose.source import Table, place, read
from wherry.errors import Invalid, NotFound, WherryError

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDES = (
    *("compose.override.yml", "compose.override.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)


def find(folder: str, environment: Mapping[str, str]) -> list[str]:
    """The files of COMPOSE_FILE, else the first of the usual names here or above, with its override."""
    if listed := environment.get("COMPOSE_FILE"):
        parts = listed.split(environment.get("COMPOSE_PATH_SEPARATOR", os.pathsep))
        return [os.path.join(folder, part) for part in parts]
    folder = os.path.abspath(folder)
    while True:
        for name in NAMES:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                found = [os.path.join(folder, over) for over in _OVERRIDES]
                return [path, *[over for over in found if os.path.isfile(over)][:1]]
        above = os.path.dirname(folder)
        if above == folder:
            raise NotFound(
                "no configuration file provided: not found", hint="-f names one; compose.yaml is the usual"
            )
        folder = above


def project_name(text: str) -> str:
    """A name as Docker Compose makes one of a folder's."""
    return re.sub(r"[^-_a-z0-9]", "", text.lower()).lstrip("_-")


def load(
    files: Sequence[str] = (),
    *,
    name: str = "",
    folder: str = "",
    env_files: Sequence[str] = (),
    profiles: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    interpolated: bool = True,
    consistent: bool = True,
) -> Project:
    """The project that these files describe; without any, those found here or above.

    `environment` stands above `.env`; `interpolated` False leaves variables as they are written; `consistent`
    False allows what can't be brought up: references to what is not there, cycles.

    Raises Invalid with file and line, NotFound without a file, Unsupported for what this version refuses.
    """
    outside = dict(os.environ if environment is None else environment)
    paths = [path if path == "-" else os.path.abspath(path) for path in files] or find(folder or ".", outside)
    if not folder:
        folder = os.getcwd() if paths[0] == "-" else os.path.dirname(os.path.abspath(paths[0]))
    folder = os.path.abspath(folder)
    variables = _variables(folder, env_files, outside)
    if not profiles and variables.get("COMPOSE_PROFILES"):
        profiles = variables["COMPOSE_PROFILES"].split(",")
    name = name or variables.get("COMPOSE_PROJECT_NAME", "")
    reader = _Reader(variables, interpolated)
    whole = Table()
    for path in paths:
        whole = merged(whole, reader.file(path, folder))
    name = name or str(whole.get("name") or "") or project_name(os.path.basename(folder))
    if not name or project_name(name) != name:
        raise Invalid(
            f"invalid project name {name!r}: must consist only of lowercase alphanumeric characters, "
            "hyphens, and underscores as well as start with a letter or number"
        )
    variables = {**variables, "COMPOSE_PROJECT_NAME": name}
    project = resolve(whole, name, folder, paths, variables, list(profiles))
    if consistent:
        check(project, whole)
    project.variables = variables
    project.mentioned = sorted(reader.mentioned)
    project.env_files = [os.path.abspath(path) for path in env_files]
    project.warnings += [
        f'The "{missing}" variable is not set. Defaulting to a blank string.'
        for missing in sorted(reader.missing)
    ]
    return project


def _variables(folder: str, env_files: Sequence[str], outside: Mapping[str, str]) -> dict[str, str]:
    chosen = list(env_files)
    if not chosen and outside.get("COMPOSE_ENV_FILES"):
        chosen = outside["COMPOSE_ENV_FILES"].split(",")
    if not chosen and os.path.isfile(os.path.join(folder, ".env")):
        chosen = [os.path.join(folder, ".env")]
    found: dict[str, str] = {}
    for path in chosen:
        for key, value in dotenv.read(path, {**found, **outside}).items():
            found[key] = value or ""
    return {**found, **outside}


class _Reader:
    """Reads files with what they include and extend. `missing`: variables that had no value."""

    def __init__(self, variables: Mapping[str, str], interpolated: bool) -> None:
        self._variables = variables
        self._interpolated = interpolated
        self.mentioned: set[Variable] = set()
        self._reading: list[str] = []
        self.missing: set[str] = set()

    def file(self, path: str, folder: str, variables: Mapping[str, str] | None = None) -> Table:
        """One file in long form, extended, with what it includes below it."""
        if path in self._reading:
            raise Invalid(f"{path}: include cycle detected: {' -> '.join([*self._reading, path])}")
        self._reading.append(path)
        variables = self._variables if variables is None else variables
        table = self._plain(path, folder, variables)
        services = table.get("services") or {}
        for name in list(services):
            services[name] = self._extended(name, services, path, folder, variables, [])
        for entry in table.pop("include", None) or []:
            table = merged(self._included(entry, folder, variables), table)
        self._reading.pop()
        return table

    def _plain(self, path: str, folder: str, variables: Mapping[str, str]) -> Table:
        table = read(path)
        self.mentioned |= mentioned(table)
        if self._interpolated:
            interpolate(table, variables, self.missing)
        check_top(table)
        for key in ("secrets", "configs"):
            for entry in (table.get(key) or {}).values():
                if entry and entry.get("file"):
                    path = os.path.join(folder, os.path.expanduser(str(entry["file"])))
                    entry["file"] = os.path.normpath(path)
        services = table.get("services") or {}
        for name, service in services.items():
            if service is None:
                services[name] = service = Table()
            check_service(name, service)
            try:
                lengthen(service, folder)
            except WherryError as error:
                key = error.message.partition(":")[0]
                raise Invalid(
                    f"{place(service, key)}services.{name}.{error.message}", hint=error.hint
                ) from None
        return table

    def _included(self, entry: Any, folder: str, variables: Mapping[str, str]) -> Table:
        settings = dict(entry) if isinstance(entry, dict) else {"path": entry}
        named = settings.get("path")
        paths = [os.path.join(folder, str(path)) for path in (named if isinstance(named, list) else [named])]
        inner = os.path.join(folder, settings.get("project_directory") or os.path.dirname(paths[0]))
        files = settings.get("env_file") or []
        files = [os.path.join(folder, path) for path in ([files] if isinstance(files, str) else files)]
        known = {**_variables(inner, files, {}), **variables}
        whole = Table()
        for path in paths:
            whole = merged(whole, self.file(os.path.normpath(path), os.path.normpath(inner), known))
        whole.pop("name", None)
        return whole

    def _extended(
        self,
        name: str,
        services: dict[str, Any],
        path: str,
        folder: str,
        variables: Mapping[str, str],
        seen: list[tuple[str, str]],
    ) -> Any:
        service = services[name]
        if not service.get("extends"):
            service.pop("extends", None)
            return service
        if (path, name) in seen:
            raise Invalid(f"{place(service, 'extends')}circular reference: services.{name} extends itself")
        wanted = service["extends"]
        where, base = place(service, "extends"), str(wanted.get("service"))
        if other := wanted.get("file"):
            path = os.path.normpath(os.path.join(folder, other))
            folder = os.path.dirname(path)
            services = self._plain(path, folder, variables).get("services") or {}
        if base not in services:
            raise Invalid(f"{where}cannot extend service {base!r} in {path}: service not found")
        below = self._extended(base, services, path, folder, variables, [*seen, (path, name)])
        below = {key: value for key, value in below.items() if key != "extends"}
        result = merged(below, {key: value for key, value in service.items() if key != "extends"})
        table = Table(result)
        table.file, table.lines = service.file, service.lines
        return table
