"""From Python values to the JSON that makes a container."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from wherry.errors import Invalid

Ports = Sequence[int | str] | Mapping[int | str, int | str | None]
_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Options(TypedDict, total=False):
    """How a container is to be, besides its image and command.

    `ports`: container ports to publish on 127.0.0.1, `[5432, "53/udp"]` each on a free port, or
    `{80: 8080, "53/udp": "0.0.0.0:5353"}`. `volumes`: `["./site:/srv:ro", "data:/var/lib/data"]` or
    `{"./site": "/srv:ro"}`. `memory`: bytes, or text such as `256m`. `cpus`: how many CPUs' time.
    `network`: a network's name, `none` or `host`; `aliases`: more names on it. `health`: a shell command that
    says whether it is healthy, tried every `health_interval` seconds. `remove`: the engine removes it when it
    ends. `extra`: members of the API's body that have no option here, which win over what is here.
    """

    name: str
    env: Mapping[str, str]
    ports: Ports
    volumes: Sequence[str] | Mapping[str, str]
    labels: Mapping[str, str]
    entrypoint: Sequence[str] | str
    user: str
    workdir: str
    hostname: str
    network: str
    aliases: Sequence[str]
    memory: int | str
    cpus: float
    pids: int
    read_only: bool
    tmpfs: Sequence[str]
    cap_add: Sequence[str]
    cap_drop: Sequence[str]
    init: bool
    tty: bool
    stdin: bool
    restart: str
    remove: bool
    health: str
    health_interval: float
    health_retries: int
    platform: str
    extra: Mapping[str, Any]


def words(command: Sequence[str] | str) -> list[str]:
    """A command as a list; one text is split as a shell would."""
    return shlex.split(command) if isinstance(command, str) else list(command)


def body(image: str, command: Sequence[str] | str, options: Options) -> dict[str, Any]:
    """The body of `POST /containers/create`. Raises Invalid for a value that means nothing."""
    unknown = set(options) - set(Options.__annotations__)
    if unknown:
        raise TypeError(f"unknown option: {', '.join(sorted(unknown))}")
    host: dict[str, Any] = {}
    config: dict[str, Any] = {"Image": image, "HostConfig": host}
    if command:
        config["Cmd"] = words(command)
    if "entrypoint" in options:
        config["Entrypoint"] = words(options["entrypoint"])
    if env := options.get("env"):
        config["Env"] = [f"{name}={value}" for name, value in env.items()]
    if labels := options.get("labels"):
        config["Labels"] = dict(labels)
    _process(config, options)
    _limits(host, options)
    if ports := options.get("ports"):
        config["ExposedPorts"], host["PortBindings"] = published(ports)
    if volumes := options.get("volumes"):
        config["Volumes"], host["Binds"] = binds(volumes)
    if network := options.get("network"):
        host["NetworkMode"] = network
        if aliases := options.get("aliases"):
            config["NetworkingConfig"] = {"EndpointsConfig": {network: {"Aliases": list(aliases)}}}
    elif options.get("aliases"):
        raise Invalid("aliases are names on a network: say which, with network=")
    for key, value in options.get("extra", {}).items():
        if key == "HostConfig":
            host.update(value)
        else:
            config[key] = value
    return config


def _process(config: dict[str, Any], options: Options) -> None:
    for field, value in (
        ("User", options.get("user")),
        ("WorkingDir", options.get("workdir")),
        ("Hostname", options.get("hostname")),
        ("Tty", options.get("tty")),
        ("OpenStdin", options.get("stdin")),
    ):
        if value is not None:
            config[field] = value
    if "health" in options:
        check: dict[str, Any] = {"Test": ["CMD-SHELL", options["health"]]}
        check["Interval"] = int(options.get("health_interval", 1.0) * 1e9)
        if "health_retries" in options:
            check["Retries"] = options["health_retries"]
        config["Healthcheck"] = check


def _limits(host: dict[str, Any], options: Options) -> None:
    if "memory" in options:
        host["Memory"] = size(options["memory"])
    if "cpus" in options:
        host["NanoCpus"] = int(options["cpus"] * 1e9)
    if "restart" in options:
        name, _, count = options["restart"].partition(":")
        host["RestartPolicy"] = {"Name": name, "MaximumRetryCount": int(count or 0)}
    if "tmpfs" in options:
        parts = (text.partition(":") for text in options["tmpfs"])
        host["Tmpfs"] = {path: mode for path, _, mode in parts}
    for field, value in (
        ("PidsLimit", options.get("pids")),
        ("ReadonlyRootfs", options.get("read_only")),
        ("CapAdd", options.get("cap_add")),
        ("CapDrop", options.get("cap_drop")),
        ("Init", options.get("init")),
        ("AutoRemove", options.get("remove")),
    ):
        if value is not None:
            host[field] = list(value) if isinstance(value, tuple) else value


def size(value: int | str) -> int:
    """Bytes; text may end in b, k, m, g or t (powers of 1024). Raises Invalid."""
    if isinstance(value, int):
        return value
    text = value.strip().lower().removesuffix("ib").removesuffix("b") or "?"
    unit = _UNITS.get(text[-1], 0)
    try:
        return int(float(text[:-1] if unit else text) * (unit or 1))
    except ValueError:
        raise Invalid(f"invalid size: {value!r}", hint="e.g. 256m") from None


def port_key(port: int | str) -> str:
    """`80` and `"80"` as `80/tcp`, the API's form."""
    text = str(port)
    return text if "/" in text else f"{text}/tcp"


def published(ports: Ports) -> tuple[dict[str, Any], dict[str, list[dict[str, str]]]]:
    """`ExposedPorts` and `PortBindings`: on 127.0.0.1 unless an address is given."""
    pairs: list[tuple[int | str, int | str | None]]
    if isinstance(ports, Mapping):
        pairs = list(ports.items())
    else:
        pairs = [_pair(port) for port in ports]
    bindings: dict[str, list[dict[str, str]]] = {}
    for port, target in pairs:
        address, _, number = str(target or "").rpartition(":")
        bindings.setdefault(port_key(port), []).append(
            {"HostIp": address.strip("[]") or "127.0.0.1", "HostPort": number}
        )
    return {key: {} for key in bindings}, bindings


def _pair(port: int | str) -> tuple[int | str, str | None]:
    """`8080:80` and `0.0.0.0:8080:80/udp` are the command line's forms."""
    text = str(port)
    host, colon, inner = text.rpartition(":")
    return (inner, host) if colon else (text, None)


def binds(volumes: Sequence[str] | Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Anonymous `Volumes` and `Binds`; a relative source becomes absolute."""
    if isinstance(volumes, Mapping):
        volumes = [f"{source}:{target}" for source, target in volumes.items()]
    anonymous: dict[str, Any] = {}
    found = []
    for text in volumes:
        source, colon, rest = text.partition(":")
        if not colon:
            anonymous[source] = {}
            continue
        if source.startswith((".", "~")):
            source = os.path.abspath(os.path.expanduser(source))
        found.append(f"{source}:{rest}")
    return anonymous, found
