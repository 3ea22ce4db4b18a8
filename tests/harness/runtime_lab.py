"""The tests' side of the runtime driver: specifications to vary, a root file system, and answers."""

from __future__ import annotations

import copy
import json
import os
import pwd
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from tests.harness.capabilities import have

ROOT = Path(__file__).resolve().parents[2]

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEFAULT = (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
    "SYS_CHROOT KILL AUDIT_WRITE"
)
CAPABILITIES = [f"CAP_{name}" for name in _DEFAULT.split()]
_NONE = ["nosuid", "noexec", "nodev"]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


class Outcome(NamedTuple):
    """What became of a container or process."""

    code: int | None
    out: str
    err: str
    console: str
    warnings: list[str]
    failure: dict[str, Any] | None
    pid: int

    @property
    def message(self) -> str:
        assert self.failure is not None, (self.code, self.out, self.err)
        return str(self.failure["message"])


def mount(destination: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    """One entry of `mounts`."""
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def bind(source: object, destination: str, *options: str) -> dict[str, Any]:
    """A bind mount."""
    return mount(destination, "bind", str(source), "rbind", *options)


class Laboratory:
    """A driver process and a busybox root; close it to end and remove both."""

    def __init__(self, directory: Path, tar: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        if os.geteuid() != 0:
            environment["DRIVER_MAPS"] = json.dumps(_rootless_maps())
        self.directory = directory
        self._numbers = count(1)
        self._driver = subprocess.Popen(
            [sys.executable, "-m", "tests.harness.runtime_driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=ROOT,
            text=True,
        )
        self.layer = directory / "layer"
        self.ask("unpack", tar=str(tar), directory=str(self.layer))
        self._maps = self.ask("maps")

    def close(self) -> None:
        """End the driver and remove what containers wrote."""
        self.ask("remove", directory=str(self.directory / "roots"))
        self.ask("remove", directory=str(self.layer))
        assert self._driver.stdin and self._driver.stdout
        self._driver.stdin.close()
        self._driver.wait(60)
        self._driver.stdout.close()

    @property
    def many_ids(self) -> bool:
        """Whether containers have users beside root."""
        return bool(sum(size for _inside, _outside, size in self._maps["uid"]) > 1000)

    def ask(self, op: str, **request: Any) -> dict[str, Any]:
        """One request to the driver."""
        assert self._driver.stdin and self._driver.stdout
        self._driver.stdin.write(json.dumps({"op": op, **request}) + "\n")
        self._driver.stdin.flush()
        answer = self._driver.stdout.readline()
        assert answer, "the driver ended"
        return json.loads(answer)  # type: ignore[no-any-return]

    def spec(self, *args: str, own_user: bool = True) -> dict[str, Any]:
        """A container like Docker's default one that runs `args`; a copy to change."""
        kinds = ["mount", "pid", "network", "ipc", "uts", "cgroup", *(["user"] if own_user else [])]
        sets = ("bounding", "effective", "permitted")
        spec: dict[str, Any] = {
            "ociVersion": "1.2.0",
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": list(args),
                "env": [PATH],
                "cwd": "/",
                "noNewPrivileges": True,
                "capabilities": {kind: list(CAPABILITIES) for kind in sets},
            },
            "root": {"path": "rootfs"},
            "hostname": "laboratory",
            "mounts": [
                mount("/proc", "proc", "proc", *_NONE),
                mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
                mount("/dev/pts", "devpts", "devpts", *_NONE[:2], "newinstance", "ptmxmode=0666", "gid=5"),
                mount("/dev/shm", "tmpfs", "shm", *_NONE, "mode=1777", "size=65536k"),
                mount("/dev/mqueue", "mqueue", "mqueue", *_NONE),
                mount("/sys", "sysfs", "sysfs", *_NONE, "ro"),
                mount("/sys/fs/cgroup", "cgroup", "cgroup", *_NONE, "relatime", "ro"),
            ],
            "linux": {
                "namespaces": [{"type": kind} for kind in kinds],
                "maskedPaths": list(MASKED),
                "readonlyPaths": list(READ_ONLY),
            },
        }
        if own_user:
            spec["linux"]["uidMappings"] = self.mappings("uid")
            spec["linux"]["gidMappings"] = self.mappings("gid")
        return spec

    def mappings(self, kind: str) -> list[dict[str, int]]:
        """As root a range of its own, else the driver's own ids as they are."""
        if os.geteuid() == 0:
            return [{"containerID": 0, "hostID": 1_000_000, "size": 65536}]
        return [
            {"containerID": inside, "hostID": inside, "size": size}
            for inside, _outside, size in self._maps[kind]
        ]

    def rootfs(self, *lower: str, read_only: bool = False) -> dict[str, Any]:
        """A fresh overlay on the busybox layer (or `lower`)."""
        place = self.directory / "roots" / str(next(self._numbers))
        (place / "upper").mkdir(parents=True)
        (place / "work").mkdir()
        overlay = {
            "type": "overlay",
            "target": "/",
            "lower": list(lower) or [str(self.layer)],
            "upper": str(place / "upper"),
            "work": str(place / "work"),
        }
        return {"mounts": [overlay], "readonly": read_only}

    def run(
        self, spec: dict[str, Any] | str, rootfs: dict[str, Any] | None = None, keep: str = ""
    ) -> Outcome:
        """Run a container; a string is a script for its shell."""
        if isinstance(spec, str):
            spec = self.spec("sh", "-c", spec)
        return _outcome(self.ask("run", spec=spec, rootfs=rootfs or self.rootfs(), keep=keep))

    def exec(self, name: str, spec: dict[str, Any], **process: Any) -> Outcome:
        """Run a process in the kept container `name`, made from `spec`."""
        merged = copy.deepcopy(spec["process"]) | process
        return _outcome(self.ask("exec", name=name, process=merged, spec=spec))

    def shell(self, script: str) -> str:
        """The output of a command outside of containers, with the driver's rights."""
        answer = self.ask("shell", script=script)
        assert answer["code"] == 0, answer
        return str(answer["out"])


def _outcome(answer: dict[str, Any]) -> Outcome:
    assert not answer.get("timed_out"), answer
    return Outcome(
        answer["code"],
        answer["out"],
        answer["err"],
        answer.get("console", "").replace("\r\n", "\n"),
        answer["warnings"],
        answer["failure"],
        answer.get("pid", 0),
    )


def _rootless_maps() -> list[list[list[int]]]:
    """The user as root, then the subordinate ids if there are any."""
    maps = []
    for own, path in ((os.getuid(), "/etc/subuid"), (os.getgid(), "/etc/subgid")):
        entries = [[0, own, 1]]
        if have("subordinate-ids"):
            name = pwd.getpwuid(os.getuid()).pw_name
            for line in Path(path).read_text().splitlines():
                owner, first, size = line.split(":")
                if owner in (name, str(os.getuid())):
                    entries.append([1, int(first), int(size)])
                    break
        maps.append(entries)
    return maps
