"""`wherry images`: the images."""

from __future__ import annotations

import time

from wherry.cli.command import Command, Invocation
from wherry.cli.filters import parse_filters
from wherry.cli.format.human import duration, short_id, size
from wherry.cli.format.listing import print_listing
from wherry.cli.format.times import local
from wherry.client.api import query

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_COLUMNS = (
    ("REPOSITORY", "Repository"),
    ("TAG", "Tag"),
    ("IMAGE ID", "ID"),
    ("CREATED", "CreatedSince"),
    ("SIZE", "Size"),
)
_HEADINGS = {
    "Digest": "DIGEST",
    "CreatedAt": "CREATED AT",
    "VirtualSize": "SIZE",
    "SharedSize": "SHARED SIZE",
    "UniqueSize": "UNIQUE SIZE",
    "Containers": "CONTAINERS",
}


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    form = flags.text("format")
    filters = parse_filters(flags.every("filter"))
    if invocation.arguments:
        filters.setdefault("reference", []).append(invocation.arguments[0])
    options = query(all=flags.on("all"), filters=filters, digests=flags.on("digests") or ".Digest" in form)
    entries = invocation.client.get(f"/images/json{options}")
    truncate = not flags.on("no-trunc")
    rows = [row for entry in entries for row in _rows(entry, truncate, flags.on("digests"))]
    if flags.on("quiet") and form in ("", "table"):
        for row in rows:
            print(row["ID"])
        return 0
    columns: tuple[tuple[str, str], ...] = _COLUMNS
    if flags.on("digests"):
        columns = (*_COLUMNS[:2], ("DIGEST", "Digest"), *_COLUMNS[2:])
    print_listing(rows, columns, form, headings=_HEADINGS)
    return 0


def _rows(entry: dict[str, Any], truncate: bool, with_digests: bool) -> Iterator[dict[str, Any]]:
    """One row for each tag; with digests, for each of its digests; one of <none> when there is no tag."""
    tags = [tag for tag in entry.get("RepoTags") or () if tag != "<none>:<none>"]
    digests = [digest for digest in entry.get("RepoDigests") or () if digest != "<none>@<none>"]
    by_name: dict[str, list[str]] = {}
    for digest in digests:
        name, _, value = digest.partition("@")
        by_name.setdefault(name, []).append(value)
    seen = set()
    for tag in tags:
        name, _, version = tag.rpartition(":")
        seen.add(name)
        for digest in (by_name.get(name) or ["<none>"]) if with_digests else ["<none>"]:
            yield _row(entry, truncate, name, version, digest)
    for name, values in by_name.items():
        if name not in seen:
            for digest in values if with_digests else ["<none>"]:
                yield _row(entry, truncate, name, "<none>", digest)
    if not tags and not digests:
        yield _row(entry, truncate, "<none>", "<none>", "<none>")


def _row(entry: dict[str, Any], truncate: bool, name: str, tag: str, digest: str) -> dict[str, Any]:
    created = entry.get("Created", 0)
    bulk = entry.get("Size", 0)
    shared, containers = entry.get("SharedSize", -1), entry.get("Containers", -1)
    return {
        "Repository": name,
        "Tag": tag,
        "Digest": digest,
        "ID": short_id(entry["Id"]) if truncate else entry["Id"],
        "CreatedSince": lambda: f"{duration(time.time() - created)} ago" if created > 0 else "N/A",
        "CreatedAt": lambda: local(created) if created > 0 else "N/A",
        "Size": size(bulk),
        "VirtualSize": size(bulk, 4),
        "SharedSize": size(shared, 4) if shared >= 0 else "N/A",
        "UniqueSize": size(bulk - shared, 4) if shared >= 0 else "N/A",
        "Containers": str(containers) if containers >= 0 else "N/A",
    }


COMMAND = Command(
    run,
    usage="[OPTIONS] [REPOSITORY[:TAG]]",
    maximum=1,
    flags=(
        ("all", "a", "bool", "Also those that are only steps to others", ""),
        ("filter", "f", "list:NAME=VALUE", "Only some: reference=, dangling=, label=, before=, since=", ""),
        ("quiet", "q", "bool", "Only their ids", ""),
        ("digests", "", "bool", "Show digests", ""),
        ("no-trunc", "", "bool", "Nothing cut short", ""),
        ("format", "", "text:FORMAT", "table, json, or a template: '{{.Repository}} {{.Size}}'", ""),
    ),
)
