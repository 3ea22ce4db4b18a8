"""`wherry info`: what the engine and its machine have."""

from __future__ import annotations

import sys

from wherry import __version__
from wherry.cli.command import Command, Invocation
from wherry.cli.format.human import binary_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(invocation: Invocation) -> int:
    info = invocation.client.get("/info")
    form = invocation.flags.text("format")
    if form:
        from wherry.cli.format.listing import renderer

        info["ClientInfo"] = {"Version": __version__, "Context": "default", "Debug": False, "Plugins": []}
        print(renderer("{{json .}}" if form == "json" else form)(info))
        return 0
    print(f"Client: wherry\n Version:    {__version__}\n Engine:     {invocation.client.address}\n\nServer:")
    for line in _lines(info):
        print(f" {line}")
    print()
    sys.stdout.flush()
    for warning in info.get("Warnings") or ():
        print(warning, file=sys.stderr)
    return 0


def _lines(info: dict[str, Any]) -> list[str]:
    lines = [
        f"Containers: {info.get('Containers', 0)}",
        f" Running: {info.get('ContainersRunning', 0)}",
        f" Paused: {info.get('ContainersPaused', 0)}",
        f" Stopped: {info.get('ContainersStopped', 0)}",
        f"Images: {info.get('Images', 0)}",
        f"Server Version: {info.get('ServerVersion', '')}",
        f"Storage Driver: {info.get('Driver', '')}",
    ]
    lines += [f" {name}: {value}" for name, value in info.get("DriverStatus") or ()]
    for name, title in (
        ("LoggingDriver", "Logging Driver"),
        ("CgroupDriver", "Cgroup Driver"),
        ("CgroupVersion", "Cgroup Version"),
    ):
        if info.get(name):
            lines.append(f"{title}: {info[name]}")
    plugins = info.get("Plugins") or {}
    lines.append("Plugins:")
    for name in ("Volume", "Network", "Authorization", "Log"):
        if plugins.get(name):
            lines.append(f" {name}: {' '.join(plugins[name])}")
    lines.append(f"Swarm: {(info.get('Swarm') or {}).get('LocalNodeState', 'inactive')}")
    if info.get("Runtimes"):
        lines.append(f"Runtimes: {' '.join(sorted(info['Runtimes']))}")
        lines.append(f"Default Runtime: {info.get('DefaultRuntime', '')}")
    if info.get("InitBinary"):
        lines.append(f"Init Binary: {info['InitBinary']}")
    for name, title in (("ContainerdCommit", "containerd"), ("RuncCommit", "runc"), ("InitCommit", "init")):
        if name in info and (info[name] or {}).get("ID"):
            lines.append(f"{title} version: {info[name]['ID']}")
    lines += _security(info.get("SecurityOptions") or ())
    for name, title in (
        ("KernelVersion", "Kernel Version"),
        ("OperatingSystem", "Operating System"),
        ("OSType", "OSType"),
        ("Architecture", "Architecture"),
        ("NCPU", "CPUs"),
    ):
        lines.append(f"{title}: {info.get(name, '')}")
    lines.append(f"Total Memory: {binary_size(info.get('MemTotal', 0))}")
    for name, title in (("Name", "Name"), ("ID", "ID"), ("DockerRootDir", "Docker Root Dir")):
        if info.get(name):
            lines.append(f"{title}: {info[name]}")
    lines.append(f"Debug Mode: {str(bool(info.get('Debug'))).lower()}")
    for name, title in (("HttpProxy", "HTTP Proxy"), ("HttpsProxy", "HTTPS Proxy"), ("NoProxy", "No Proxy")):
        if info.get(name):
            lines.append(f"{title}: {info[name]}")
    for label in info.get("Labels") or ():
        lines.append(f"Labels: {label}")
    lines.append(f"Experimental: {str(bool(info.get('ExperimentalBuild'))).lower()}")
    registry = info.get("RegistryConfig") or {}
    insecure = list(registry.get("InsecureRegistryCIDRs") or ())
    insecure += [
        name for name, one in (registry.get("IndexConfigs") or {}).items() if not one.get("Secure", True)
    ]
    if insecure:
        lines += ["Insecure Registries:", *(f" {name}" for name in insecure)]
    if registry.get("Mirrors"):
        lines += ["Registry Mirrors:", *(f" {mirror}" for mirror in registry["Mirrors"])]
    lines.append(f"Live Restore Enabled: {str(bool(info.get('LiveRestoreEnabled'))).lower()}")
    return lines


def _security(options: Any) -> list[str]:
    lines = ["Security Options:"] if options else []
    for option in options:
        pairs = [pair.partition("=")[::2] for pair in option.split(",")]
        lines.append(f" {dict(pairs).get('name', option)}")
        lines += [f"  {name.capitalize()}: {value}" for name, value in pairs if name != "name" and value]
    return lines


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(("format", "f", "text:FORMAT", "json, or a template: '{{.ServerVersion}}'", ""),),
)
