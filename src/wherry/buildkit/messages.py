"""The messages of BuildKit's services that are spoken here, with the fields that are used.

Sources: moby/buildkit api/services/control/control.proto, frontend/gateway/pb/gateway.proto,
session/*/*.proto; tonistiigi/fsutil types/*.proto.
"""

from __future__ import annotations

import time
from typing import ClassVar

from wherry.buildkit.wire import Message

__all__ = [
    "Bytes",
    "Capability",
    "BuildkitVersion",
    "Credentials",
    "CredentialsRequest",
    "DiskUsageRequest",
    "DiskUsageResponse",
    "Empty",
    "Entry",
    "HistoryRequest",
    "IdRequest",
    "InfoResponse",
    "Packet",
    "Platform",
    "Pong",
    "PruneRequest",
    "Ref",
    "RefRequest",
    "Result",
    "Return",
    "Secret",
    "Solve",
    "SolveBridge",
    "SolveBridgeResponse",
    "SolveResponse",
    "Stat",
    "Status",
    "StatusResponse",
    "Timestamp",
    "UsageRecord",
    "Vertex",
    "VertexLog",
    "VertexStatus",
    "VertexWarning",
    "WorkerRecord",
    "Workers",
]


class Empty(Message):
    """A message without fields that matter here."""


class Bytes(Message):
    NUMBERS: ClassVar = {"data": 1}
    data: bytes = b""


class Timestamp(Message):
    NUMBERS: ClassVar = {"seconds": 1, "nanos": 2}
    seconds: int = 0
    nanos: int = 0

    @classmethod
    def now(cls) -> Timestamp:
        """This moment."""
        return cls(*divmod(time.time_ns(), 1_000_000_000))


class Platform(Message):
    NUMBERS: ClassVar = {"architecture": 1, "os": 2, "variant": 3}
    architecture: str = ""
    os: str = ""
    variant: str = ""


class BuildkitVersion(Message):
    NUMBERS: ClassVar = {"package": 1, "version": 2, "revision": 3}
    package: str = ""
    version: str = ""
    revision: str = ""


class InfoResponse(Message):
    NUMBERS: ClassVar = {"version": 1}
    version: BuildkitVersion | None = None


class WorkerRecord(Message):
    NUMBERS: ClassVar = {"id": 1, "labels": 2, "platforms": 3, "version": 5}
    id: str = ""
    labels: dict[str, str] = {}
    platforms: list[Platform] = []
    version: BuildkitVersion | None = None


class Workers(Message):
    NUMBERS: ClassVar = {"record": 1}
    record: list[WorkerRecord] = []


class Capability(Message):
    NUMBERS: ClassVar = {"id": 1, "enabled": 2}
    id: str = ""
    enabled: bool = False


class Pong(Message):
    NUMBERS: ClassVar = {"frontend": 1, "llb": 2, "workers": 3}
    frontend: list[Capability] = []
    llb: list[Capability] = []
    workers: list[WorkerRecord] = []


class Entry(Message):
    """A kind with its attributes: a cache to import or export, an exporter."""

    NUMBERS: ClassVar = {"type": 1, "attrs": 2}
    type: str = ""
    attrs: dict[str, str] = {}


class CacheOptions(Message):
    NUMBERS: ClassVar = {"exports": 4, "imports": 5}
    exports: list[Entry] = []
    imports: list[Entry] = []


class Solve(Message):
    NUMBERS: ClassVar = {
        "ref": 1,
        "definition": 2,
        "exporter": 3,
        "exporter_attrs": 4,
        "session": 5,
        "frontend": 6,
        "attrs": 7,
        "cache": 8,
        "entitlements": 9,
        "exporters": 13,
        "session_exporter": 14,
    }
    ref: str = ""
    definition: Empty | None = None
    exporter: str = ""
    exporter_attrs: dict[str, str] = {}
    session: str = ""
    frontend: str = ""
    attrs: dict[str, str] = {}
    cache: CacheOptions | None = None
    entitlements: list[str] = []
    exporters: list[Entry] = []
    session_exporter: bool = False


class SolveResponse(Message):
    NUMBERS: ClassVar = {"response": 1}
    response: dict[str, str] = {}


class RefRequest(Message):
    NUMBERS: ClassVar = {"ref": 1}
    ref: str = ""


class HistoryRequest(Message):
    NUMBERS: ClassVar = {"active": 1, "ref": 2, "early_exit": 3}
    active: bool = False
    ref: str = ""
    early_exit: bool = False


class UsageRecord(Message):
    NUMBERS: ClassVar = {
        "id": 1,
        "in_use": 3,
        "size": 4,
        "created": 6,
        "used": 7,
        "uses": 8,
        "description": 9,
        "kind": 10,
        "shared": 11,
        "parents": 12,
    }
    id: str = ""
    in_use: bool = False
    size: int = 0
    created: Timestamp | None = None
    used: Timestamp | None = None
    uses: int = 0
    description: str = ""
    kind: str = ""
    shared: bool = False
    parents: list[str] = []


