"""`wherry version`: the versions of the command line and of the engine it speaks to."""

from __future__ import annotations

import os
import sys

from wherry import __version__
from wherry.cli.command import Command, Invocation
from wherry.errors import WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(invocation: Invocation) -> int:
    flags = invocation.flags
    if flags.on("short"):
        print(f"wherry version {__version__}")
        return 0
    client = _client()
    server: dict[str, Any] | None = None
    problem: WherryError | None = None
    if not flags.on("client"):
        try:
            server = invocation.client.get("/version")
            client["ApiVersion"] = server["ApiVersion"]
        except WherryError as error:
            problem = error
    form = flags.text("format")
    if form:
        from wherry.cli.format.listing import renderer

        document = {"Client": client, "Server": server}
        if "APIVersion" in form:  # Docker's templates go by the names in its program
            document = {
                key: one and {**one, "APIVersion": one["ApiVersion"]} for key, one in document.items()
            }
        print(renderer("{{json .}}" if form == "json" else form)(document))
    else:
        _print(client, server)
    sys.stdout.flush()
    if problem is not None:
        raise problem
    return 0


def _client() -> dict[str, Any]:
    machine = (
        os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "").lower()
    )
    return {
        "Version": __version__,
        "ApiVersion": "",
        "PythonVersion": sys.version.split()[0],
        "Os": {"win32": "windows"}.get(sys.platform, sys.platform),
        "Arch": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine),
        "Context": "default",
    }


def _print(client: dict[str, Any], server: dict[str, Any] | None) -> None:
    rows = [("Version", client["Version"])]
    if client["ApiVersion"]:
        rows.append(("API version", client["ApiVersion"]))
    rows.append(("Python version", client["PythonVersion"]))
    rows.append(("OS/Arch", f"{client['Os']}/{client['Arch']}"))
    print("Client: wherry")
    _block(rows, " ")
    if server is None:
        return
    platform = (server.get("Platform") or {}).get("Name", "")
    print(f"\nServer: {platform}".rstrip())
    components = server.get("Components") or [
        {"Name": "Engine", "Version": server["Version"], "Details": server}
    ]
    for component in components:
        details = component.get("Details") or {}
        print(f" {component['Name']}:")
        rows = [("Version", component.get("Version", ""))]
        if details.get("ApiVersion"):
            rows.append(
                (
                    "API version",
                    f"{details['ApiVersion']} (minimum version {details.get('MinAPIVersion', '')})",
                )
            )
        for name, title in (
            ("GoVersion", "Go version"),
            ("PythonVersion", "Python version"),
            ("GitCommit", "Git commit"),
            ("BuildTime", "Built"),
        ):
            if name in details and details[name] not in (None, ""):
                value = str(details[name])
                rows.append((title, _built(value) if name == "BuildTime" else value))
        if details.get("Os"):
            rows.append(("OS/Arch", f"{details['Os']}/{details.get('Arch', '')}"))
        if details.get("Experimental"):
            rows.append(("Experimental", str(details["Experimental"]).lower()))
        _block(rows, "  ")


def _built(text: str) -> str:
    """A build's time as Docker shows it, `Tue Nov 24 00:00:00 2026`, where it is one."""
    import time

    from wherry.cli.format.times import parse_rfc3339

    try:
        return time.asctime(time.gmtime(parse_rfc3339(text)))
    except ValueError:
        return text


def _block(rows: list[tuple[str, str]], indent: str) -> None:
    for title, value in rows:
        print(f"{indent}{title + ':':<18} {value}".rstrip())


COMMAND = Command(
    run,
    usage="[OPTIONS]",
    flags=(
        ("format", "f", "text:FORMAT", "json, or a template: '{{.Server.Version}}'", ""),
        ("client", "", "bool", "Only the command line's: no engine is asked", ""),
        ("short", "", "bool", "One line about the command line", ""),
    ),
)
