"""The global flags, the table of verbs, and how a failure is told."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from wherry import __version__
from wherry.errors import Invalid, WherryError
from wherry.runtime.command import protection
from wherry.runtime.command.arguments import Arguments, parse

SPECIFICATION = "1.2.0"


class Context(NamedTuple):
    """What every verb is given: where state lives, whether cgroup paths are systemd's (slice:prefix:name)."""

    root: str
    systemd_cgroup: bool


# verb → (flags that take a value, flags that don't, least and most positional arguments; None: any number)
VERBS: dict[str, tuple[str, str, int, int | None]] = {
    "create": ("bundle b console-socket pid-file preserve-fds", "no-pivot no-new-keyring", 1, 1),
    "run": ("bundle b console-socket pid-file preserve-fds", "no-pivot no-new-keyring detach d keep", 1, 1),
    "start": ("", "", 1, 1),
    "state": ("", "", 1, 1),
    "kill": ("", "all a", 1, 2),
    "delete": ("", "force f", 1, 1),
    "exec": (
        "process p pid-file console-socket cwd user u additional-gids g env e cap c apparmor preserve-fds "
        "process-label cgroup",
        "tty t detach d no-new-privs ignore-paused",
        1,
        None,
    ),
    "ps": ("format f", "", 1, None),
    "pause": ("", "", 1, 1),
    "resume": ("", "", 1, 1),
    "events": ("interval", "stats", 1, 1),
    "update": (
        "resources r memory memory-reservation memory-swap cpu-share cpu-quota cpu-period cpuset-cpus "
        "cpuset-mems pids-limit blkio-weight",
        "",
        1,
        1,
    ),
    "list": ("format f", "quiet q", 0, 0),
    "spec": ("bundle b", "rootless", 0, 0),
    "features": ("", "", 0, 0),
}
_GLOBAL = "root log log-format cgroup-manager rootless criu"
_GLOBAL_SWITCHES = "debug systemd-cgroup version v help h"


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    words = sys.argv[1:] if argv is None else argv
    log = ""
    try:
        options, rest = parse(words, _GLOBAL, _GLOBAL_SWITCHES, until_positional=True)
        log = options.get("log")
        if options.has("version", "v"):
            print(f"wherry-runtime version {__version__}\nspec: {SPECIFICATION}")  # noqa: T201
            return 0
        if options.has("help", "h") or not rest:
            print(f"usage: wherry-runtime [--root DIR] COMMAND …\ncommands: {' '.join(VERBS)}")  # noqa: T201
            return 0 if rest or options.has("help", "h") else 1
        systemd = options.has("systemd-cgroup") or options.get("cgroup-manager") == "systemd"
        context = Context(_root(options), systemd)
        if rest[0] in ("create", "run", "exec"):
            protection.ensure(rest[0], context.root, _arguments(rest))
        return _verb(rest[0])(context, _arguments(rest))
    except WherryError as error:
        _complain(error.message, log, options.get("log-format") if log else "")
        return 1
    except BrokenPipeError:
        return 1


def _verb(name: str) -> Callable[[Context, Arguments], int]:
    if name in ("checkpoint", "restore"):
        raise Invalid(f"{name} is not supported")
    if name not in VERBS:
        raise Invalid(f"unknown command {name!r}")
    return import_module(f"wherry.runtime.command.verbs.{name}").run  # type: ignore[no-any-return]


def _arguments(words: list[str]) -> Arguments:
    values, switches, least, most = VERBS[words[0]]
    # Past the container's name, `exec` has the words of another command line.
    options, positional = parse(words[1:], values, switches, until_positional=words[0] == "exec")
    if len(positional) < least or (most is not None and len(positional) > most):
        raise Invalid(f"{words[0]}: wrong number of arguments")
    return options.with_positional(positional)


def _root(options: Arguments) -> str:
    if options.get("root"):
        return os.path.abspath(options.get("root"))
    if os.geteuid() == 0:
        return "/run/wherry-runtime"
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/wherry-runtime-{os.geteuid()}"
    return os.path.join(runtime, "wherry-runtime")


def _complain(message: str, log: str, form: str) -> None:
    """On standard error, and where the caller wants it besides (containerd's shim and podman read that)."""
    print(f"wherry-runtime: {message}", file=sys.stderr)  # noqa: T201
    if log:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = f'time="{now}" level=error msg={json.dumps(message)}'
        if form == "json":
            line = json.dumps({"level": "error", "msg": message, "time": now})
        try:
            with open(log, "a") as file:
                file.write(line + "\n")
        except OSError:
            pass
