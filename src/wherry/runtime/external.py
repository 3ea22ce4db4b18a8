"""Other OCI runtimes (crun, runc, …) driven as our own is: the same plan of mounts in, the same `Launch` out.

    launcher ──fork──▶ keeper: enters the stage's mount namespace, becomes `crun create …`
                         │
                         └──clone──▶ stage: new user and mount namespace, mounts the root file system

A runtime wants its root file system at a path. It gets one in a mount namespace of its own, which goes when
the runtime is done with it, so nothing is ever mounted on the host and nothing can be left there. The overlay
is mounted inside the container's user namespace, which the runtime is told to join.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import Any

from wherry.errors import Unsupported
from wherry.linux import processes
from wherry.linux.null import open_null
from wherry.runtime import INIT_ANNOTATION, external_stage
from wherry.runtime import plan as plans
from wherry.runtime.failure import NOT_EXECUTABLE, NOT_FOUND, RUNTIME, RuntimeFailure


class ExternalRuntime:
    """One runtime by the path of its executable, with its state below `root`. Keeps nothing in memory.

    `options` are further words for every command (the `runtimeArgs` of Docker's configuration).
    """

    def __init__(self, path: str, root: str, options: tuple[str, ...] = ()) -> None:
        self.path = path
        self.root = root
        self.options = options

    def launch(
        self,
        name: str,
        spec: dict[str, Any],
        *,
        rootfs: dict[str, Any],
        bundle: str,
        stdio: tuple[int, int, int] | None = None,
    ) -> ExternalLaunch:
        """Begin to create container `name`; `bundle` is a directory of the caller's to write it into.

        The caller becomes a subreaper, for the runtime's init is to become its child. Raises Unsupported at
        once for what only our own runtime does.
        """
        if (spec.get("annotations") or {}).get(INIT_ANNOTATION) == "true":
            raise Unsupported(f"--init is not supported with the runtime {self.path}")
        plan = plans.of(spec, rootfs)
        terminal = bool(spec["process"].get("terminal"))
        files = _Files(bundle, terminal)
        words = [
            *self._begin(files), "create", "--bundle", bundle, "--pid-file", files.pid,
            *files.console_words(), name,
        ]  # fmt: skip
        processes.set_child_subreaper()
        stdio = None if terminal else stdio
        staging = external_stage.Staging(plan, spec, bundle)
        keeper, stage_end = staging.fork(words, stdio)
        return ExternalLaunch(self, keeper, files, name, stage_end)

    def launch_exec(
        self,
        name: str,
        process: dict[str, Any],
        *,
        directory: str,
        stdio: tuple[int, int, int] | None = None,
    ) -> ExternalLaunch:
        """Begin to start `process` in container `name`; `directory` is an empty one of the caller's to use.

        It executes when `advance` first returns True: other runtimes have no step between.
        """
        path = os.path.join(directory, "process.json")
        with open(path, "w") as file:
            json.dump(process, file)
        files = _Files(directory, bool(process.get("terminal")))
        words = [
            *self._begin(files), "exec", "--detach", "--process", path, "--pid-file", files.pid,
            *files.console_words(), name,
        ]  # fmt: skip
        processes.set_child_subreaper()
        return ExternalLaunch(self, spawn(words, None if process.get("terminal") else stdio), files, "")

    def delete(self, name: str) -> int:
        """Begin to remove what is remembered of an ended container; returns the pid of a child to reap."""
        return spawn([*self._always(), "delete", "--force", name], None)

    def start(self, name: str, files: _Files) -> int:
        """Begin to start a created container; returns the pid of a child to reap."""
        return spawn([*self._begin(files), "start", name], None)

    def _begin(self, files: _Files) -> list[str]:
        return [*self._always(), "--log", files.log, "--log-format", "json"]

    def _always(self) -> list[str]:
        return [self.path, "--root", self.root, *self.options]


class _Files:
    """What a runtime is told to write and where it is to send a terminal, in one directory."""

    def __init__(self, directory: str, terminal: bool) -> None:
        self.pid = os.path.join(directory, "pid")
        self.log = os.path.join(directory, "log.json")
        self.listener: socket.socket | None = None
        self._directory = -1
        for path in (self.pid, self.log):
            if os.path.exists(path):
                os.unlink(path)
        if terminal:
            # By way of a descriptor: the address of a socket holds 108 bytes.
            self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            place = f"/proc/self/fd/{self._directory}/console.sock"
            self._console = f"/proc/{os.getpid()}/fd/{self._directory}/console.sock"
            if os.path.exists(place):
                os.unlink(place)
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(place)
            self.listener.listen(1)
            self.listener.setblocking(False)

    def console_words(self) -> list[str]:
        return ["--console-socket", self._console] if self.listener else []

    def take_console(self) -> int | None:
        """The terminal's master that the runtime has sent by now."""
        if self.listener is None:
            return None
        try:
            connection, _address = self.listener.accept()
        except BlockingIOError:
            return None
        with connection:
            _data, descriptors, _flags, _from = socket.recv_fds(connection, 4096, 1)
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            return descriptor
        return None

    def complaint(self) -> str:
        """The last error in the runtime's log, "" without one."""
        said = ""
        try:
            with open(self.log, errors="replace") as file:
                for line in file:
                    try:
                        entry = json.loads(line)
                    except ValueError:
                        continue
                    if entry.get("level") in ("error", "fatal"):
                        said = entry.get("msg") or said
        except FileNotFoundError:
            pass
        return said.strip()

    def close(self) -> None:
        if self.listener is not None:
            self.listener.close()
            self.listener = None
        if self._directory >= 0:
            os.close(self._directory)
            self._directory = -1


class ExternalLaunch:
    """The same life as `runtime.Launch`, for a container or process that another runtime makes."""

    def __init__(
        self, runtime: ExternalRuntime, child: int, files: _Files, name: str, stage_end: int = -1
    ) -> None:
        """`name` is "" for an exec, which has nothing left to start once it is there."""
        self.pid = 0
        self.pidfd = -1
        self.console: int | None = None
        self.warnings: list[str] = []
        self.created = False
        self.executing = False
        self._runtime = runtime
        self._name = name
        self._files = files
        self._child = child
        self._watch = os.pidfd_open(child)
        self._stage_end = stage_end

    def fileno(self) -> int:
        """A descriptor to poll for reading; it changes with `start`."""
        return self._watch

    def advance(self) -> bool:
        """As `Launch.advance`."""
        if self.created and not self._child:
            self.executing = True
            self.close()
            return True
        pid, status = os.waitpid(self._child, os.WNOHANG)
        if not pid:
            return False
        self._child = 0
        if status:
            raise self._failed(os.waitstatus_to_exitcode(status))
        if self.created:
            self.executing = True
            self.close()
            return True
        self.console = self._files.take_console()
        with open(self._files.pid) as file:
            self.pid = int(file.read())
        self.pidfd = os.pidfd_open(self.pid)
        self.created = True
        self._let_stage_go()
        return True

    def start(self) -> None:
        """Let the program execute."""
        if self._name:
            self._child = self._runtime.start(self._name, self._files)
            os.close(self._watch)
            self._watch = os.pidfd_open(self._child)

    def abort(self) -> None:
        """Kill and remove whatever there is of it. Blocks until the runtime has done so."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0
        if self._name:
            os.waitpid(self._runtime.delete(self._name), 0)
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        for descriptor in (self.pidfd, self.console):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)
        self.pidfd, self.console = -1, None
        self.close()

    def close(self) -> None:
        """Give up what is no longer needed; repeatable."""
        if self._watch >= 0:
            os.close(self._watch)
            self._watch = -1
        self._files.close()
        self._let_stage_go()

    def _let_stage_go(self) -> None:
        if self._stage_end >= 0:
            os.close(self._stage_end)
            self._stage_end = -1

    def _failed(self, status: int) -> RuntimeFailure:
        said = self._files.complaint() or f"{self._runtime.path} ended with {status}"
        code = RUNTIME
        if "executable file not found" in said or "no such file or directory" in said.lower():
            code = NOT_FOUND
        elif "permission denied" in said.lower() or "is a directory" in said.lower():
            code = NOT_EXECUTABLE
        self.abort()
        return RuntimeFailure(said, stage=f"running {self._runtime.path}", exit_code=code)


def spawn(words: list[str], stdio: tuple[int, int, int] | None) -> int:
    """Start a runtime with `stdio`, or with nothing to read and write; returns its pid."""
    null = open_null(os.O_RDWR) if stdio is None else -1
    try:
        given = stdio or (null, null, null)
        actions = [(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(given)]
        return os.posix_spawn(words[0], words, os.environ, file_actions=actions)
    finally:
        if null >= 0:
            os.close(null)
