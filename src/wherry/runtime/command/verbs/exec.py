"""`exec`: start another process in a running container."""

from __future__ import annotations

import json
import os
from typing import Any

from wherry import runtime
from wherry.errors import Conflict, Invalid
from wherry.runtime.command import creation, foreground
from wherry.runtime.command.arguments import Arguments
from wherry.runtime.command.container import Container
from wherry.runtime.command.entry import Context


def run(context: Context, arguments: Arguments) -> int:
    """Return its exit status, or with --detach 0 once it executes."""
    container = Container.find(context.root, arguments.positional[0])
    status = container.status()
    if status == "paused" and not arguments.has("ignore-paused"):
        raise Conflict("cannot exec in a paused container (use --ignore-paused to override)")
    if status not in ("running", "created", "paused"):
        raise Conflict(f"cannot exec in a {status} container")
    if arguments.get("cgroup"):
        raise Invalid("exec into a part of the container's cgroup is not supported")
    process = _process(container, arguments)
    detach, socket_path = arguments.has("detach", "d"), arguments.get("console-socket")
    if process.get("terminal") and detach and not socket_path:
        raise Invalid("cannot allocate tty if runtime will detach without setting console socket")
    launch = runtime.launch_exec(
        container.pid,
        process,
        spec=container.data["spec"],
        cgroup=container.cgroup(),
        keep=arguments.number("preserve-fds"),
    )
    creation.wait(launch)
    try:
        if launch.console is not None and socket_path:
            creation.hand_over_console(socket_path, launch.console)
            os.close(launch.console)
            launch.console = None
        creation.write_pid(arguments.get("pid-file"), launch.pid)
    except BaseException:
        launch.abort()
        raise
    launch.start()
    creation.wait(launch)
    if detach:
        os.close(launch.pidfd)
        return 0
    return foreground.stay(launch)


def _process(container: Container, arguments: Arguments) -> dict[str, Any]:
    path = arguments.get("process", "p")
    if path:
        try:
            with open(path) as file:
                return json.load(file)  # type: ignore[no-any-return]
        except (OSError, ValueError) as error:
            raise Invalid(f"{path}: {error}") from None
    words = arguments.positional[1:]
    if not words:
        raise Invalid("process args cannot be empty")
    process = dict(container.data["spec"]["process"])
    process["args"] = words
    process["terminal"] = arguments.has("tty", "t")
    process["env"] = [*(process.get("env") or ()), *arguments.all("env", "e")]
    if arguments.get("cwd"):
        process["cwd"] = arguments.get("cwd")
    if arguments.get("apparmor"):
        process["apparmorProfile"] = arguments.get("apparmor")
    if arguments.get("process-label"):
        process["selinuxLabel"] = arguments.get("process-label")
    if arguments.has("no-new-privs"):
        process["noNewPrivileges"] = True
    process["user"] = _user(process.get("user") or {}, arguments)
    more = arguments.all("cap", "c")
    if more:
        sets = process.get("capabilities") or {}
        process["capabilities"] = {
            kind: [*(sets.get(kind) or ()), *more] for kind in ("bounding", "effective", "permitted")
        }
    return process


def _user(user: dict[str, Any], arguments: Arguments) -> dict[str, Any]:
    asked = arguments.get("user", "u")
    try:
        if asked:
            uid, _colon, gid = asked.partition(":")
            user = {"uid": int(uid), "gid": int(gid or 0)}
        groups = [int(group) for group in arguments.all("additional-gids", "g")]
    except ValueError:
        raise Invalid("users and groups are given by number") from None
    return {**user, "additionalGids": groups} if groups else user
