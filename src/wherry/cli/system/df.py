"""`wherry system df`: what disk space goes into."""

from __future__ import annotations

import time

from wherry.cli.command import Command, Invocation
from wherry.cli.container.row import HEADINGS, container_row
from wherry.cli.format.human import duration, short_id, size
from wherry.cli.format.listing import print_listing
from wherry.cli.volume.ls import volume_row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COLUMNS = (
    ("TYPE", "Type"),
    ("TOTAL", "TotalCount"),
    ("ACTIVE", "Active"),
    ("SIZE", "Size"),
    ("RECLAIMABLE", "Reclaimable"),
)


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    usage = invocation.client.get("/system/df")
    images, containers = usage.get("Images") or [], usage.get("Containers") or []
    volumes, cache = usage.get("Volumes") or [], usage.get("BuildCache") or []
    if flags.on("verbose") and not flags.text("format"):
        _verbose(images, containers, volumes, cache)
        return 0
    rows = [
        _images(images, usage.get("LayersSize") or 0),
        _containers(containers),
        _volumes(volumes),
        _cache(cache),
    ]
    print_listing(rows, _COLUMNS, flags.text("format"))
    return 0


def _row(kind: str, total: int, active: int, used: int, free: int, share: bool) -> dict[str, str]:
    reclaimable = size(free, 4)
    if share and used > 0:
        reclaimable += f" ({free * 100 // used}%)"
    return {
        "Type": kind,
        "TotalCount": str(total),
        "Active": str(active),
        "Size": size(used, 4),
        "Reclaimable": reclaimable,
    }


def _images(images: list[dict[str, Any]], layers: int) -> dict[str, str]:
    used = 0  # what containers hold on to; an image whose share is not known does not count
    for image in images:
        bulk, shared = image.get("Size", -1), image.get("SharedSize", -1)
        if image.get("Containers", 0) != 0 and bulk >= 0 and shared >= 0:
            used += bulk - shared
    free = layers - used
    active = sum(image.get("Containers", 0) > 0 for image in images)
    return _row("Images", len(images), active, layers, max(0, free), True)


def _containers(containers: list[dict[str, Any]]) -> dict[str, str]:
    busy = ("running", "paused", "restarting")
    used = sum(container.get("SizeRw") or 0 for container in containers)
    idle = [container for container in containers if container.get("State") not in busy]
    free = sum(container.get("SizeRw") or 0 for container in idle)
    return _row("Containers", len(containers), len(containers) - len(idle), used, free, True)


def _volumes(volumes: list[dict[str, Any]]) -> dict[str, str]:
    usages = [volume.get("UsageData") or {} for volume in volumes]
    used = sum(max(0, usage.get("Size", 0)) for usage in usages)
    free = sum(max(0, usage.get("Size", 0)) for usage in usages if not usage.get("RefCount"))
    active = sum(usage.get("RefCount", 0) > 0 for usage in usages)
    return _row("Local Volumes", len(volumes), active, used, free, True)


def _cache(cache: list[dict[str, Any]]) -> dict[str, str]:
    used = sum(entry.get("Size", 0) for entry in cache if not entry.get("Shared"))
    free = sum(entry.get("Size", 0) for entry in cache if not entry.get("Shared") and not entry.get("InUse"))
    active = sum(bool(entry.get("InUse")) for entry in cache)
    return _row("Build Cache", len(cache), active, used, free, False)


def _verbose(images: Any, containers: Any, volumes: Any, cache: Any) -> None:
    print("Images space usage:\n")
    print_listing(
        [_image_row(image) for image in images],
        (
            *(("REPOSITORY", "Repository"), ("TAG", "Tag"), ("IMAGE ID", "ID"), ("CREATED", "CreatedSince")),
            *(("SIZE", "Size"), ("SHARED SIZE", "SharedSize"), ("UNIQUE SIZE", "UniqueSize")),
            ("CONTAINERS", "Containers"),
        ),
    )
    print("\nContainers space usage:\n")
    members = ("ID", "Image", "Command", "LocalVolumes", "Size", "RunningFor", "Status", "Names")
    rows = [container_row(container, truncate=True) for container in containers]
    for row in rows:
        row["RunningFor"] = row["RunningFor"]()
    print_listing(rows, tuple((HEADINGS[member], member) for member in members))
    print("\nLocal Volumes space usage:\n")
    print_listing(
        [volume_row(volume) for volume in volumes],
        (("VOLUME NAME", "Name"), ("LINKS", "Links"), ("SIZE", "Size")),
    )
    total = sum(entry.get("Size", 0) for entry in cache if not entry.get("Shared"))
    print(f"\nBuild cache usage: {size(total, 4)}\n")
    print_listing(
        [_cache_row(entry) for entry in cache],
        (
            *(("CACHE ID", "ID"), ("CACHE TYPE", "Type"), ("SIZE", "Size"), ("CREATED", "Created")),
            *(("LAST USED", "LastUsed"), ("USAGE", "Usage"), ("SHARED", "Shared")),
        ),
    )


def _image_row(image: dict[str, Any]) -> dict[str, str]:
    tags = [tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]
    name, _, tag = (tags[0] if tags else "<none>:<none>").rpartition(":")
    bulk, shared = image.get("Size", 0), max(0, image.get("SharedSize", 0))
    return {
        "Repository": name,
        "Tag": tag,
        "ID": short_id(image["Id"]),
        "CreatedSince": f"{duration(time.time() - image.get('Created', 0))} ago",
        "Size": size(bulk),
        "SharedSize": size(shared, 4),
        "UniqueSize": size(bulk - shared, 4),
        "Containers": str(image.get("Containers", 0)),
    }


def _cache_row(entry: dict[str, Any]) -> dict[str, str]:
    return {
        "ID": short_id(entry.get("ID", "")),
        "Type": entry.get("Type", ""),
        "Size": size(entry.get("Size", 0)),
        "Created": _since(entry.get("CreatedAt")),
        "LastUsed": _since(entry.get("LastUsedAt")),
        "Usage": str(entry.get("UsageCount", 0)),
        "Shared": str(bool(entry.get("Shared"))).lower(),
    }


def _since(text: str | None) -> str:
    from wherry.cli.format.times import parse_rfc3339

    return f"{duration(time.time() - parse_rfc3339(text))} ago" if text else ""


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("verbose", "v", "bool", "Image by image, container by container", ""),
        ("format", "", "text:FORMAT", "table, json, or a template", ""),
    ),
)
