"""A process that launches containers for the tests of the runtime, told what to do in lines of JSON.

The tests' own process can't: it has threads and pipes of its own, and its interpreter is not protected. As an
ordinary user the driver first enters a user namespace of its own, as the engine does.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from typing import Any

from wherry import runtime
from wherry.errors import WherryError
from wherry.linux import idmaps, interpreter, namespaces
from wherry.linux.cgroups.doors import Doors

PATIENCE = 20.0


class Cgroup:
    """What `launch` wants of a control group, counting who was put in."""

    def __init__(self) -> None:
        self.added: list[int] = []

    def doors(self) -> Doors:
        return Doors(-1, ())

    def add(self, pid: int) -> None:
        self.added.append(pid)


class Driver:
    """Carries out requests; `kept` are the containers that stay."""

    def __init__(self) -> None:
        self.kept: dict[str, runtime.Launch] = {}

    def unpack(self, tar: str, directory: str) -> dict[str, Any]:
        os.makedirs(directory, exist_ok=True)
        subprocess.run(["tar", "-C", directory, "-xf", tar], check=True)
        return {}

    def remove(self, directory: str) -> dict[str, Any]:
        subprocess.run(["rm", "-rf", directory], check=True)
        return {}

    def maps(self) -> dict[str, Any]:
        return {kind: list(idmaps.read(f"/proc/self/{kind}_map")) for kind in ("uid", "gid")}

    def shell(self, script: str) -> dict[str, Any]:
        """A command outside of any container, with the driver's rights."""
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
        return {"code": done.returncode, "out": done.stdout, "err": done.stderr}

    def run(self, spec: dict[str, Any], rootfs: dict[str, Any], keep: str = "") -> dict[str, Any]:
        """A container from beginning to end; with `keep` it stays under that name once it executes."""
        return self._carry(
            lambda stdio: runtime.launch(spec, rootfs=rootfs, stdio=stdio, state={"id": keep}), keep
        )

    def exec(self, name: str, process: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
        """A process in a kept container."""
        pid = self.kept[name].pid
        return self._carry(lambda stdio: runtime.launch_exec(pid, process, spec=spec, stdio=stdio), "")

    def create_and_abort(self, spec: dict[str, Any], rootfs: dict[str, Any], at: str) -> dict[str, Any]:
        """Give a launch up at once, or when it is created; says whether a child is left."""
        launch = runtime.launch(spec, rootfs=rootfs)
        if at == "created":
            _until(launch)
        launch.abort()
        try:
            return {"left": os.waitpid(-1, os.WNOHANG)[0]}
        except ChildProcessError:
            return {"left": None}

    def stop(self, name: str) -> dict[str, Any]:
        launch = self.kept.pop(name)
        os.kill(launch.pid, 9)
        os.waitpid(launch.pid, 0)
        os.close(launch.pidfd)
        return {}

    def descriptors(self) -> dict[str, Any]:
        """How many descriptors the driver has open, and children."""
        return {"open": len(os.listdir("/proc/self/fd"))}

    def _carry(self, begin: Any, keep: str) -> dict[str, Any]:
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        null = os.open("/dev/null", os.O_RDWR)
        result: dict[str, Any] = {"code": None, "out": "", "err": "", "warnings": [], "failure": None}
        launch = None
        try:
            launch = begin((null, out_end, err_end))
            started = time.monotonic()
            _until(launch)
            result["created_pid"] = launch.pid
            launch.start()
            _until(launch)
            result["seconds"] = time.monotonic() - started
            result["warnings"] = launch.warnings
        except WherryError as error:
            result["failure"] = {
                "message": error.message,
                "hint": error.hint,
                "stage": getattr(error, "stage", ""),
                "errno": getattr(error, "errno", 0),
                "exit_code": getattr(error, "exit_code", None),
                "kind": type(error).__name__,
            }
        finally:
            os.close(out_end)
            os.close(err_end)
            os.close(null)
        if result["failure"] is None and launch is not None:
            if keep:
                self.kept[keep] = launch
                result["pid"] = launch.pid
                os.close(out)
                os.close(err)
                return result
            result.update(_collect(launch, out, err))
        os.close(out)
        os.close(err)
        return result


def _until(launch: runtime.Launch) -> None:
    while not launch.advance():
        if not select.select([launch], [], [], PATIENCE)[0]:
            launch.abort()
            raise SystemExit("a launch hangs")


def _collect(launch: runtime.Launch, out: int, err: int) -> dict[str, Any]:
    texts = {out: b"", err: b""}
    console = b""
    sources = [out, err, launch.pidfd, *([launch.console] if launch.console is not None else [])]
    deadline = time.monotonic() + PATIENCE
    ended = False
    while len(sources) > (1 if ended else 0) and time.monotonic() < deadline:
        ready = select.select(sources, [], [], 0.0 if ended else PATIENCE)[0]
        if not ready:
            break
        for source in ready:
            if source == launch.pidfd:
                ended = True
                sources.remove(source)
                continue
            try:
                data = os.read(source, 65536)
            except OSError:
                data = b""
            if not data:
                sources.remove(source)
            elif source == launch.console:
                console += data
            else:
                texts[source] += data
    if not ended:
        os.kill(launch.pid, 9)
    _pid, status = os.waitpid(launch.pid, 0)
    os.close(launch.pidfd)
    if launch.console is not None:
        os.close(launch.console)
    code = os.waitstatus_to_exitcode(status)
    return {
        "code": code if code >= 0 else 128 - code,
        "out": texts[out].decode(errors="replace"),
        "err": texts[err].decode(errors="replace"),
        "console": console.decode(errors="replace"),
        "timed_out": not ended,
    }


def enter_user_namespace(uids: idmaps.IdMap, gids: idmaps.IdMap) -> None:
    """Go on as root of a new user namespace, in a child; the caller's process waits, and ends as it does."""
    told, tell = os.pipe()
    mapped, confirm = os.pipe()
    child = os.fork()
    if child == 0:
        namespaces.unshare(namespaces.NEWUSER | namespaces.NEWNS | namespaces.NEWNET)
        os.write(tell, b"u")
        os.read(mapped, 1)
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
        for descriptor in (told, tell, mapped, confirm):
            os.close(descriptor)
        return
    os.read(told, 1)
    idmaps.write(child, uids, gids)
    os.write(confirm, b"m")
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def main() -> None:
    """Serve requests from standard input until it ends."""
    maps = os.environ.pop("DRIVER_MAPS", "")
    if maps:
        uids, gids = (tuple(idmaps.IdRange(*entry) for entry in kind) for kind in json.loads(maps))
        enter_user_namespace(uids, gids)
    interpreter.protect()
    driver = Driver()
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(driver, request.pop("op"))(**request)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
