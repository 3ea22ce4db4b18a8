"""The stage on which another runtime finds its root file system: a mount namespace made for that."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from typing import Any

from wherry.linux import idmaps, mounts, namespaces, processes, resolve
from wherry.linux.null import open_null
from wherry.runtime import become, root, setup
from wherry.runtime import channel as messages
from wherry.runtime import descriptors as transfer
from wherry.runtime.failure import RuntimeFailure, from_error
from wherry.runtime.plan import Mount, Plan


class Staging:
    """The root file system of `plan`, to be mounted where a runtime finds it; the bundle goes to `bundle`."""

    def __init__(self, plan: Plan, spec: dict[str, Any], bundle: str) -> None:
        self._plan = plan
        self._spec = spec
        self._bundle = bundle
        # Directories that the root of the user namespace can reach, and that exist outside of the stage too,
        # where runtimes look for the root's path when they start more processes.
        self._root = root.spare_directory(1)
        self._binds = root.spare_directory(2)
        # Binds whose owners are to look right, and of parts of a source, are made by us and bound once more.
        self._mapped = [
            (index, mount)
            for index, mount in enumerate(plan.mounts)
            if mount.kind == "bind"
            and (mount.options.subpath or (mount.options.idmap and not plan.is_identity()))
        ]

    def fork(self, words: list[str], stdio: tuple[int, int, int] | None) -> tuple[int, int]:
        """Run the runtime `words` on the stage. Returns its pid, and what keeps the stage until closed."""
        held, hold = os.pipe()
        pid = os.fork()
        if pid:
            os.close(held)
            return pid, hold
        try:
            os.close(hold)
            stage = setup.Stage()
            try:
                self._become_runtime(words, stdio, held, stage)
            except BaseException as error:
                self._complain(words, from_error(error, stage.now))
        finally:
            os._exit(1)

    def _become_runtime(
        self, words: list[str], stdio: tuple[int, int, int] | None, held: int, stage: setup.Stage
    ) -> None:
        plan = self._plan
        os.umask(0)
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stage.now = "creating namespaces"
        holder = namespaces.clone(plan.new & namespaces.NEWUSER)
        if holder == 0:
            near.close()
            self._hold(far, held)
        far.close()
        try:
            if plan.makes(namespaces.NEWUSER):
                stage.now = "writing the user namespace's id maps"
                idmaps.write(holder, plan.uids, plan.gids)
            near.send(b"m")
            users = next((path for flag, path in plan.joins if flag == namespaces.NEWUSER), "")
            userns = os.open(users or f"/proc/{holder}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
            descriptors: list[int] = []
            for layers in plan.root:
                stage.now = "opening the root file system"
                descriptors += setup.open_layers(layers, userns)
            for _index, mount in self._mapped:
                stage.now = f"opening {mount.source}"
                descriptors.append(setup.open_bind(mount, plan, userns, near))
            transfer.send(near, descriptors)
            stage.now = "mounting the root file system"
            answer = near.recv(messages.SIZE)
            if answer != b"r":
                raise RuntimeFailure(answer.decode(errors="replace") or "the stage's process ended")
            stage.now = "writing the bundle"
            self._write_bundle(holder)
            stage.now = "entering the stage"
            for descriptor in descriptors:
                os.close(descriptor)
            place = os.open(f"/proc/{holder}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            namespaces.enter(place, namespaces.NEWNS)
            os.chdir(self._bundle)
        except BaseException:
            os.kill(holder, signal.SIGKILL)
            raise
        for number in range(3):
            source = open_null(os.O_RDWR) if stdio is None else os.dup(stdio[number])
            os.dup2(source, number)
        processes.close_on_exec_from(3)
        stage.now = f"executing {words[0]}"
        os.execv(words[0], words)

    def _hold(self, setup_end: socket.socket, held: int) -> None:
        """Be the process whose mount namespace is the stage, until `held` is closed by everyone else."""
        try:
            if setup_end.recv(1) == b"m":
                for flag, path in self._plan.joins:
                    if flag == namespaces.NEWUSER:
                        namespaces.enter(os.open(path, os.O_RDONLY | os.O_CLOEXEC), flag)
                become.root_of_namespace(self._plan.uids, self._plan.gids)
                namespaces.unshare(namespaces.NEWNS)
                mounts.set_propagation("/", mounts.SLAVE)
                count = sum(layers.descriptors() for layers in self._plan.root) + len(self._mapped)
                received = transfer.receive(setup_end, count)
                place = os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
                root.attach_layers(self._plan, received, place)
                self._attach_mapped(received)
                setup_end.send(b"r")
                os.read(held, 1)
        except BaseException as error:
            setup_end.send(from_error(error, "mounting the root file system").message.encode())
        finally:
            os._exit(0)

    def _attach_mapped(self, received: list[int]) -> None:
        if not self._mapped:
            return
        base = mounts.new("tmpfs", {"mode": "755", "size": "64k"})
        place = os.open(self._binds, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        mounts.attach(base, place)
        for index, _mount in self._mapped:
            tree = received.pop()
            directory = stat.S_ISDIR(os.fstat(tree).st_mode)
            make = resolve.make_directory if directory else resolve.make_file
            mounts.attach(tree, make(base, str(index)))

    def _write_bundle(self, holder: int) -> None:
        spec = dict(self._spec)
        spec["ociVersion"] = "1.0.2"  # what every runtime takes
        spec["root"] = {"path": self._root, "readonly": self._plan.read_only}
        mapped: dict[int, Mount] = dict(self._mapped)
        spec["mounts"] = [
            _plainly(entry, f"{self._binds}/{index}" if index in mapped else "")
            for index, entry in enumerate(self._spec.get("mounts") or ())
        ]
        linux = dict(spec.get("linux") or {})
        if self._plan.makes(namespaces.NEWUSER):
            linux["namespaces"] = [
                {"type": "user", "path": f"/proc/{holder}/ns/user"} if entry["type"] == "user" else entry
                for entry in linux["namespaces"]
            ]
        spec["linux"] = linux
        with open(os.path.join(self._bundle, "config.json"), "w") as file:
            json.dump(spec, file)

    def _complain(self, words: list[str], failure: RuntimeFailure) -> None:
        """Say it where the runtime itself would have."""
        log = words[words.index("--log") + 1]
        with open(log, "a") as file:
            file.write(json.dumps({"level": "error", "msg": failure.message}) + "\n")


def _plainly(entry: dict[str, Any], source: str) -> dict[str, Any]:
    """A mount without the options that are ours alone."""
    plain = {key: value for key, value in entry.items() if key not in ("uidMappings", "gidMappings")}
    plain["options"] = [
        word
        for word in entry.get("options") or ()
        if word not in ("idmap", "ridmap") and not word.startswith("subpath=")
    ]
    if source:
        plain["source"] = source
    return plain
