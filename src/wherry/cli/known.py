"""What shells complete besides commands and flags: names that engine or compose files know, fixed words."""

from __future__ import annotations

from wherry.cli.command import Invocation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wherry.client.api import Client

    Candidates = list[tuple[str, str]]  # word, description

_CAPABILITIES = (
    *(
        "ALL",
        "AUDIT_CONTROL",
        "AUDIT_READ",
        "AUDIT_WRITE",
        "BLOCK_SUSPEND",
        "BPF",
        "CHECKPOINT_RESTORE",
        "CHOWN",
    ),
    *("DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE"),
    *(
        "LINUX_IMMUTABLE",
        "MAC_ADMIN",
        "MAC_OVERRIDE",
        "MKNOD",
        "NET_ADMIN",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
    ),
    *("NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT"),
    *("SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE"),
    *("SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM"),
)
_FIXED: dict[str, Sequence[tuple[str, str]]] = {
    "signal": [(name, "") for name in ("HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP")],
    "restart": [
        ("no", "it stays ended"),
        ("on-failure", "started again when it fails"),
        ("always", "started again always"),
        ("unless-stopped", "started again unless it was stopped"),
    ],
    "pull": [("always", ""), ("missing", ""), ("never", "")],
    "log-driver": [
        (name, "") for name in ("json-file", "local", "none", "journald", "syslog", "fluentd", "gelf")
    ],
    "platform": [("linux/amd64", ""), ("linux/arm64", "")],
    "cap-add": [(name, "") for name in _CAPABILITIES],
    "cap-drop": [(name, "") for name in _CAPABILITIES],
    "userns": [("host", "root inside is root outside")],
    "pid": [("host", "sees all processes")],
    "ipc": [("host", ""), ("private", ""), ("shareable", "")],
    "uts": [("host", "the machine's own name")],
    "cgroupns": [("host", ""), ("private", "")],
    "format": [("json", ""), ("table", "")],
    "progress": [("auto", ""), ("plain", ""), ("tty", ""), ("quiet", "")],
    "rmi": [("all", ""), ("local", "those without a name in the files")],
}
_FILTERS: dict[str, Sequence[str]] = {
    "ps": (
        *("ancestor=", "before=", "exited=", "expose=", "health=", "id=", "label=", "name=", "network="),
        *("publish=", "since=", "status=", "volume="),
    ),
    "images": ("before=", "dangling=", "label=", "reference=", "since=", "until="),
    "network ls": ("dangling=", "driver=", "id=", "label=", "name=", "scope=", "type="),
    "volume ls": ("dangling=", "driver=", "label=", "name="),
    "events": (
        "container=",
        "daemon=",
        "event=",
        "image=",
        "label=",
        "network=",
        "scope=",
        "type=",
        "volume=",
    ),
}


class Names:
    """Words for the command `found`. Those of the engine only when it is there; none when something fails."""

    def __init__(self, invocation: Invocation, found: str = "", compose: Sequence[str] = ()) -> None:
        self._invocation = invocation
        self._found = found
        self._compose = compose  # what stands before the verb of `wherry compose`

    def of(self, kind: str, flag: str) -> Candidates:
        """Candidates for a placeholder of a usage line (`CONTAINER`), or for the value of a flag."""
        kind = kind.partition(":")[0].partition("|")[0].partition("=")[0]
        if flag in _FIXED:
            return list(_FIXED[flag])
        if flag == "filter":
            return [(word, "") for word in _FILTERS.get(self._found, ())]
        local = {"SHELL": _shells, "COMMAND": _commands if self._found == "help" else None}.get(kind)
        if local is not None:
            return local()
        try:
            if kind == "SERVICE":
                return self._services()
            if kind in ("NAME", "CONTEXT") and self._found.startswith("context "):
                return _contexts()
            source = self._source(kind, flag)
            client = self._client() if source is not None else None
            return source(client) if source is not None and client is not None else []
        except Exception:
            return []  # a completion that fails completes nothing

    def _source(self, kind: str, flag: str) -> Callable[[Client], Candidates] | None:
        if kind == "NAME" and not flag and not self._found.endswith(" create"):
            return _containers
        if kind in ("VOLUME", "MOUNT") or flag in ("volume", "mount"):
            return _volumes
        return {
            "CONTAINER": _containers,
            "SRC_PATH": _containers,
            "IMAGE": _images,
            "SOURCE_IMAGE": _images,
            "NETWORK": _networks,
            "STACK": _stacks,
        }.get(kind)

    def _client(self) -> Client | None:
        from wherry.cli.engine.process import listening
        from wherry.client.address import chosen_address

        address = chosen_address(self._invocation.host)
        return self._invocation.client if address.scheme != "unix" or listening(address.target) else None

    def _services(self) -> Candidates:
        from wherry.cli.compose import entry
        from wherry.cli.flags import parse

        entry.find_packages()
        from wherry.cli.compose.opened import Opened

        flags, _ = parse(entry.COMMAND.flags, self._compose, interspersed=False)
        project = Opened(flags, self._invocation.host).project
        return [(name, service.image or "built") for name, service in project.services.items()]


def _shells() -> Candidates:
    return [("bash", ""), ("zsh", ""), ("fish", "")]


def _commands() -> Candidates:
    from wherry.cli.tree import COMMANDS, HIDDEN

    return [(name, what[1]) for name, what in COMMANDS.items() if " " not in name and name not in HIDDEN]


def _contexts() -> Candidates:
    from wherry.client.contexts import names

    return [(name, "") for name in names()]


def _containers(client: Client) -> Candidates:
    return [
        (name.lstrip("/"), f"{entry['Image']}, {entry['Status']}")
        for entry in client.get("/containers/json?all=1")
        for name in entry["Names"][:1]
    ]


def _images(client: Client) -> Candidates:
    entries = client.get("/images/json")
    return [
        (tag.removesuffix(":latest"), "image") for entry in entries for tag in entry.get("RepoTags") or ()
    ]


def _networks(client: Client) -> Candidates:
    return [(network["Name"], network.get("Driver", "")) for network in client.get("/networks")]


def _volumes(client: Client) -> Candidates:
    return [(volume["Name"], volume.get("Driver", "")) for volume in client.get("/volumes")["Volumes"] or ()]


def _stacks(client: Client) -> Candidates:
    project = "com.docker.compose.project"
    filters = f'/containers/json?all=1&filters={{"label":["{project}"]}}'.replace('"', "%22")
    return [(name, "") for name in sorted({entry["Labels"][project] for entry in client.get(filters)})]
