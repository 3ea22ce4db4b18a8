"""Which devices a cgroup may touch: `linux.resources.devices`, read for either version.

The rules are an ordered list and the last one that speaks of an access decides. Version 1 takes them one
after the other in two files. Version 2 asks an eBPF program of ours (see `device_program`).

A container in a user namespace of its own needs none of this: file systems mounted in there have no working
device nodes, and what is bound into it was chosen. So wherry writes rules only where they confine something.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.errors import Invalid


class Rule(NamedTuple):
    """`kind` is "a", "b" or "c"; a number of None stands for any; `access` is made of "r", "w", "m"."""

    allow: bool
    kind: str
    major: int | None
    minor: int | None
    access: str


def rules(listed: list[dict[str, Any]] | None) -> list[Rule]:
    """From the specification. Raises Invalid."""
    found = []
    for entry in listed or []:
        kind = entry.get("type") or "a"
        access = entry.get("access") or "rwm"
        if kind not in ("a", "b", "c", "u", "p"):
            raise Invalid(f'invalid device type "{kind}"')
        if not set(access) <= set("rwm"):
            raise Invalid(f'invalid device access "{access}"')
        kind = "c" if kind == "u" else kind
        if kind == "p":  # pipes aren't devices: nothing rules them
            continue
        found.append(
            Rule(bool(entry.get("allow")), kind, _number(entry, "major"), _number(entry, "minor"), access)
        )
    return found


def _number(entry: dict[str, Any], name: str) -> int | None:
    value = entry.get(name)
    return None if value is None or value < 0 else int(value)


def unrestricted(listed: list[Rule]) -> bool:
    """Whether every access is allowed, so that there is nothing to set up in a new cgroup."""
    return not listed or (listed[-1].allow and listed[-1].kind == "a")


def version_1(listed: list[Rule]) -> list[tuple[str, str]]:
    """(file, line) to write, in order."""
    lines = []
    for rule in listed:
        file = "devices.allow" if rule.allow else "devices.deny"
        if rule.kind == "a":
            lines.append((file, "a"))
            continue
        major = "*" if rule.major is None else rule.major
        minor = "*" if rule.minor is None else rule.minor
        lines.append((file, f"{rule.kind} {major}:{minor} {rule.access}"))
    return lines
