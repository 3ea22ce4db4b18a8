"""What is to be done to turn a process of ours into the specification's `process`, as plain data."""

from __future__ import annotations

import resource
from typing import Any, NamedTuple

from wherry.errors import Invalid, Unsupported
from wherry.linux import capabilities, seccomp


class ProcessPlan(NamedTuple):
    """One process to start in a container, with everything that could be decoded or compiled beforehand."""

    arguments: tuple[bytes, ...]
    environment: tuple[bytes, ...]
    search_path: str
    directory: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    umask: int
    capabilities: capabilities.Sets
    no_new_privileges: bool
    seccomp: seccomp.Program | None
    apparmor: str
    limits: tuple[tuple[int, int, int], ...]
    """(resource, soft, hard) as in setrlimit(2)."""
    oom_score: int | None
    terminal: bool
    size: tuple[int, int]
    """Rows and columns of the terminal; (0, 0) leaves it as it comes."""
    io_priority: int | None
    nice: int | None


_IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}


def of(process: dict[str, Any], linux: dict[str, Any]) -> ProcessPlan:
    """The plan of `process`; `linux` is the specification's section with the seccomp profile.

    Raises Invalid, and Unsupported for what this runtime or this machine can't do.
    """
    arguments = process.get("args") or ()
    if not arguments:
        raise Invalid("no command specified")
    directory = process.get("cwd") or "/"
    if not directory.startswith("/"):
        raise Invalid(f"the working directory {directory!r} is invalid, it needs to be an absolute path")
    if process.get("selinuxLabel"):
        raise Unsupported("SELinux labels are not supported")
    scheduler = process.get("scheduler") or {}
    if scheduler and scheduler.get("policy", "SCHED_OTHER") != "SCHED_OTHER":
        raise Unsupported(f"scheduling policy {scheduler['policy']} is not supported")
    if process.get("execCPUAffinity"):
        raise Unsupported("execCPUAffinity is not supported")
    user = process.get("user") or {}
    environment = [str(entry) for entry in process.get("env") or ()]
    profile = linux.get("seccomp")
    umask = user.get("umask")
    size = process.get("consoleSize") or {}
    return ProcessPlan(
        tuple(_encoded(word, "argument") for word in arguments),
        tuple(_encoded(entry, "environment variable") for entry in environment),
        _search_path(environment),
        directory,
        int(user.get("uid") or 0),
        int(user.get("gid") or 0),
        tuple(int(group) for group in user.get("additionalGids") or ()),
        0o022 if umask is None else int(umask),
        capabilities.from_specification(process.get("capabilities")),
        bool(process.get("noNewPrivileges")),
        seccomp.compile(profile) if profile else None,
        process.get("apparmorProfile") or "",
        tuple(_limit(entry) for entry in process.get("rlimits") or ()),
        process.get("oomScoreAdj"),
        bool(process.get("terminal")),
        (int(size.get("height") or 0), int(size.get("width") or 0)),
        _io_priority(process.get("ioPriority")),
        scheduler.get("nice"),
    )


def _encoded(word: str, what: str) -> bytes:
    data = word.encode(errors="surrogateescape")
    if b"\0" in data:
        raise Invalid(f"{what} {word!r} contains a NUL byte")
    return data


def _search_path(environment: list[str]) -> str:
    for entry in environment:
        if entry.startswith("PATH="):
            return entry[5:]
    return ""


def _limit(entry: dict[str, Any]) -> tuple[int, int, int]:
    kind = getattr(resource, str(entry.get("type")), None)
    if not isinstance(kind, int) or not str(entry["type"]).startswith("RLIMIT_"):
        raise Invalid(f"unknown resource limit {entry.get('type')!r}")
    soft, hard = int(entry["soft"]), int(entry["hard"])
    return kind, _unlimited(soft), _unlimited(hard)


def _unlimited(value: int) -> int:
    # The specification's uint64 maximum and -1 both stand for no limit.
    return resource.RLIM_INFINITY if value < 0 or value >= 2**63 - 1 else value


def _io_priority(section: dict[str, Any] | None) -> int | None:
    if not section:
        return None
    number = _IO_CLASSES.get(section.get("class", ""))
    if number is None:
        raise Invalid(f"unknown I/O priority class {section.get('class')!r}")
    return number << 13 | int(section.get("priority") or 0)
