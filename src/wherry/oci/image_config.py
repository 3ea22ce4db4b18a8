"""The image configuration (OCI image-spec 1.1, config.md, with Docker's additions).

The id of an image is the digest of exactly these bytes, so what was received is kept as received; these
types are for reading it and for writing new ones.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wherry.errors import Invalid
from wherry.oci.digest import check_digest

__all__ = [
    "Healthcheck",
    "History",
    "ImageConfig",
    "RootFS",
    "RunConfig",
    "encode_image_config",
    "parse_image_config",
]

MAX_CONFIG = 8 * 1024 * 1024


class Healthcheck(msgspec.Struct, omit_defaults=True, rename="pascal"):
    """How to ask a container whether it is well; durations in nanoseconds, 0 meaning the default."""

    test: list[str] | None = None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class RunConfig(msgspec.Struct, omit_defaults=True, rename="pascal"):
    """What a container of the image gets unless told otherwise."""

    user: str = ""
    exposed_ports: dict[str, dict[str, Any]] | None = None
    env: list[str] | None = None
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    healthcheck: Healthcheck | None = None
    args_escaped: bool = False
    volumes: dict[str, dict[str, Any]] | None = None
    working_dir: str = ""
    labels: dict[str, str] | None = None
    on_build: list[str] | None = None
    stop_signal: str = ""
    stop_timeout: int | None = None
    shell: list[str] | None = None


class RootFS(msgspec.Struct):
    """The layers, lowest first, by the digests of their uncompressed archives."""

    type: str = "layers"
    diff_ids: list[str] = []


class History(msgspec.Struct, omit_defaults=True):
    """How one layer (or, with `empty_layer`, none) came about; oldest first."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class ImageConfig(msgspec.Struct, omit_defaults=True):
    architecture: str = ""
    os: str = "linux"
    rootfs: RootFS = msgspec.field(default_factory=RootFS)
    config: RunConfig = msgspec.field(default_factory=RunConfig)
    created: str = ""
    author: str = ""
    history: list[History] = []
    variant: str = ""
    os_version: str = msgspec.field(name="os.version", default="")
    os_features: list[str] = msgspec.field(name="os.features", default_factory=list)
    comment: str = ""
    docker_version: str = ""


def parse_image_config(data: bytes) -> ImageConfig:
    """The configuration in `data`; raises Invalid when it is malformed."""
    if len(data) > MAX_CONFIG:
        raise Invalid(f"image configuration of {len(data)} bytes is larger than {MAX_CONFIG}")
    try:
        fields = msgspec.json.decode(data)
        if not isinstance(fields, dict) or "rootfs" not in fields:
            raise Invalid("image configuration has no rootfs")
        config = msgspec.convert(_without_nulls(_with_full_sets(fields)), ImageConfig)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"malformed image configuration: {error}") from error
    if config.rootfs.type != "layers":
        raise Invalid(f"unsupported rootfs type {config.rootfs.type[:60]!r}")
    for diff_id in config.rootfs.diff_ids:
        check_digest(diff_id)
    return config


def encode_image_config(config: ImageConfig) -> bytes:
    """The bytes of `config`, the same for the same value; their digest is the image's id."""
    fields = msgspec.to_builtins(config)
    fields.setdefault("os", config.os)
    fields["rootfs"] = {"type": "layers", "diff_ids": config.rootfs.diff_ids}
    fields.setdefault("config", {})
    return msgspec.json.encode(fields, order="deterministic")


def _with_full_sets(fields: dict[str, Any]) -> dict[str, Any]:
    # A set is a map whose values mean nothing; some writers put null there, which is no absence.
    run = fields.get("config")
    if not isinstance(run, dict):
        return fields
    sets = {name: run[name] for name in ("ExposedPorts", "Volumes") if isinstance(run.get(name), dict)}
    full: dict[str, Any] = {name: {key: {} for key in members} for name, members in sets.items()}
    return {**fields, "config": {**run, **full}}


def _without_nulls(value: Any) -> Any:
    # Docker writes null for empty lists, maps and strings alike.
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
