"""Making a container from a bundle: what `create` and `run` have in common."""

from __future__ import annotations

import json
import os
import pwd
import select
import socket
import time
from typing import Any

from wherry import runtime
from wherry.errors import Invalid
from wherry.linux import cgroups, idmaps
from wherry.runtime import devices, hooks
from wherry.runtime.command import cgroup_paths, rootless
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container, start_time
from wherry.runtime.command.entry import Context
from wherry.runtime.failure import RuntimeFailure


def create(context: Context, arguments: Arguments, *, gate: bool) -> tuple[Container, runtime.Launch]:
    """Make the container that `arguments` describe, up to the point where its program could start.

    With `gate` its init waits on the container's start socket and outlives this process; else the launch
    returned starts it. Raises WherryError with nothing left behind.
    """
    bundle = os.path.abspath(arguments.get("bundle", "b") or ".")
    spec = read_spec(bundle)
    linux = spec.get("linux") or {}
    rootless.enter(
        idmaps.from_specification(linux.get("uidMappings")),
        idmaps.from_specification(linux.get("gidMappings")),
    )
    root = os.path.join(bundle, (spec.get("root") or {}).get("path") or "rootfs")
    container = Container.reserve(
        context.root,
        arguments.positional[0],
        {
            "ociVersion": spec.get("ociVersion", ""),
            "bundle": bundle,
            "rootfs": root,
            "created": _now(),
            "owner": _user_name(),
            "annotations": spec.get("annotations") or {},
            "spec": spec,
        },
    )
    cgroup = None
    listener = None
    try:
        path = cgroup_paths.of(spec, container.name, systemd=context.systemd_cgroup)
        if path:
            cgroup = cgroups.create(path, _resources(spec))
            container.data["cgroup"] = path
        container.save()
        if gate:
            listener = _listen(container.start_socket)
        launch = runtime.launch(
            spec,
            rootfs={"mounts": [{"type": "bind", "target": "/", "source": root, "idmap": False}]},
            cgroup=cgroup,
            gate=listener.fileno() if listener else -1,
            keep=arguments.number("preserve-fds"),
            state={
                "ociVersion": spec.get("ociVersion", ""),
                "id": container.name,
                "bundle": bundle,
                "annotations": spec.get("annotations") or {},
            },
        )
        wait(launch)
        try:
            _hand_out(container, launch, arguments)
        except BaseException:
            launch.abort()
            raise
        return container, launch
    except BaseException:
        if cgroup is not None:
            cgroup.delete()
        container.forget()
        raise
    finally:
        if listener:
            listener.close()


def read_spec(bundle: str) -> dict[str, Any]:
    """The specification of a bundle. Raises Invalid."""
    path = os.path.join(bundle, "config.json")
    try:
        with open(path, "rb") as file:
            spec = json.load(file)
    except FileNotFoundError:
        raise Invalid(f"specification file {path} not found") from None
    except ValueError as error:
        raise Invalid(f"{path}: {error}") from None
    if not isinstance(spec, dict):
        raise Invalid(f"{path} is not an object")
    return spec


def wait(launch: runtime.Launch) -> None:
    """Until the launch reaches what it was asked for. Raises RuntimeFailure."""
    while not launch.advance():
        select.select([launch], [], [])


def write_pid(path: str, pid: int) -> None:
    """Write a pid file; whoever waits for it never sees it half written."""
    if path:
        hidden = os.path.join(os.path.dirname(path) or ".", f".{os.path.basename(path)}.new")
        with open(hidden, "w") as file:
            file.write(str(pid))
        os.rename(hidden, path)


def hand_over_console(path: str, master: int) -> None:
    """Send a terminal's master to whoever listens on the socket `path`."""
    with socket.socket(socket.AF_UNIX) as console:
        try:
            console.connect(path)
            socket.send_fds(console, [b"/dev/ptmx"], [master])
        except OSError as error:
            raise RuntimeFailure(f"console socket {path}: {error.strerror}", stage="console") from None


def started(container: Container) -> None:
    """What follows a successful start: the hooks that wait for it."""
    spec = container.data["spec"]
    if hooks.wanted(spec, "poststart"):
        state = container.state()
        hooks.run(spec, state, container.pid, "poststart", status="running")


def _hand_out(container: Container, launch: runtime.Launch, arguments: Arguments) -> None:
    socket_path = arguments.get("console-socket")
    if launch.console is not None and socket_path:
        hand_over_console(socket_path, launch.console)
        os.close(launch.console)
        launch.console = None
    container.data["pid"] = launch.pid
    container.data["pid_started"] = start_time(launch.pid)
    container.save()
    write_pid(arguments.get("pid-file"), launch.pid)


def _resources(spec: dict[str, Any]) -> dict[str, Any]:
    """The limits asked for, with the standard devices allowed whatever they say (runtime-spec, "Devices")."""
    resources = (spec.get("linux") or {}).get("resources") or {}
    if not resources.get("devices"):
        return resources
    return {**resources, "devices": [*resources["devices"], *devices.RULES]}


def _listen(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # By way of a descriptor: the address of a socket holds 108 bytes, a state directory may be longer.
    directory = os.open(os.path.dirname(path), os.O_PATH | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")
    finally:
        os.close(directory)
    listener.listen(1)
    return listener


def _now() -> str:
    now = time.time_ns()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9)) + f".{now % 10**9:09d}Z"


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