class DiskUsageRequest(Message):
    NUMBERS: ClassVar = {"filter": 1}
    filter: list[str] = []


class DiskUsageResponse(Message):
    NUMBERS: ClassVar = {"record": 1}
    record: list[UsageRecord] = []


class PruneRequest(Message):
    """`keep_ns`: only what was not used for that long."""

    NUMBERS: ClassVar = {"filter": 1, "all": 2, "keep_ns": 3, "reserved": 4, "most": 5, "free": 6}
    filter: list[str] = []
    all: bool = False
    keep_ns: int = 0
    reserved: int = 0
    most: int = 0
    free: int = 0


class Vertex(Message):
    NUMBERS: ClassVar = {
        "digest": 1,
        "inputs": 2,
        "name": 3,
        "cached": 4,
        "started": 5,
        "completed": 6,
        "error": 7,
    }
    digest: str = ""
    inputs: list[str] = []
    name: str = ""
    cached: bool = False
    started: Timestamp | None = None
    completed: Timestamp | None = None
    error: str = ""


class VertexStatus(Message):
    NUMBERS: ClassVar = {
        "id": 1,
        "vertex": 2,
        "name": 3,
        "current": 4,
        "total": 5,
        "timestamp": 6,
        "started": 7,
        "completed": 8,
    }
    id: str = ""
    vertex: str = ""
    name: str = ""
    current: int = 0
    total: int = 0
    timestamp: Timestamp | None = None
    started: Timestamp | None = None
    completed: Timestamp | None = None


class VertexLog(Message):
    NUMBERS: ClassVar = {"vertex": 1, "timestamp": 2, "stream": 3, "msg": 4}
    vertex: str = ""
    timestamp: Timestamp | None = None
    stream: int = 0
    msg: bytes = b""


class VertexWarning(Message):
    NUMBERS: ClassVar = {"vertex": 1, "level": 2, "short": 3}
    vertex: str = ""
    level: int = 0
    short: bytes = b""


class StatusResponse(Message):
    NUMBERS: ClassVar = {"vertexes": 1, "statuses": 2, "logs": 3, "warnings": 4}
    vertexes: list[Vertex] = []
    statuses: list[VertexStatus] = []
    logs: list[VertexLog] = []
    warnings: list[VertexWarning] = []


class SolveBridge(Message):
    """A frontend is asked for by a client that drives the build itself."""

    NUMBERS: ClassVar = {"definition": 1, "frontend": 2, "options": 3, "inputs": 13, "imports": 12}
    definition: Bytes | None = None
    frontend: str = ""
    options: dict[str, str] = {}
    imports: list[Entry] = []
    inputs: dict[str, Empty] = {}


class Ref(Message):
    NUMBERS: ClassVar = {"id": 1}
    id: str = ""


class Result(Message):
    NUMBERS: ClassVar = {"ref": 3, "metadata": 10}
    ref: Ref | None = None
    metadata: dict[str, bytes] = {}


class SolveBridgeResponse(Message):
    NUMBERS: ClassVar = {"ref": 1, "result": 3}
    ref: str = ""
    result: Result | None = None


class Status(Message):
    """google.rpc.Status."""

    NUMBERS: ClassVar = {"code": 1, "message": 2}
    code: int = 0
    message: str = ""


class Return(Message):
    NUMBERS: ClassVar = {"result": 1, "error": 2}
    result: Result | None = None
    error: Status | None = None


class Stat(Message):
    """One file. `mode` is Go's os.FileMode; `mtime` in ns since the epoch."""

    NUMBERS: ClassVar = {
        "path": 1,
        "mode": 2,
        "uid": 3,
        "gid": 4,
        "size": 5,
        "mtime": 6,
        "link": 7,
        "major": 8,
        "minor": 9,
        "xattrs": 10,
    }
    path: str = ""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    link: str = ""
    major: int = 0
    minor: int = 0
    xattrs: dict[str, bytes] = {}


class Packet(Message):
    NUMBERS: ClassVar = {"type": 1, "stat": 2, "id": 3, "data": 4}
    type: int = 0
    stat: Stat | None = None
    id: int = 0
    data: bytes = b""


class IdRequest(Message):
    """Of secrets and SSH agents."""

    NUMBERS: ClassVar = {"id": 1}
    id: str = ""


class Secret(Message):
    NUMBERS: ClassVar = {"data": 1}
    data: bytes = b""


class CredentialsRequest(Message):
    NUMBERS: ClassVar = {"host": 1}
    host: str = ""


class Credentials(Message):
    NUMBERS: ClassVar = {"username": 1, "secret": 2}
    username: str = ""
    secret: str = ""
