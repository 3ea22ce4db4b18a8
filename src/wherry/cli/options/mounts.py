"""Files from outside: `--volume`, `--mount`, `--tmpfs` and `--device`, as Docker reads them."""

from __future__ import annotations

import os

from wherry.cli.options.quantities import parse_size
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TYPES = {"bind": "BindOptions", "volume": "VolumeOptions", "tmpfs": "TmpfsOptions", "image": "ImageOptions"}


def volumes(values: list[str]) -> tuple[list[str], dict[str, dict[str, str]]]:
    """The `Binds` and the anonymous `Volumes` of --volume.

    A source that is a relative path becomes absolute.
    """
    binds: list[str] = []
    anonymous: dict[str, dict[str, str]] = {}
    for text in values:
        parts = text.split(":")
        if len(parts) > 3:
            raise Invalid(f"invalid spec: {text}: too many colons")
        if not all(parts):
            raise Invalid(f"invalid spec: {text}: empty section between colons")
        if len(parts) == 1:
            anonymous[text] = {}
            continue
        source = parts[0]
        if source.startswith(".") or (source.startswith("/") and os.path.normpath(source) != source):
            parts[0] = os.path.abspath(source)
        binds.append(":".join(parts))
    return binds, anonymous


def tmpfs(values: list[str]) -> dict[str, str]:
    """The `Tmpfs` of --tmpfs DIR[:OPTIONS]."""
    return {path: options for path, _, options in (text.partition(":") for text in values)}


def devices(values: list[str]) -> list[dict[str, str]]:
    """The `Devices` of --device SRC[:DST][:rwm]."""
    result = []
    for text in values:
        parts = text.split(":")
        if len(parts) > 3 or not parts[0]:
            raise Invalid(f"bad format for path: {text}")
        target, mode = parts[0], "rwm"
        if len(parts) == 3:
            target, mode = parts[1], parts[2]
        elif len(parts) == 2:
            if _is_mode(parts[1]):
                mode = parts[1]
            else:
                target = parts[1]
        if not _is_mode(mode):
            raise Invalid(f"bad mode specified: {mode}")
        result.append({"PathOnHost": parts[0], "PathInContainer": target, "CgroupPermissions": mode})
    return result


def _is_mode(text: str) -> bool:
    return bool(text) and len(set(text)) == len(text) and set(text) <= set("rwm")


def mounts(values: list[str]) -> list[dict[str, Any]]:
    """The `Mounts` of --mount KEY=VALUE,…"""
    return [_mount(text) for text in values]


def _mount(text: str) -> dict[str, Any]:
    try:
        return _Mount(text).result()
    except ValueError as error:
        raise Invalid(f'invalid argument "{text}" for "--mount" flag: {error}') from None


