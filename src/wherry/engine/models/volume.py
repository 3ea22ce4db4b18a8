"""Volumes as the API shows them."""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from .wire import Wire


class VolumeUsage(Wire):
    """Bytes, and how many containers refer to it; -1 when not computed."""

    size: int = -1
    ref_count: int = -1


class Volume(Wire):
    omit_empty: ClassVar[frozenset[str]] = frozenset({"UsageData", "Status"})

    created_at: str = ""
    driver: str = "local"
    labels: dict[str, str] | None = None
    mountpoint: str = ""
    name: str = ""
    options: dict[str, str] | None = None
    scope: str = "local"
    usage_data: VolumeUsage | None = None


class VolumeCreate(Wire):
    """Body of `POST /volumes/create`; no name makes an anonymous volume."""

    name: str = ""
    driver: str = ""
    driver_opts: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class VolumeList(Wire):
    volumes: list[Volume] = field(default_factory=list)
    warnings: list[str] | None = None


class VolumesPruned(Wire):
    volumes_deleted: list[str] | None = None
    space_reclaimed: int = 0
