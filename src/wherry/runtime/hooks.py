"""Hooks of the OCI runtime specification (config.md, "POSIX-platform Hooks")."""

from __future__ import annotations

import json
import os
import select
import signal
from typing import Any

from wherry.runtime.failure import RuntimeFailure


def wanted(spec: dict[str, Any], *kinds: str) -> bool:
    """Whether `spec` has a hook of one of `kinds`."""
    hooks = spec.get("hooks") or {}
    return any(hooks.get(kind) for kind in kinds)


def run(spec: dict[str, Any], state: dict[str, Any], pid: int, *kinds: str, status: str = "creating") -> None:
    """Run the hooks of `kinds` in order, each given the container's state on standard input.

    Blocks until they end or their time is over. Raises RuntimeFailure for the first that fails.
    """
    if not wanted(spec, *kinds):
        return
    given = json.dumps({**state, "pid": pid, "status": status}).encode()
    for kind in kinds:
        for hook in spec["hooks"].get(kind) or ():
            _run(hook, kind, given)


def _run(hook: dict[str, Any], kind: str, given: bytes) -> None:
    path = hook["path"]
    reader, writer = os.pipe()
    complaint_reader, complaint_writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(reader, 0)
            os.dup2(complaint_writer, 2)
            os.execve(path, hook.get("args") or [path], _environment(hook))
        except OSError as error:
            os.write(2, (error.strerror or "").lower().encode())
        finally:
            os._exit(127)
    os.close(reader)
    os.close(complaint_writer)
    try:
        os.write(writer, given)
    except BrokenPipeError:
        pass  # a hook need not read it
    os.close(writer)
    status = _wait(pid, hook.get("timeout"))
    complaint = os.read(complaint_reader, 4096).decode(errors="replace").strip() if status else ""
    os.close(complaint_reader)
    if status is None:
        said = f"hook {path} ({kind}) did not end within {hook['timeout']} s"
        raise RuntimeFailure(said, stage="running a hook")
    if status:
        code = os.waitstatus_to_exitcode(status)
        said = f": {complaint}" if complaint else ""
        raise RuntimeFailure(f"hook {path} ({kind}) ended with {code}{said}", stage="running a hook")


def _environment(hook: dict[str, Any]) -> dict[str, str]:
    entries = (entry.partition("=") for entry in hook.get("env") or ())
    return {key: value for key, _equals, value in entries}


def _wait(pid: int, timeout: int | None) -> int | None:
    """The wait status of `pid`; None when `timeout` seconds went by first (it is killed then)."""
    if timeout:
        watch = os.pidfd_open(pid)
        ready, _writable, _other = select.select([watch], [], [], timeout)
        os.close(watch)
        if not ready:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
    return os.waitpid(pid, 0)[1]
