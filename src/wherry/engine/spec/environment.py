"""The environment of a container's process."""

from __future__ import annotations

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment(
    given: list[str] | None, *, hostname: str, terminal: bool, home: str, links: list[str] | None = None
) -> list[str]:
    """Docker's defaults, then `links`, then what image and user gave, which wins; HOME if unset."""
    merged: dict[str, str] = {"PATH": PATH}
    if hostname:
        merged["HOSTNAME"] = hostname
    if terminal:
        merged["TERM"] = "xterm"
    for entry in (*(links or ()), *(given or ())):
        name, equals, value = entry.partition("=")
        if equals:
            merged[name] = value
        else:
            merged.pop(name, None)
    if not merged.get("HOME"):
        merged["HOME"] = home or "/"
    return [f"{name}={value}" for name, value in merged.items()]


def for_exec(
    container: list[str] | None, given: list[str] | None, *, hostname: str, terminal: bool, home: str
) -> list[str]:
    """An exec's: that of its container with its own on top. HOME is that of the exec's user."""
    kept = [entry for entry in container or () if not entry.startswith("HOME=")]
    home_set = next((entry for entry in container or () if entry.startswith("HOME=")), "")
    return environment(
        [*kept, *([home_set] if home_set and not home else []), *(given or ())],
        hostname=hostname,
        terminal=terminal,
        home=home,
    )
