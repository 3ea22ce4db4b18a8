"""Further processes in running containers (`exec`)."""

from __future__ import annotations

from wherry.errors import Unsupported

from .attachment import Attachment
from .models import ExecConfig, ExecInspect


class Execs:
    """Exec instances. They live in memory: one ends with its process, and is forgotten with its
    container."""

    async def create(self, container: str, config: ExecConfig) -> str:
        """Register a command to run in a running container; returns the exec's id (64 hex digits).

        Raises `Conflict` ("container … is not running", "is paused"), `Invalid` ("no exec command
        specified").
        """
        raise Unsupported("exec is not wired yet")

    async def start(
        self,
        exec_id: str,
        *,
        detach: bool = False,
        tty: bool | None = None,
        console_size: tuple[int, int] | None = None,
    ) -> Attachment | None:
        """Run it; returns the streams, or None when detached. Raises `Conflict` when it has run already,
        `runtime.RuntimeFailure` (126, 127) when the program can't be executed."""
        raise Unsupported("exec is not wired yet")

    async def resize(self, exec_id: str, height: int, width: int) -> None:
        """Set its terminal's size."""
        raise Unsupported("exec is not wired yet")

    async def inspect(self, exec_id: str) -> ExecInspect:
        """Raises `NotFound` ("No such exec instance: x")."""
        raise Unsupported("exec is not wired yet")
