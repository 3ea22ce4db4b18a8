"""What makes the processes: wherry's own runtime in this process, or another OCI runtime."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from wherry.runtime import launch, launch_exec  # now, and not between a request and its fork
from wherry.supervisor.launching import Launch
from wherry.supervisor.standing import Standing
from wherry.supervisor.streams import ProcessEnds

if TYPE_CHECKING:
    from wherry.runtime.external import ExternalRuntime

OWN = "wherry"


class Launcher(Protocol):
    """Begins launches. Raises WherryError for what can't even be begun."""

    def container(self, request: dict[str, Any], ends: ProcessEnds | None, cgroup: Any) -> Launch:
        """The container of a `create` request. `ends` is None for a terminal."""

    def exec(
        self, container: dict[str, Any], request: dict[str, Any], ends: ProcessEnds | None, cgroup: Any
    ) -> Launch:
        """The process of an `exec` request, in a container described by `id`, `pid`, `runtime`, `seccomp`."""

    def forget(self, name: str, runtime: str) -> None:
        """A container has ended: let its runtime drop what it remembers of it."""


class Launchers:
    """By the name of the runtime: `wherry`, or the path of an executable."""

    def __init__(self, run_dir: str, standing: Standing) -> None:
        self._run_dir = run_dir
        self._standing = standing

    def container(self, request: dict[str, Any], ends: ProcessEnds | None, cgroup: Any) -> Launch:
        name = request["id"]
        spec = {**request["spec"], "process": self._standing.give_back(request["spec"]["process"])}
        if request["runtime"] == OWN:
            state = {"ociVersion": spec.get("ociVersion", "1.2.0"), "id": name}
            return launch(spec, rootfs=request["rootfs"], stdio=ends, cgroup=cgroup, state=state)
        return self._external(request["runtime"]).launch(
            name, spec, rootfs=request["rootfs"], bundle=self._directory(name, "bundle"), stdio=ends
        )

    def exec(
        self, container: dict[str, Any], request: dict[str, Any], ends: ProcessEnds | None, cgroup: Any
    ) -> Launch:
        process = self._standing.give_back(request["process"])
        if container["runtime"] == OWN:
            spec = {"linux": {"seccomp": container["seccomp"]}}
            return launch_exec(container["pid"], process, spec=spec, stdio=ends, cgroup=cgroup)
        directory = self._directory(request["id"], f"exec-{request['exec']}")
        return self._external(container["runtime"]).launch_exec(
            request["id"], process, directory=directory, stdio=ends
        )

    def forget(self, name: str, runtime: str) -> None:
        if runtime != OWN:
            self._external(runtime).delete(name)  # the child is reaped with the orphans

    def _external(self, path: str) -> ExternalRuntime:
        from wherry.runtime.external import ExternalRuntime  # most supervisors never need it

        return ExternalRuntime(path, os.path.join(self._run_dir, "runtimes", os.path.basename(path)))

    def _directory(self, name: str, part: str) -> str:
        path = os.path.join(self._run_dir, "containers", name, part)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path
