"""A container as it is stored: what was asked for, and what became of it.

Two values, because they change at different times: the `Plan` is written at create (and by rename, update and
network changes), the `Condition` at every step of the container's life.
"""

from __future__ import annotations

import msgspec

from ..models import (
    Confinement,
    ContainerConfig,
    ContainerState,
    EndpointSettings,
    HostConfig,
    PortBinding,
)
from ..moments import rfc3339

CREATED, RUNNING, PAUSED, RESTARTING, REMOVING, EXITED, DEAD = (
    "created",
    "running",
    "paused",
    "restarting",
    "removing",
    "exited",
    "dead",
)
ALIVE = frozenset({RUNNING, PAUSED})


class PlannedMount(msgspec.Struct, omit_defaults=True):
    """One mount below the root, worked out from binds, mounts, volumes-from and the image's volumes.

    `kind` is "bind", "volume", "tmpfs" or "image". `source` is a host path (a volume's own directory for
    volumes), `options` are the user's, in Docker's spelling (`ro`, `rslave`, `z`, …).
    """

    kind: str
    target: str
    source: str = ""
    volume: str = ""
    anonymous: bool = False
    read_only: bool = False
    propagation: str = ""
    mode: str = ""
    subpath: str = ""
    no_copy: bool = False
    non_recursive: bool = False
    read_only_non_recursive: bool = False
    size: int = 0
    permissions: int = 0
    options: list[str] = []
    create_source: bool = False
    """Whether a bind's missing source directory is made (`-v` does, `--mount` refuses)."""
    image: str = ""
    """Of the kind `image`: its id; `source` is how it was asked for."""


class Plan(msgspec.Struct, omit_defaults=True):
    """What was asked for, after the image's defaults were filled in."""

    image_id: str
    image_name: str
    config: ContainerConfig
    host: HostConfig
    path: str
    args: list[str]
    mounts: list[PlannedMount] = []
    endpoints: dict[str, EndpointSettings] = {}
    platform: str = "linux"


class Condition(msgspec.Struct, omit_defaults=True):
    """What became of it. Moments in nanoseconds since 1970, 0 for never."""

    status: str = CREATED
    pid: int = 0
    pid_started: int = 0
    """Its start in clock ticks since boot (proc_pid_stat(5), field 22): a reused pid has another."""
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    started_at: int = 0
    finished_at: int = 0
    restart_count: int = 0
    stopped_by_user: bool = False
    """Whether the last end was asked for; such a container is not restarted until it is started again."""
    id_range: int = -1
    """First host id of its own range while it runs; -1 without one."""
    cgroup: str = ""
    endpoints: dict[str, EndpointSettings] = {}
    """What the networks gave it, while it runs."""
    ports: dict[str, list[PortBinding] | None] = {}
    confinement: Confinement | None = None
    health: str = ""
    """What its health check said last: "starting", "healthy" or "unhealthy"; "" without a check."""

    @property
    def alive(self) -> bool:
        """Whether it has processes."""
        return self.status in ALIVE

    def shown(self) -> ContainerState:
        """The `State` of `inspect`."""
        return ContainerState(
            status=self.status,
            running=self.status in (RUNNING, PAUSED, RESTARTING),
            paused=self.status == PAUSED,
            restarting=self.status == RESTARTING,
            oom_killed=self.oom_killed,
            dead=self.status == DEAD,
            pid=self.pid if self.alive else 0,
            exit_code=self.exit_code,
            error=self.error,
            started_at=rfc3339(self.started_at),
            finished_at=rfc3339(self.finished_at),
        )
