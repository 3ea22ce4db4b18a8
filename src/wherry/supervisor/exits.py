"""How a process ended: learning it, and recording it where the engine finds it."""

from __future__ import annotations

import json
import os
import time

from wherry.linux import pidfd as pidfds
from wherry.supervisor.protocol import Message
from wherry.supervisor.records import Exit

UNKNOWN = 255
"""The code of an end that nobody saw, as Docker has it."""


def of_child(pidfd: int) -> int | None:
    """Reap a child and return its wait status; None while it runs. ChildProcessError when it is no child."""
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    if result is None:
        return None
    if result.si_code == os.CLD_EXITED:
        return result.si_status << 8
    return result.si_status | (0x80 if result.si_code == os.CLD_DUMPED else 0)


def of_stranger(pidfd: int, pid: int) -> int | None:
    """The wait status of an ended process that is not our child; None when it can't be learned (yet)."""
    status = pidfds.exit_status(pidfd) if pidfd >= 0 else None
    return pidfds.zombie_status(pid) if status is None else status


def make(container: str, exec_id: str, status: int | None, *, oom: bool, reason: str = "") -> Exit:
    """An Exit, now, from a wait status; None is an end that nobody saw, and `reason` says why."""
    if status is None:
        return Exit(container, exec_id, UNKNOWN, 0, oom, time.time_ns(), reason)
    signal = status & 0x7F
    code = 128 + signal if signal else status >> 8
    return Exit(container, exec_id, code, signal, oom, time.time_ns(), reason)


def to_wire(ended: Exit) -> Message:
    return {
        "id": ended.container,
        "exec": ended.exec_id,
        "code": ended.code,
        "signal": ended.signal,
        "oom": ended.oom,
        "finished_at": ended.finished_at,
        "reason": ended.reason,
    }


def from_wire(wire: Message) -> Exit:
    return Exit(
        wire["id"],
        wire["exec"],
        wire["code"],
        wire["signal"],
        wire["oom"],
        wire["finished_at"],
        wire["reason"],
    )


def write(path: str, ended: Exit) -> None:
    """Write `exit.json`, whole or not at all; on a full disk there is just the event."""
    try:
        write_file(path, to_wire(ended))
    except OSError:
        pass


def read(path: str) -> Exit | None:
    """What `write` wrote; None when there is none."""
    try:
        with open(path, "rb") as file:
            return from_wire(json.load(file))
    except (OSError, ValueError, KeyError):
        return None


def write_file(path: str, value: Message) -> None:
    """Write a JSON file atomically. Raises OSError; nothing is left behind then."""
    temporary = path + ".new"
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            data = json.dumps(value).encode()
            while data:
                data = data[os.write(file, data) :]
        finally:
            os.close(file)
        os.rename(temporary, path)
    except OSError:
        try:
            os.unlink(temporary)
        except OSError:
            pass
        raise
