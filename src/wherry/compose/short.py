"""The short syntaxes of a service brought into their long forms, so that one form is merged and checked."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

from wherry.compose.source import Override, Reset, Table
from wherry.errors import Invalid

_LISTS = (
    *("dns", "dns_search", "dns_opt", "tmpfs", "cap_add", "cap_drop", "security_opt", "group_add"),
    *("external_links", "links", "volumes_from", "device_cgroup_rules", "profiles"),
)
_MAPS = ("environment", "labels", "annotations", "sysctls", "extra_hosts", "storage_opt")
_PORT = re.compile(
    r"(?:(?P<ip>\[[^\]]*\]|[^:\[\]]*):)?(?:(?P<host>[\d-]*):)?(?P<port>[\d-]+)(?:/(?P<kind>\w+))?"
)


def lengthen(service: Table, folder: str) -> None:
    """Bring a service into its long form, in place; relative paths are from `folder`. Raises Invalid."""
    for key, value in list(service.items()):
        if isinstance(value, Reset):
            continue
        inner = value.value if isinstance(value, Override) else value
        try:
            long = _long(key, inner, folder)
        except (ValueError, TypeError, AttributeError) as error:
            raise Invalid(f"{key}: {error}") from None
        except Invalid as error:
            raise Invalid(f"{key}: {error.message}", hint=error.hint) from None
        service[key] = Override(long) if isinstance(value, Override) else long


def _long(key: str, value: Any, folder: str) -> Any:
    if value is None:
        return {} if key in ("networks", *_MAPS) else None
    if key in ("command", "entrypoint"):
        return shlex.split(value) if isinstance(value, str) else [str(word) for word in value]
    if key in _MAPS:
        return mapping(value, ":" if key == "extra_hosts" else "=")
    if key in _LISTS:
        return [str(item) for item in ([value] if isinstance(value, str) else value)]
    function = _FORMS.get(key)
    return function(value, folder) if function is not None else value


def mapping(value: Any, separator: str = "=") -> dict[str, Any]:
    """A list of `NAME=VALUE`, or a mapping, as a mapping of texts; None where there is no value."""
    found: dict[str, Any] = {}
    if isinstance(value, list):
        for item in value:
            name, cut, rest = str(item).partition("=")
            if not cut and separator != "=":
                name, cut, rest = str(item).partition(separator)
            found[name] = rest if cut else None
        return found
    for name, item in value.items():
        found[name] = item if isinstance(item, (Reset, Override)) else _text(item)
    return found


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return None if value is None else str(value)


def _absolute(path: str, folder: str) -> str:
    path = os.path.expanduser(path)
    return os.path.normpath(os.path.join(folder, path))


def _build(value: Any, folder: str) -> Any:
    build = dict(value) if isinstance(value, dict) else {"context": value}
    context = str(build.get("context", "."))
    build["context"] = context if "://" in context else _absolute(context, folder)
    for key in ("args", "labels"):
        if key in build:
            build[key] = mapping(build[key])
    return build


def _env_file(value: Any, folder: str) -> list[dict[str, Any]]:
    found = []
    for item in value if isinstance(value, list) else [value]:
        entry = dict(item) if isinstance(item, dict) else {"path": item}
        entry["path"] = _absolute(str(entry["path"]), folder)
        found.append({"required": True, **entry})
    return found


def _ports(value: Any, _folder: str) -> list[dict[str, Any]]:
    found = []
    for item in value:
        if isinstance(item, dict):
            entry = {**item, "protocol": item.get("protocol", "tcp")}
            entry["target"] = int(entry["target"])
            if entry.get("published") is not None:
                entry["published"] = str(entry["published"])
            found.append(entry)
            continue
        found += _port(str(item))
    return found


def _port(text: str) -> list[dict[str, Any]]:
    match = _PORT.fullmatch(text)
    address, host = (match["ip"], match["host"]) if match else (None, None)
    if match is None or (address and host is None and not address.replace("-", "").isdigit()):
        raise Invalid(f"invalid port {text!r}", hint="e.g. 8080:80, 127.0.0.1:8080:80/udp")
    if address and host is None:
        address, host = "", address
    first, last = _range(match["port"])
    low, high = _range(host) if host else (0, 0)
    if host and high - low != last - first and first != last:
        raise Invalid(f"invalid port {text!r}: the ranges are of different length")
    found = []
    for step in range(last - first + 1):
        entry: dict[str, Any] = {
            "mode": "ingress",
            "target": first + step,
            "protocol": match["kind"] or "tcp",
        }
        if host:
            entry["published"] = f"{low}-{high}" if first == last and low != high else str(low + step)
        if address:
            entry["host_ip"] = address.strip("[]")
        found.append(entry)
    return found


def _range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    low, high = int(first), int(last if dash else first)
    if not 0 <= low <= high <= 65535:
        raise Invalid(f"invalid port range {text!r}")
    return low, high


def _volumes(value: Any, folder: str) -> list[dict[str, Any]]:
    return [_volume(item, folder) for item in value]


def _volume(item: Any, folder: str) -> dict[str, Any]:
    if isinstance(item, dict):
        entry = dict(item)
        if entry.get("type") == "bind":
            entry["source"] = _absolute(str(entry["source"]), folder)
        return entry
    parts = str(item).split(":")
    if len(parts) > 3 or not all(parts):
        raise Invalid(f"invalid volume {item!r}")
    if len(parts) == 1:
        return {"type": "volume", "target": parts[0]}
    source, target, *rest = parts
    options = rest[0].split(",") if rest else []
    entry = {"type": "volume", "source": source, "target": target}
    if source[0] in "./~":
        entry |= {"type": "bind", "source": _absolute(source, folder), "bind": {"create_host_path": True}}
    for option in options:
        if option == "ro":
            entry["read_only"] = True
        elif option == "nocopy":
            entry["volume"] = {"nocopy": True}
        elif option in ("z", "Z"):
            entry.setdefault("bind", {})["selinux"] = option
        elif option in ("shared", "slave", "private", "rshared", "rslave", "rprivate"):
            entry.setdefault("bind", {})["propagation"] = option
        elif option not in ("rw", "cached", "delegated", "consistent"):
            raise Invalid(f"invalid volume {item!r}: unknown option {option}")
    return entry


def _networks(value: Any, _folder: str) -> dict[str, Any]:
    if isinstance(value, list):
        return {str(name): {} for name in value}
    return {name: dict(item) if isinstance(item, dict) else item or {} for name, item in value.items()}


def _depends_on(value: Any, _folder: str) -> dict[str, Any]:
    entries = {str(name): {} for name in value} if isinstance(value, list) else value
    plain = {"condition": "service_started", "required": True}
    return {name: {**plain, **(entry or {})} for name, entry in entries.items()}


def _grants(value: Any, _folder: str) -> list[dict[str, Any]]:
    return [dict(item) if isinstance(item, dict) else {"source": str(item)} for item in value]


def _ulimits(value: Any, _folder: str) -> dict[str, Any]:
    return {
        name: dict(item) if isinstance(item, dict) else {"soft": int(item), "hard": int(item)}
        for name, item in value.items()
    }


def _healthcheck(value: Any, _folder: str) -> dict[str, Any]:
    check = dict(value)
    if isinstance(check.get("test"), str):
        check["test"] = ["CMD-SHELL", check["test"]]
    return check


def _extends(value: Any, _folder: str) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {"service": value}


def _devices(value: Any, _folder: str) -> list[dict[str, Any]]:
    found = []
    for item in value:
        if isinstance(item, dict):
            found.append(dict(item))
            continue
        source, _, rest = str(item).partition(":")
        target, _, mode = rest.partition(":")
        found.append({"source": source, "target": target or source, "permissions": mode or "rwm"})
    return found


def _texts(value: Any, _folder: str) -> list[str]:
    return [str(item) for item in value]


_FORMS = {
    "build": _build,
    "env_file": _env_file,
    "ports": _ports,
    "volumes": _volumes,
    "networks": _networks,
    "depends_on": _depends_on,
    "secrets": _grants,
    "configs": _grants,
    "ulimits": _ulimits,
    "healthcheck": _healthcheck,
    "extends": _extends,
    "devices": _devices,
    "expose": _texts,
}
