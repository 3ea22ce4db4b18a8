"""What runs in a container: Docker's `Config`, the part that an image can give defaults for."""

from __future__ import annotations

from typing import ClassVar

from msgspec import field

from .wire import Wire


class Healthcheck(Wire):
    """Times in nanoseconds; 0 means the default (interval 30 s, timeout 30 s, start period 0, 3 retries).

    `test` is `["NONE"]`, `["CMD", arg…]`, `["CMD-SHELL", line]`, or empty for the image's own.
    """

    omit_empty: ClassVar[frozenset[str]] = frozenset(
        {"Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"}
    )

    test: list[str] | None = None
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


class Empty(Wire):
    """The `{}` that Docker's sets of ports and of volumes have as values."""


class ContainerConfig(Wire):
    """Docker's `Config`. Lists and maps that were not given are None, as Docker shows them (`null`)."""

    omit_empty: ClassVar[frozenset[str]] = frozenset(
        {
            "ExposedPorts",
            "Healthcheck",
            "ArgsEscaped",
            "NetworkDisabled",
            "MacAddress",
            "StopSignal",
            "StopTimeout",
            "Shell",
        }
    )

    hostname: str = ""
    domainname: str = ""
    user: str = ""
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    exposed_ports: dict[str, Empty | None] | None = None
    tty: bool = False
    open_stdin: bool = False
    stdin_once: bool = False
    env: list[str] | None = None
    cmd: list[str] | None = None
    healthcheck: Healthcheck | None = None
    args_escaped: bool = False
    image: str = ""
    volumes: dict[str, Empty | None] | None = None
    working_dir: str = ""
    entrypoint: list[str] | None = None
    network_disabled: bool = False
    mac_address: str = ""
    on_build: list[str] | None = None
    labels: dict[str, str] | None = None
    stop_signal: str = ""
    stop_timeout: int | None = None  # seconds; -1 waits for ever
    shell: list[str] | None = None


class ProcessConfig(Wire):
    """An exec's command as `inspect` of an exec shows it."""

    omit_empty: ClassVar[frozenset[str]] = frozenset({"user", "privileged"})

    tty: bool = field(name="tty", default=False)
    entrypoint: str = field(name="entrypoint", default="")
    arguments: list[str] = field(name="arguments", default_factory=list)
    privileged: bool = field(name="privileged", default=False)
    user: str = field(name="user", default="")


class ExecConfig(Wire):
    """Body of `POST /containers/{id}/exec`."""

    user: str = ""
    privileged: bool = False
    tty: bool = False
    console_size: tuple[int, int] | None = None  # height, width
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach_keys: str = ""
    env: list[str] | None = None
    working_dir: str = ""
    cmd: list[str] | None = None


class ExecInspect(Wire):
    """Answer of `GET /exec/{id}/json`."""

    id: str = field(name="ID", default="")
    running: bool = False
    exit_code: int | None = None
    process_config: ProcessConfig = field(default_factory=ProcessConfig)
    open_stdin: bool = False
    open_stderr: bool = False
    open_stdout: bool = False
    can_remove: bool = False
    container_id: str = field(name="ContainerID", default="")
    detach_keys: str = ""
    pid: int = 0
