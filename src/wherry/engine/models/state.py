"""What a container is doing now, as `inspect` shows it under `State`."""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from .wire import Wire

NEVER = "0001-01-01T00:00:00Z"  # Go's zero time: what Docker shows for a moment that has not come


class HealthResult(Wire):
    """One probe. Times in RFC 3339 with nanoseconds."""

    start: str = ""
    end: str = ""
    exit_code: int = 0
    output: str = ""


class Health(Wire):
    """`status` is "none", "starting", "healthy" or "unhealthy"."""

    status: str = "none"
    failing_streak: int = 0
    log: list[HealthResult] | None = None


class ContainerState(Wire):
    """`status` is "created", "running", "paused", "restarting", "removing", "exited" or "dead"."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"Health"})

    status: str = "created"
    running: bool = False
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = field(name="OOMKilled", default=False)
    dead: bool = False
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    started_at: str = NEVER
    finished_at: str = NEVER
    health: Health | None = None
