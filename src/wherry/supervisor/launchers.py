"""What makes the processes: wherry's own runtime in this process, or another OCI runtime."""

from __future__ import annotations

from typing import Any, Protocol

from wherry import runtime
from wherry.errors import Unsupported
from wherry.supervisor.launching import Launch
from wherry.supervisor.streams import ProcessEnds

OWN = "wherry"


class Launcher(Protocol):
    """Begins launches. Raises WherryError for what can't even be begun."""

    def container(self, request: dict[str, Any], ends: ProcessEnds | None, cgroup: Any) -> Launch:
        """The container of a `create` request. `ends` is None for a terminal."""

    def exec(
        self, container: dict[str, Any], request: dict[str, Any], ends: ProcessEnds | None, cgroup: Any
    ) -> Launch:
        """The process of an `exec` request, in a container described by `id`, `pid`, `runtime`, `seccomp`."""


class Launchers:
    """By the name of the runtime: `wherry`, or the path of an executable."""

    def container(self, request: dict[str, Any], ends: ProcessEnds | None, cgroup: Any) -> Launch:
        if request["runtime"] != OWN:
            raise Unsupported(f"runtime {request['runtime']} is not supported yet")
        state = {"ociVersion": request["spec"].get("ociVersion", "1.2.0"), "id": request["id"]}
        return runtime.launch(
            request["spec"], rootfs=request["rootfs"], stdio=ends, cgroup=cgroup, state=state
        )

    def exec(
        self, container: dict[str, Any], request: dict[str, Any], ends: ProcessEnds | None, cgroup: Any
    ) -> Launch:
        if container["runtime"] != OWN:
            raise Unsupported(f"runtime {container['runtime']} is not supported yet")
        spec = {"linux": {"seccomp": container["seccomp"]}}
        return runtime.launch_exec(container["pid"], request["process"], spec=spec, stdio=ends, cgroup=cgroup)