class _Mount:
    """One --mount while it is read: what every type has, and each type's own options."""

    def __init__(self, text: str) -> None:
        self.mount: dict[str, Any] = {"Type": "volume"}
        self.options: dict[str, dict[str, Any]] = {}
        if not text:
            raise ValueError("value is empty")
        for field in fields(text):
            key, equals, value = field.partition("=")
            self._field(key.lower(), value, field, bool(equals))

    def _field(self, key: str, value: str, field: str, has_value: bool) -> None:
        if not has_value and key not in ("readonly", "ro", "volume-nocopy", "bind-nonrecursive"):
            raise ValueError(f"invalid field '{field}' must be a key=value pair")
        mount = self.mount
        if key == "type":
            mount["Type"] = value.lower()
        elif key in ("source", "src"):
            mount["Source"] = os.path.abspath(value) if value[:1] == "." else value
        elif key in ("target", "dst", "destination"):
            mount["Target"] = value
        elif key in ("readonly", "ro"):
            mount["ReadOnly"] = _truth(key, value, has_value)
        elif key == "consistency":
            mount["Consistency"] = value.lower()
        elif key == "bind-propagation":
            self._option("bind")["Propagation"] = value.lower()
        elif key == "bind-nonrecursive":
            self._option("bind")["NonRecursive"] = _truth(key, value, has_value)
        elif key == "bind-recursive":
            self._recursion(value)
        elif key == "volume-subpath":
            self._option("volume")["Subpath"] = value
        elif key == "volume-nocopy":
            self._option("volume")["NoCopy"] = _truth(key, value, has_value)
        elif key == "volume-label":
            name, _, label = value.partition("=")
            self._option("volume").setdefault("Labels", {})[name] = label
        elif key == "volume-driver":
            self._driver()["Name"] = value
        elif key == "volume-opt":
            name, _, option = value.partition("=")
            self._driver().setdefault("Options", {})[name] = option
        elif key == "image-subpath":
            self._option("image")["Subpath"] = value
        elif key == "tmpfs-size":
            try:
                self._option("tmpfs")["SizeBytes"] = parse_size(value)
            except ValueError:
                raise ValueError(f"invalid value for {key}: {value}") from None
        elif key == "tmpfs-mode":
            try:
                self._option("tmpfs")["Mode"] = int(value, 8)
            except ValueError:
                raise ValueError(f"invalid value for {key}: {value}") from None
        else:
            raise ValueError(f"unexpected key '{key}' in '{field}'")

    def _option(self, kind: str) -> dict[str, Any]:
        return self.options.setdefault(kind, {})

    def _driver(self) -> dict[str, Any]:
        driver: dict[str, Any] = self._option("volume").setdefault("DriverConfig", {})
        return driver

    def _recursion(self, value: str) -> None:
        options = self._option("bind")
        if value == "disabled":
            options["NonRecursive"] = True
        elif value == "writable":
            options["ReadOnlyNonRecursive"] = True
        elif value == "readonly":
            options["ReadOnlyForceRecursive"] = True
        elif value != "enabled":
            raise ValueError(
                f"invalid value for bind-recursive: {value}"
                ' (must be "enabled", "disabled", "writable", or "readonly")'
            )

    def result(self) -> dict[str, Any]:
        kind = self.mount["Type"]
        if not self.mount.get("Target"):
            raise ValueError("target is required")
        for other in self.options:
            if other != kind:
                raise ValueError(f"cannot mix '{other}-*' options with mount type '{kind}'")
        bind = self.options.get("bind", {})
        for key, word in (("ReadOnlyNonRecursive", "writable"), ("ReadOnlyForceRecursive", "readonly")):
            if bind.get(key) and not self.mount.get("ReadOnly"):
                raise ValueError(
                    f"option 'bind-recursive={word}' requires 'readonly' to be specified in conjunction"
                )
        if bind.get("ReadOnlyForceRecursive") and bind.get("Propagation") != "rprivate":
            raise ValueError(
                "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate'"
                " to be specified in conjunction"
            )
        if kind in self.options:
            self.mount[_TYPES[kind]] = self.options[kind]
        return self.mount


def fields(text: str) -> list[str]:
    """The fields of one line of comma-separated values; a field in double quotes may hold commas."""
    found: list[str] = []
    position = 0
    while True:
        if text[position : position + 1] == '"':
            value, position = "", position + 1
            while True:
                end = text.find('"', position)
                if end < 0:
                    raise ValueError("a double quote is never closed")
                value += text[position:end]
                position = end + 1
                if text[position : position + 1] != '"':
                    break
                value += '"'
                position += 1
        else:
            end = text.find(",", position)
            value = text[position:] if end < 0 else text[position:end]
            position += len(value)
        found.append(value)
        if position >= len(text):
            return found
        if text[position] != ",":
            raise ValueError("a closing double quote is not followed by a comma")
        position += 1


def _truth(key: str, value: str, has_value: bool) -> bool:
    if not has_value or value in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if value in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise ValueError(f"invalid value for {key}: {value}")
