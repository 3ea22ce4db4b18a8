"""What weakens or strengthens confinement: security options, capabilities, namespaces, sysctls."""

from __future__ import annotations

from wherry.cli.flags import UsageError
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.cli.flags import Flags

_NAMESPACES = (
    ("pid", "PidMode", "PID"),
    ("uts", "UTSMode", "UTS"),
    ("userns", "UsernsMode", "USER"),
    ("cgroupns", "CgroupnsMode", "CGROUP"),
    ("ipc", "IpcMode", "IPC"),
)
_IPC_SYSCTLS = frozenset(
    f"kernel.{name}"
    for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)


def confinement(flags: Flags) -> dict[str, Any]:
    """The members of HostConfig that the confinement flags ask for."""
    result: dict[str, Any] = {}
    if flags.on("privileged"):
        result["Privileged"] = True
    for flag, field in (("cap-add", "CapAdd"), ("cap-drop", "CapDrop")):
        if flags.given(flag):
            result[field] = capabilities(flags.every(flag))
    for flag, field, word in _NAMESPACES:
        if flags.given(flag):
            mode = flags.text(flag)
            if not _valid_mode(flag, mode):
                raise Invalid(f"--{flag}: invalid {word} mode")
            result[field] = mode
    if flags.given("security-opt"):
        result.update(_security(flags.every("security-opt")))
    if flags.given("sysctl"):
        result["Sysctls"] = dict(_sysctl(text) for text in flags.every("sysctl"))
    if flags.given("gpus"):
        result["DeviceRequests"] = [_gpus(text) for text in flags.every("gpus")]
    return result


def capabilities(names: list[str]) -> list[str]:
    """Names as `CAP_…` in capitals, each once, in order; ALL alone when it is among them."""
    wanted = set()
    for name in names:
        name = name.strip().upper()
        if name == "ALL":
            return ["ALL"]
        wanted.add(name if name.startswith("CAP_") else f"CAP_{name}")
    return sorted(wanted)


def _valid_mode(flag: str, mode: str) -> bool:
    if mode in ("", "host"):
        return True
    if flag == "cgroupns":
        return mode == "private"
    if flag in ("pid", "ipc") and mode.startswith("container:"):
        return bool(mode.partition(":")[2])
    if flag == "userns":
        return mode in ("private", "auto", "keep-id")
    return flag == "ipc" and mode in ("none", "private", "shareable")


def _security(options: list[str]) -> dict[str, Any]:
    """`SecurityOpt`, with a seccomp profile's file read here, since the engine may be on another machine."""
    result: dict[str, Any] = {}
    sent = []
    for option in options:
        cut = min((at for at in (option.find("="), option.find(":")) if at >= 0), default=-1)
        if cut < 0 and option != "no-new-privileges":
            raise Invalid(f'Invalid --security-opt: "{option}"')
        name, value = option[:cut], option[cut + 1 :]
        if cut >= 0 and name == "systempaths" and value == "unconfined":
            result["MaskedPaths"] = []
            result["ReadonlyPaths"] = []
            continue
        if cut >= 0 and name == "seccomp" and value not in ("unconfined", "builtin"):
            option = f"seccomp={_profile(value)}"
        sent.append(option)
    if sent:
        result["SecurityOpt"] = sent
    return result


def _profile(path: str) -> str:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            return json.dumps(json.load(file), separators=(",", ":"))
    except OSError as error:
        why = f"open {path}: {(error.strerror or '').lower()}"
        raise Invalid(f"opening seccomp profile ({path}) failed: {why}") from None
    except ValueError as error:
        raise Invalid(f"compacting json for seccomp profile ({path}) failed: {error}") from None


def _sysctl(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not (name in _IPC_SYSCTLS or name.startswith(("net.", "fs.mqueue."))):
        raise UsageError(
            f'invalid argument "{text}" for "--sysctl" flag: sysctl \'{text}\' is not allowed',
            hint="a container has its own net.*, fs.mqueue.* and System V IPC parameters, no others",
        )
    return name, value


def _gpus(text: str) -> dict[str, Any]:
    """The device request of --gpus: `all`, a number, or `device=0,1,capabilities=…,driver=…`."""
    from wherry.cli.options.mounts import fields

    request: dict[str, Any] = {"Driver": "", "Count": 0, "DeviceIDs": None, "Options": {}}
    capability = ["gpu"]
    for field in fields(text):
        key, equals, value = field.partition("=")
        if not equals:
            key, value = "count", field
        if key == "count":
            if value != "all" and not value.isdigit():
                raise UsageError(
                    f'invalid argument "{text}" for "--gpus" flag: invalid count ({value}):'
                    ' value must be either "all" or an integer'
                )
            request["Count"] = -1 if value == "all" else int(value)
        elif key == "device":
            request["DeviceIDs"] = value.split(",")
        elif key == "driver":
            request["Driver"] = value
        elif key == "capabilities":
            capability = ["gpu", *(word for word in value.split(",") if word != "gpu")]
        elif key == "options":
            request["Options"] = dict(pair.partition("=")[::2] for pair in value.split(","))
        else:
            raise UsageError(
                f"invalid argument \"{text}\" for \"--gpus\" flag: unexpected key '{key}' in '{field}'"
            )
    request["Capabilities"] = [capability]
    return request
