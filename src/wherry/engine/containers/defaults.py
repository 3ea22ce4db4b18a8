"""What an image's configuration fills in where the user said nothing."""

from __future__ import annotations

import msgspec

from wherry.errors import Invalid
from wherry.oci import RunConfig

from ..models import ContainerConfig, Empty, Healthcheck

_FIELDS = ContainerConfig.__struct_fields__


def with_image_defaults(asked: ContainerConfig, image: RunConfig) -> ContainerConfig:
    """The container's whole configuration; `asked` is not changed.

    An entry point of the user's makes the image's command void; `[""]` takes the entry point away.
    Environment variables, labels, ports and volumes are united, the user's first. Raises `Invalid`
    ("no command specified").
    """
    config = ContainerConfig(**{name: getattr(asked, name) for name in _FIELDS})
    if not config.entrypoint:
        if not config.cmd:
            config.cmd = list(image.cmd) if image.cmd else None
            config.args_escaped = image.args_escaped
        if config.entrypoint is None:
            config.entrypoint = list(image.entrypoint) if image.entrypoint else None
    if config.entrypoint == [""]:
        config.entrypoint = None
    if not config.cmd and not config.entrypoint:
        raise Invalid("no command specified", hint="name the command to run after the image")
    config.env = merged_environment(image.env, config.env)
    config.user = config.user or image.user
    config.working_dir = config.working_dir or image.working_dir
    if image.labels:
        config.labels = {**image.labels, **(config.labels or {})}
    elif config.labels is None:
        config.labels = {}
    if image.exposed_ports:
        config.exposed_ports = {
            **{_with_protocol(port): Empty() for port in image.exposed_ports},
            **(config.exposed_ports or {}),
        }
    if image.volumes:
        config.volumes = {**{path: Empty() for path in image.volumes}, **(config.volumes or {})}
    config.stop_signal = config.stop_signal or image.stop_signal
    if config.stop_timeout is None:
        config.stop_timeout = image.stop_timeout
    config.shell = config.shell or image.shell
    config.healthcheck = _healthcheck(config.healthcheck, image)
    return config


def merged_environment(base: list[str] | None, over: list[str] | None) -> list[str]:
    """The image's variables with the user's over them. A name without `=`, which takes the variable away
    when a process starts, stays to be seen, as in Docker."""
    merged: dict[str, str] = {}
    for item in (*(base or ()), *(over or ())):
        name = item.partition("=")[0]
        if not name:
            raise Invalid(f"invalid environment variable: {item}")
        merged[name] = item
    return list(merged.values())


def command_line(config: ContainerConfig) -> tuple[str, list[str]]:
    """The program and its arguments: what `inspect` calls Path and Args."""
    line = [*(config.entrypoint or ()), *(config.cmd or ())]
    return line[0], line[1:]


def _healthcheck(asked: Healthcheck | None, image: RunConfig) -> Healthcheck | None:
    if image.healthcheck is None:
        return asked
    default = Healthcheck(**{name: getattr(image.healthcheck, name) for name in _HEALTH_FIELDS})
    if asked is None:
        return default
    if asked.test:
        default.test = asked.test
    for name in _HEALTH_FIELDS[1:]:
        setattr(default, name, getattr(asked, name) or getattr(default, name))
    return default


_HEALTH_FIELDS = tuple(field.name for field in msgspec.structs.fields(Healthcheck))


def _with_protocol(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"
