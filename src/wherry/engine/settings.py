"""What can be set about an engine: defaults, then `WHERRY_…` variables of its environment."""

from __future__ import annotations

import os
from typing import NamedTuple

from wherry.errors import Invalid


class Settings(NamedTuple):
    """Spans in seconds."""

    idle_after: float = 300.0
    """Quiet for this long, with nothing running and no client: the engine ends. 0: it stays."""
    stop_after: int = 10
    """From the stop signal to the kill, when neither container nor request says."""
    runtimes: dict[str, str] = {}  # noqa: RUF012  never changed
    """Other OCI runtimes by name; `crun` and `runc` are found on PATH."""


def from_environment() -> Settings:
    """Raises `Invalid` for a value that can't be read."""
    text = os.environ.get("WHERRY_IDLE_AFTER", "")
    settings = Settings(runtimes=_runtimes())
    if not text:
        return settings
    try:
        return settings._replace(idle_after=float(text))
    except ValueError:
        raise Invalid(f"WHERRY_IDLE_AFTER={text} is not a number of seconds") from None


def _runtimes() -> dict[str, str]:
    found = {"wherry": "wherry"}
    folders = os.environ.get("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin").split(
        ":"
    )
    for name in ("crun", "runc"):
        for folder in folders:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK):
                found[name] = path
                break
    return found
