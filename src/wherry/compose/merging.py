"""How one compose file is laid over another, and a service over the one that it extends."""

from __future__ import annotations

from typing import Any

from wherry.compose.source import Override, Reset, Table

_REPLACED = frozenset(("command", "entrypoint", "test"))
_KEYS = {
    "ports": ("host_ip", "target", "published", "protocol"),
    "volumes": ("target",),
    "secrets": ("target",),
    "configs": ("target", "source"),
    "devices": ("target",),
    "env_file": ("path",),
}


def merged(base: Any, over: Any, key: str = "") -> Any:
    """`over` laid over `base`, both in long form; neither is changed.

    Mappings are merged key by key; lists are joined without repetition, where what is mounted at a place (or
    published at one port, …) replaces what was there; commands, limits and single values are replaced, and
    logging options of another driver. `!override` replaces, `!reset` removes.
    """
    if isinstance(over, Override):
        return clean(over.value)
    if over is None and base is not None:
        return base
    if key == "logging" and _driver(base) and _driver(over) and _driver(base) != _driver(over):
        return clean(over)
    if key == "extra_hosts" and isinstance(base, dict) and isinstance(over, dict):
        return {name: _addresses(base.get(name), over.get(name)) for name in {**base, **over}}
    if isinstance(base, dict) and isinstance(over, dict):
        result = _like(base, over)
        for name, value in over.items():
            if isinstance(value, Reset):
                result.pop(name, None)
            elif name in base and key != "ulimits":
                result[name] = merged(base[name], value, name)
            else:
                result[name] = clean(value)
        return result
    if isinstance(base, list) and isinstance(over, list) and key not in _REPLACED:
        return _joined(base, over, _KEYS.get(key))
    return clean(over)


def _driver(value: Any) -> str:
    return str(value.get("driver") or "") if isinstance(value, dict) else ""


def _addresses(base: Any, over: Any) -> str:
    """The addresses of one name, those of both, each once."""
    texts = [*str(base or "").split(","), *str(over or "").split(",")]
    return ",".join(dict.fromkeys(text for text in texts if text))


def _like(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(over, Table):
        return dict(base)
    result = Table(base)
    result.file = over.file
    result.lines = dict(over.lines)
    return result


def _joined(base: list[Any], over: list[Any], keys: tuple[str, ...] | None) -> list[Any]:
    if keys is None:
        return [*base, *(item for item in over if item not in base)]
    found = {_identity(item, keys): item for item in base}
    for item in over:
        found[_identity(item, keys)] = item
    return list(found.values())


def _identity(item: dict[str, Any], keys: tuple[str, ...]) -> tuple[str, ...]:
    if keys == ("target", "source"):  # a config without a target is mounted under its name
        return (str(item.get("target") or f"/{item.get('source')}"),)
    return tuple(str(item.get(key)) for key in keys)


def clean(value: Any) -> Any:
    """Without marks of merging, for what has nothing below it."""
    if isinstance(value, Override):
        return clean(value.value)
    if isinstance(value, dict):
        kept = {name: clean(item) for name, item in value.items() if not isinstance(item, Reset)}
        if isinstance(value, Table):
            table = Table(kept)
            table.file, table.lines = value.file, value.lines
            return table
        return kept
    return value
