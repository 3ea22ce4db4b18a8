"""The short syntaxes of a service brought into their long forms, so that one form is merged and checked."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from typing import Any

from wherry.compose.shapes import text as plain
from wherry.compose.source import Override, Reset, Table
from wherry.errors import Invalid

_LISTS = (
    *("dns", "dns_search", "dns_opt", "tmpfs", "cap_add", "cap_drop", "security_opt", "group_add"),
    *("external_links", "links", "volumes_from", "device_cgroup_rules", "profiles", "expose"),
)
ACTIONS = ("sync", "rebuild", "restart", "sync+restart", "sync+exec")
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
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError) as error:
            raise Invalid(f"{key}: invalid value {inner!r:.80}: {error}") from None
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
        return [plain(item) for item in (value if isinstance(value, list) else [value])]
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
            if separator != "=" and name in found:
                rest = f"{found[name]},{rest}"
            found[name] = rest if cut else None
        return found
    for name, item in value.items():
        found[name] = item if isinstance(item, (Reset, Override)) else _text(item)
    return found


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return None if value is None else plain(value)


def _absolute(path: str, folder: str) -> str:
    path = os.path.expanduser(path)
    return os.path.normpath(os.path.join(folder, path))


def _build(value: Any, folder: str) -> Any:
    build = dict(value) if isinstance(value, dict) else {"context": value}
    context = str(build.get("context", "."))
    build["context"] = context if "://" in context else _absolute(context, folder)
    for key in ("args", "labels", "additional_contexts", "extra_hosts"):
        if build.get(key):
            build[key] = mapping(build[key], ":" if key == "extra_hosts" else "=")
    for key, value in (build.get("additional_contexts") or {}).items():
        if "://" not in str(value) and not str(value).startswith(("service:", "git@")):
            build["additional_contexts"][key] = _absolute(str(value), folder)
    for key in ("cache_from", "cache_to", "tags", "platforms"):
        if build.get(key):
            build[key] = _texts(build[key], folder)
    if build.get("secrets"):
        build["secrets"] = _configs(build["secrets"], folder)
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
            entry = {**item, "protocol": item.get("protocol", "tcp"), "mode": item.get("mode", "ingress")}
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
    for step in sorted(range(last - first + 1), key=lambda step: str(first + step)):
        entry: dict[str, Any] = {
            "mode": "ingress",
            "target": first + step,
            "protocol": (match["kind"] or "tcp").lower(),
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
        if "target" not in entry or "type" not in entry:
            raise Invalid("a volume in the long form has a type and a target")
        if entry["type"] == "bind":
            if not entry.get("source"):
                raise Invalid("a volume of type bind has a source")
            entry["source"] = _absolute(str(entry["source"]), folder)
        entry["target"] = posixpath.normpath(str(entry["target"]))
        return entry
    parts = str(item).split(":")
    if len(parts) > 3 or not all(parts):
        raise Invalid(f"invalid volume {item!r}")
    if len(parts) == 1:
        place = {"type": "volume", "target": posixpath.normpath(parts[0])}
        return place if len(parts[0]) <= 2 else {**place, "volume": {}}
    source, target, *rest = parts
    options = rest[0].split(",") if rest else []
    entry = {"type": "volume", "source": source, "target": posixpath.normpath(target)}
    if source[0] not in "./~":
        entry["volume"] = {}
    else:
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
        return {str(name): None for name in value}
    return {name: dict(item) if isinstance(item, dict) else item for name, item in value.items()}


def _depends_on(value: Any, _folder: str) -> dict[str, Any]:
    entries = {str(name): {} for name in value} if isinstance(value, list) else value
    plain = {"condition": "service_started", "required": True}
    return {name: {**plain, **(entry or {})} for name, entry in entries.items()}


def _configs(value: Any, _folder: str) -> list[dict[str, Any]]:
    found = [dict(item) if isinstance(item, dict) else {"source": plain(item)} for item in value]
    for entry in found:
        if not isinstance(entry.get("source"), str):
            raise Invalid("an entry in the long form has a source")
    return found


def _secrets(value: Any, folder: str) -> list[dict[str, Any]]:
    return [{"target": f"/run/secrets/{item['source']}", **item} for item in _configs(value, folder)]


def _ulimits(value: Any, _folder: str) -> dict[str, Any]:
    return {name: dict(item) if isinstance(item, dict) else int(item) for name, item in value.items()}


def _healthcheck(value: Any, _folder: str) -> dict[str, Any]:
    check = dict(value)
    test = check.get("test")
    if isinstance(test, str):
        check["test"] = ["CMD-SHELL", test]
    elif test and test[0] not in ("CMD", "CMD-SHELL", "NONE"):
        raise Invalid('test must start either by "CMD", "CMD-SHELL" or "NONE"')
    return check


def _logging(value: Any, _folder: str) -> dict[str, Any]:
    found = dict(value)
    if found.get("options"):
        found["options"] = {name: plain(item) for name, item in found["options"].items()}
    return found


def _hooks(value: Any, _folder: str) -> list[dict[str, Any]]:
    return [_hook(item) for item in value]


def _hook(value: Any) -> dict[str, Any]:
    hook = dict(value)
    command = hook.get("command")
    hook["command"] = shlex.split(command) if isinstance(command, str) else list(map(str, command or ()))
    if not hook["command"]:
        raise Invalid("a hook has a command")
    if "environment" in hook:
        hook["environment"] = mapping(hook["environment"])
    return hook


def _develop(value: Any, folder: str) -> dict[str, Any]:
    return {**value, "watch": [_trigger(item, folder) for item in value.get("watch") or ()]}


def _trigger(value: Any, folder: str) -> dict[str, Any]:
    trigger = dict(value)
    if trigger.get("action") not in ACTIONS:
        raise Invalid(f"unknown action {trigger.get('action')!r} of watch", hint=", ".join(ACTIONS))
    if "path" not in trigger:
        raise Invalid("an entry of watch has a path")
    if not trigger.get("target") and trigger["action"] not in ("rebuild", "restart"):
        raise Invalid("target is required for non-rebuild actions")
    trigger["path"] = _absolute(str(trigger["path"]), folder)
    for key in ("include", "ignore"):
        if key in trigger:
            trigger[key] = _texts(trigger[key], folder)
    if trigger.get("exec"):
        trigger["exec"] = _hook(trigger["exec"])
    elif trigger["action"] == "sync+exec":
        raise Invalid("sync+exec wants exec: with a command")
    return trigger


def _label_files(value: Any, folder: str) -> list[str]:
    return [_absolute(path, folder) for path in _texts(value, folder)]


def _extends(value: Any, _folder: str) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {"service": value}


def _devices(value: Any, _folder: str) -> list[dict[str, Any]]:
    found = []
    for item in value:
        if isinstance(item, dict):
            if not isinstance(item.get("source"), str):
                raise Invalid("a device in the long form has a source")
            found.append(dict(item))
            continue
        source, _, rest = str(item).partition(":")
        target, _, mode = rest.partition(":")
        found.append({"source": source, "target": target or source, "permissions": mode or "rwm"})
    return found


def _texts(value: Any, _folder: str) -> list[str]:
    return [plain(item) for item in (value if isinstance(value, list) else [value])]


_FORMS = {
    "build": _build,
    "env_file": _env_file,
    "ports": _ports,
    "volumes": _volumes,
    "networks": _networks,
    "depends_on": _depends_on,
    "secrets": _secrets,
    "configs": _configs,
    "ulimits": _ulimits,
    "healthcheck": _healthcheck,
    "extends": _extends,
    "devices": _devices,
    "logging": _logging,
    "post_start": _hooks,
    "pre_stop": _hooks,
    "develop": _develop,
    "label_file": _label_files,
}
