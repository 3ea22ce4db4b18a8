"""What the supervisor takes for itself at its start, and its containers must not inherit."""

from __future__ import annotations

import os
import resource
from typing import Any, NamedTuple

OOM_SCORE = -500
"""For want of memory a container should be killed before the process that every container depends on."""


class Standing(NamedTuple):
    """The limits the supervisor was started with."""

    files: tuple[int, int]
    """Soft and hard limit of open files."""
    oom_score: int | None
    """None where it could not be lowered, so is what everybody has."""

    def give_back(self, process: dict[str, Any]) -> dict[str, Any]:
        """An OCI `process` that says itself what it would otherwise inherit."""
        limits = process.get("rlimits") or []
        if not any(limit.get("type") == "RLIMIT_NOFILE" for limit in limits):
            soft, hard = self.files
            limits = [*limits, {"type": "RLIMIT_NOFILE", "soft": soft, "hard": hard}]
        process = {**process, "rlimits": limits}
        if self.oom_score is not None and process.get("oomScoreAdj") is None:
            process["oomScoreAdj"] = self.oom_score
        return process


def take() -> Standing:
    """Allow this process as many files as it may have, and ask the kernel to spare it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        pass  # then it is as many as before
    return Standing((soft, hard), _lower_oom_score())


def _lower_oom_score() -> int | None:
    path = "/proc/self/oom_score_adj"
    try:
        with open(path) as file:
            before = int(file.read())
        if before > OOM_SCORE and os.geteuid() == 0:
            with open(path, "w") as file:
                file.write(str(OOM_SCORE))
            return before
    except (OSError, ValueError):
        pass  # in a user namespace nobody may
    return None
