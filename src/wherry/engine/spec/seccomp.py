"""Docker's seccomp profile format, read for one container into `linux.seccomp` of the specification.

Docker's format is the specification's with conditions on top: rules that count only with or without a
capability, on some architectures, or from a kernel version on; and `archMap`, which picks the architectures
by the machine's own.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from wherry.errors import Invalid
from wherry.runtime.seccomp_default import default_profile

# `uname -m` → what `archMap` calls it, and what `includes` and `excludes` call it
_MACHINES = {
    "x86_64": ("SCMP_ARCH_X86_64", "amd64"),
    "i386": ("SCMP_ARCH_X86", "x86"),
    "i686": ("SCMP_ARCH_X86", "x86"),
    "aarch64": ("SCMP_ARCH_AARCH64", "arm64"),
    "armv6l": ("SCMP_ARCH_ARM", "arm"),
    "armv7l": ("SCMP_ARCH_ARM", "arm"),
    "armv8l": ("SCMP_ARCH_ARM", "arm"),
}

_resolved: dict[tuple[frozenset[str], str, tuple[int, int]], dict[str, Any]] = {}


def default_section(
    capabilities: Collection[str], *, machine: str, kernel: tuple[int, int]
) -> dict[str, Any]:
    """`linux.seccomp` of the default profile. The value is shared between callers: it isn't to be changed."""
    key = (frozenset(capabilities), machine, kernel)
    if key not in _resolved:
        section = resolve(default_profile(), capabilities, machine=machine, kernel=kernel)
        assert section is not None
        _resolved[key] = section
    return _resolved[key]


def parse(text: str) -> dict[str, Any]:
    """A profile as `--security-opt seccomp=FILE` sends it. Raises Invalid, in Docker's words."""
    try:
        profile = json.loads(text)
    except ValueError as error:
        raise Invalid(f"Decoding seccomp profile failed: {error}") from None
    if not isinstance(profile, dict):
        raise Invalid("Decoding seccomp profile failed: it is no JSON object")
    return profile


def resolve(
    profile: dict[str, Any], capabilities: Collection[str], *, machine: str, kernel: tuple[int, int]
) -> dict[str, Any] | None:
    """What of `profile` counts for a process with `capabilities` ("CAP_…") here; None for no filter."""
    rules = profile.get("syscalls") or []
    if not profile.get("defaultAction") and not rules:
        return None
    section: dict[str, Any] = {"defaultAction": profile.get("defaultAction", "")}
    for name in ("defaultErrnoRet", "flags", "listenerPath", "listenerMetadata"):
        if profile.get(name) is not None:
            section[name] = profile[name]
    if section.pop("listenerPath", None):
        raise Invalid("seccomp profile names a listener, which nothing here would serve")
    section["architectures"] = _architectures(profile, machine)
    section["syscalls"] = [
        _rule(rule)
        for rule in rules
        if _counts(rule, frozenset(capabilities), _MACHINES.get(machine, ("", machine))[1], kernel)
    ]
    return section


def _architectures(profile: dict[str, Any], machine: str) -> list[str]:
    listed, mapped = profile.get("architectures") or [], profile.get("archMap") or []
    if listed and mapped:
        raise Invalid(
            "'architectures' and 'archMap' were specified in the seccomp profile, use either "
            "'architectures' or 'archMap'"
        )
    native = _MACHINES.get(machine, ("", ""))[0]
    for entry in mapped:
        if entry.get("architecture") == native:
            return [native, *(entry.get("subArchitectures") or [])]
    return list(listed)


def _counts(
    rule: dict[str, Any], capabilities: frozenset[str], machine: str, kernel: tuple[int, int]
) -> bool:
    excludes, includes = rule.get("excludes") or {}, rule.get("includes") or {}
    if machine in (excludes.get("arches") or ()) or not capabilities.isdisjoint(excludes.get("caps") or ()):
        return False
    if excludes.get("minKernel") and kernel >= _version(excludes["minKernel"]):
        return False
    if includes.get("arches") and machine not in includes["arches"]:
        return False
    if not capabilities.issuperset(includes.get("caps") or ()):
        return False
    return not includes.get("minKernel") or kernel >= _version(includes["minKernel"])


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise Invalid(f'invalid kernel version "{text}" in seccomp profile')
    return int(major), int(minor)


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    names, name = rule.get("names") or [], rule.get("name")
    if names and name:
        raise Invalid(
            "'name' and 'names' were specified in the seccomp profile, use either 'name' or 'names'"
        )
    kept: dict[str, Any] = {"names": names or [name], "action": rule.get("action", "")}
    if rule.get("errnoRet") is not None:
        kept["errnoRet"] = rule["errnoRet"]
    if rule.get("args"):
        kept["args"] = rule["args"]
    return kept
