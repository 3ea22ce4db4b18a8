"""`RUN --mount=…`: parsed and checked; nothing is mounted here."""

from __future__ import annotations

from typing import NamedTuple

from wherry.errors import Invalid

__all__ = ["StepMount", "parse_mount"]

_KNOWN = {
    "bind": {"source", "from", "target", "readwrite"},
    "cache": {"source", "from", "target", "readwrite", "id", "sharing", "mode", "uid", "gid"},
    "tmpfs": {"target", "size"},
    "secret": {"target", "id", "required", "mode", "uid", "gid", "env"},
    "ssh": {"target", "id", "required", "mode", "uid", "gid"},
}
_SAME = {"src": "source", "dst": "target", "destination": "target", "rw": "readwrite", "ro": "readonly"}
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class StepMount(NamedTuple):
    """One mount, as asked for; `target` may be relative to the working directory."""

    kind: str
    target: str = ""
    source: str = ""
    origin: str = ""
    read_only: bool = True
    id: str = ""
    sharing: str = "shared"
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    size: int = 0
    required: bool = False
    variable: str = ""


def parse_mount(text: str) -> StepMount:
    """The value of a `--mount`, variables replaced. Raises Invalid."""
    fields: dict[str, str] = {}
    for item in text.split(","):
        name, equals, value = item.partition("=")
        name = _SAME.get(name.strip().lower(), name.strip().lower())
        if name in fields:
            raise Invalid(f"mount option {name!r} is given twice")
        fields[name] = value if equals else "true"
    kind = fields.pop("type", "bind")
    if kind not in _KNOWN:
        raise Invalid(f"unsupported mount type {kind!r}", hint="bind, cache, tmpfs, secret or ssh")
    if "readonly" in fields:
        fields["readwrite"] = "false" if _flag(fields.pop("readonly")) else "true"
    for name in fields:
        if name not in _KNOWN[kind]:
            raise Invalid(f"unexpected key {name!r} for mount type {kind!r}")
    target = fields.get("target", "")
    if kind not in ("secret", "ssh") and not target:
        raise Invalid(f"{kind} mount without a target")
    if target in ("/", ".") or ".." in target.split("/"):
        raise Invalid(f"invalid mount target {target!r}")
    sharing = fields.get("sharing", "shared")
    if sharing not in ("shared", "private", "locked"):
        raise Invalid(f"unsupported sharing value {sharing!r}", hint="shared, private or locked")
    name = fields.get("id", "default" if kind == "ssh" else "")
    if kind == "secret" and not name:
        name = target.rstrip("/").rpartition("/")[2] or fields.get("env", "")
        if not name:
            raise Invalid("secret mount without an id")
    writable = _flag(fields.get("readwrite", "true" if kind == "cache" else "false"))
    variable = fields.get("env", "")
    if kind == "secret" and not target and not variable:
        target = f"/run/secrets/{name}"
    return StepMount(
        kind=kind,
        target=target,
        source=fields.get("source", ""),
        origin=fields.get("from", ""),
        read_only=not writable,
        id=name,
        sharing=sharing,
        mode=_octal(fields["mode"]) if "mode" in fields else None,
        uid=_number(fields.get("uid", "0")),
        gid=_number(fields.get("gid", "0")),
        size=_size(fields.get("size", "0")),
        required=_flag(fields.get("required", "false")),
        variable=variable,
    )


def _flag(text: str) -> bool:
    if text.lower() in ("true", "1", ""):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise Invalid(f"invalid value {text!r} in --mount: neither true nor false")


def _number(text: str) -> int:
    if not text.isdigit() or int(text) >= 1 << 31:
        raise Invalid(f"invalid id {text!r} in --mount")
    return int(text)


def _octal(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise Invalid(f"invalid mode {text!r} in --mount")
    return mode


def _size(text: str) -> int:
    unit = _UNITS.get(text[-1:].lower(), 0)
    digits = text[:-1] if unit else text
    if not digits.isdigit():
        raise Invalid(f"invalid size {text!r} in --mount")
    return int(digits) * (unit or 1)
