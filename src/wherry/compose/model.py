"""An application as its files describe it, all short forms resolved: typed values, nothing alive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from wherry.compose.interpolation import Variable


@dataclass(frozen=True)
class Dependency:
    """`condition`: service_started, service_healthy or service_completed_successfully."""

    condition: str = "service_started"
    required: bool = True
    restart: bool = False


@dataclass
class Service:
    """One service. `fields` are the specification's members in their long forms, checked by `schema`.

    `unset`: variables that are named without a value and have none outside, so that the image's do not count.
    """

    name: str
    fields: dict[str, Any]
    environment: dict[str, str]
    depends_on: dict[str, Dependency] = field(default_factory=dict)
    profiles: list[str] = field(default_factory=list)
    scale: int = 1
    unset: list[str] = field(default_factory=list)

    @property
    def image(self) -> str:
        return str(self.fields.get("image") or "")

    @property
    def build(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.fields.get("build")
        return found

    @property
    def container_name(self) -> str:
        return str(self.fields.get("container_name") or "")


@dataclass
class Resource:
    """A network or volume: `key` in the files, `name` at the engine."""

    key: str
    name: str
    external: bool
    fields: dict[str, Any]


@dataclass
class Content:
    """A secret or config: a file of this machine, or content that is put into containers."""

    key: str
    file: str = ""
    content: str | None = None


@dataclass
class Project:
    """A loaded application. `services` are those whose profiles are chosen, `others` the rest.

    `variables` are those that the files were read with, `mentioned` those that the files name.
    """

    name: str
    folder: str
    files: list[str]
    services: dict[str, Service]
    others: dict[str, Service] = field(default_factory=dict)
    networks: dict[str, Resource] = field(default_factory=dict)
    volumes: dict[str, Resource] = field(default_factory=dict)
    secrets: dict[str, Content] = field(default_factory=dict)
    configs: dict[str, Content] = field(default_factory=dict)
    env_files: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    mentioned: list[Variable] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
