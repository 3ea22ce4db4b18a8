"""Images between the store's values and Docker's JSON."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import msgspec

from wherry.errors import Invalid
from wherry.oci import RunConfig, parse_reference
from wherry.store.images import Image

from .models import (
    ContainerConfig,
    Empty,
    GraphDriver,
    Healthcheck,
    ImageInspect,
    ImageMetadata,
    ImageRootFS,
    ImageSummary,
)
from .moments import parse_moment, rfc3339

_HEALTH_FIELDS = tuple(field.name for field in msgspec.structs.fields(Healthcheck))


def seconds(image: Image) -> int:
    """When it was made, in seconds since 1970; 0 when it does not say."""
    try:
        return int(parse_moment(image.config.created)) if image.config.created else 0
    except Invalid:
        return 0


def familiar(name: str) -> str:
    """A canonical name the way people write it."""
    return parse_reference(name).familiar


def summary(image: Image, containers: int, references: Sequence[str] | None) -> ImageSummary:
    """One line of `images`; with a reference filter only the names that match it."""
    tags = [familiar(name) for name in image.tags]
    digests = [familiar(name) for name in image.digests]
    if references:
        tags = [tag for tag in tags if _matches(tag, references)]
        digests = [digest for digest in digests if _matches(digest, references)]
    return ImageSummary(
        id=image.id,
        parent_id=image.parent,
        repo_tags=tags,
        repo_digests=digests,
        created=seconds(image),
        size=image.size,
        virtual_size=image.size,
        labels=image.config.config.labels,
        containers=containers,
    )


def matches_any(image: Image, references: Sequence[str]) -> bool:
    """Whether one of its names matches one of the patterns."""
    return any(_matches(familiar(name), references) for name in (*image.tags, *image.digests))


def _matches(name: str, references: Sequence[str]) -> bool:
    repository = name.partition("@")[0]
    if "/" not in repository.rpartition(":")[2]:
        repository = repository.rpartition(":")[0] or repository
    return any(
        fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(repository, pattern)
        for pattern in references
    )


def inspect(image: Image) -> ImageInspect:
    """All about one image."""
    config = image.config
    return ImageInspect(
        id=image.id,
        repo_tags=[familiar(name) for name in image.tags],
        repo_digests=[familiar(name) for name in image.digests],
        parent=image.parent,
        comment=config.comment or (config.history[-1].comment if config.history else ""),
        created=config.created or rfc3339(0),
        docker_version=config.docker_version,
        author=config.author,
        config=run_config(config.config),
        architecture=config.architecture,
        variant=config.variant,
        os=config.os,
        os_version=config.os_version,
        size=image.size,
        virtual_size=image.size,
        graph_driver=GraphDriver(name="overlay", data=None),
        root_fs=ImageRootFS(layers=list(image.layers)),
        metadata=ImageMetadata(last_tag_time=rfc3339(image.added)),
    )


def run_config(config: RunConfig) -> ContainerConfig:
    """An image's defaults as Docker's `Config`."""
    health = config.healthcheck
    return ContainerConfig(
        user=config.user,
        exposed_ports={port: Empty() for port in config.exposed_ports} if config.exposed_ports else None,
        env=config.env,
        cmd=config.cmd,
        entrypoint=config.entrypoint,
        healthcheck=(
            Healthcheck(**{name: getattr(health, name) for name in _HEALTH_FIELDS})
            if health is not None
            else None
        ),
        args_escaped=config.args_escaped,
        volumes={path: Empty() for path in config.volumes} if config.volumes else None,
        working_dir=config.working_dir,
        on_build=config.on_build,
        labels=config.labels,
        stop_signal=config.stop_signal,
        stop_timeout=config.stop_timeout,
        shell=config.shell,
    )
