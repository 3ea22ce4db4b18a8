"""A container of a list, as `ps` shows it: the members that its columns and templates may name."""

from __future__ import annotations

import time

from wherry.cli.format.human import duration, ellipsis, short_id, size
from wherry.cli.format.quoting import quoted
from wherry.cli.format.times import local
from wherry.client.reference import split_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEADINGS = {
    "ID": "CONTAINER ID",
    "Names": "NAMES",
    "Image": "IMAGE",
    "Command": "COMMAND",
    "CreatedAt": "CREATED AT",
    "RunningFor": "CREATED",
    "Ports": "PORTS",
    "State": "STATE",
    "Status": "STATUS",
    "Size": "SIZE",
    "Labels": "LABELS",
    "Mounts": "MOUNTS",
    "LocalVolumes": "LOCAL VOLUMES",
    "Networks": "NETWORKS",
    "Platform": "PLATFORM",
    "GivenUp": "GIVEN UP",
}


def container_row(entry: dict[str, Any], *, truncate: bool) -> dict[str, Any]:
    """The members of one entry of `GET /containers/json`."""
    labels = entry.get("Labels") or {}
    mounts = entry.get("Mounts") or []
    networks = (entry.get("NetworkSettings") or {}).get("Networks") or {}
    created = entry.get("Created", 0)
    return {
        "ID": entry["Id"][:12] if truncate else entry["Id"],
        "Names": _names(entry.get("Names") or [], truncate),
        "Image": _image(entry, truncate),
        "Command": _command(entry.get("Command", ""), truncate),
        "CreatedAt": lambda: local(created),
        "RunningFor": lambda: f"{duration(time.time() - created)} ago",
        "Ports": lambda: ports(entry.get("Ports") or []),
        "State": entry.get("State", ""),
        "Status": entry.get("Status", ""),
        "Size": lambda: _size(entry),
        "Labels": ",".join(f"{name}={labels[name]}" for name in sorted(labels)),
        "Label": lambda name: labels.get(name, ""),
        "Mounts": ",".join(_mount(mount, truncate) for mount in mounts),
        "Platform": _platform(entry),
        "LocalVolumes": str(sum(mount.get("Driver") == "local" for mount in mounts)),
        "Networks": ",".join(networks),
        "GivenUp": ", ".join(dict.fromkeys(map(_subject, entry.get("WherryGivenUp") or ()))),
    }


def _subject(sentence: str) -> str:
    """`processes: sees all of this machine (--pid host)` is about processes."""
    return sentence.partition(":")[0]


def _platform(entry: dict[str, Any]) -> dict[str, Any] | None:
    platform: dict[str, Any] | None = (entry.get("ImageManifestDescriptor") or {}).get("platform")
    return platform


def _names(names: list[str], truncate: bool) -> str:
    plain = [name.removeprefix("/") for name in names]
    if truncate:
        plain = [name for name in plain if "/" not in name]  # those with a slash are links to it
    return ",".join(plain)


def _image(entry: dict[str, Any], truncate: bool) -> str:
    image: str = entry.get("Image", "")
    if not image:
        return "<no image>"
    if not truncate:
        return image
    if short_id(image) == short_id(entry.get("ImageID", "")):
        return short_id(image)
    name, tag, digest = split_reference(image)
    if digest:
        return f"{name}:{tag}" if tag else name
    return image


def _command(command: str, truncate: bool) -> str:
    return quoted(ellipsis(command, 20) if truncate else command)


def _mount(mount: dict[str, Any], truncate: bool) -> str:
    name: str = mount.get("Name") or mount.get("Source", "")
    return ellipsis(name, 15) if truncate else name


def _size(entry: dict[str, Any]) -> str:
    text = size(entry.get("SizeRw") or 0)
    whole = entry.get("SizeRootFs") or 0
    return f"{text} (virtual {size(whole)})" if whole > 0 else text


def ports(entries: list[dict[str, Any]]) -> str:
    """Ports in few words: neighbours in one range, `0.0.0.0:80-81->80-81/tcp, 53/udp`."""
    entries = sorted(
        entries,
        key=lambda port: (
            port.get("PrivatePort", 0),
            port.get("IP", ""),
            port.get("PublicPort", 0),
            port.get("Type", ""),
        ),
    )
    ranges: dict[str, tuple[int, int]] = {}
    shown: list[str] = []
    apart: list[str] = []
    for port in entries:
        private, protocol = port["PrivatePort"], port.get("Type", "tcp")
        key = protocol
        address, public = port.get("IP", ""), port.get("PublicPort", 0)
        if address:
            if public != private:
                apart.append(f"{_host(address, public)}->{private}/{protocol}")
                continue
            key = f"{address}/{protocol}"
        first, last = ranges.get(key, (0, 0))
        if not first:
            ranges[key] = (private, private)
        elif private == last + 1:
            ranges[key] = (first, private)
        else:
            shown.append(_range(key, first, last))
            ranges[key] = (private, private)
    shown += [_range(key, *ranges[key]) for key in sorted(ranges)]
    return ", ".join(apart + shown)


def _host(address: str, port: int | str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _range(key: str, first: int, last: int) -> str:
    address, slash, protocol = key.rpartition("/")
    numbers = str(first) if first == last else f"{first}-{last}"
    if slash:
        return f"{_host(address, numbers)}->{numbers}/{protocol}"
    return f"{numbers}/{protocol}"
