"""What the two processes that people wait for may import: the command line of `run`, and the supervisor.

A new name in one of these lists is a decision, made with a number (`python -X importtime`).
"""

from __future__ import annotations

import subprocess
import sys

from tests.harness.command import ENTRY, Command

RUN = frozenset(["__future__", "_json", "_socket", "fcntl", "select", "termios", "wherry"])
"""Modules, by top-level name, that `wherry run --rm IMAGE COMMAND` may load beside a running engine.

No `json`, `re`, `socket`, `signal`, `typing`, which are 20 ms together. `fcntl` and `termios` are for
terminals, `select` for input.
"""

RUN_OURS = 24
"""The most modules of our own that it may load: each is a file to find and read, 0.2 ms."""

SUPERVISOR = frozenset(
    [
        "__future__",
        "_collections",
        "_ctypes",
        "_functools",
        "_heapq",
        "_json",
        "_operator",
        "_socket",
        "_sre",
        "_struct",
        "_typing",
        "array",
        "collections",
        "contextlib",
        "copyreg",
        "ctypes",
        "enum",
        "errno",
        "fcntl",
        "functools",
        "gc",
        "heapq",
        "importlib",
        "itertools",
        "json",
        "keyword",
        "math",
        "operator",
        "re",
        "reprlib",
        "resource",
        "select",
        "selectors",
        "signal",
        "socket",
        "struct",
        "termios",
        "types",
        "typing",
        "warnings",
        "wherry",
    ]
)
"""The same for the supervisor, which is forked for every container: every module is memory to share."""


def loaded(argv: list[str], environment: dict[str, str] | None = None) -> set[str]:
    """The modules that a Python process loads."""
    done = subprocess.run(
        argv,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    lines = [
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    ]
    return {name for name in lines if name != "imported package"}


def top(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_supervisor() -> None:
    bare = loaded([sys.executable, "-X", "importtime", "-c", "pass"])
    modules = loaded([sys.executable, "-X", "importtime", "-c", "import wherry.supervisor.__main__"]) - bare
    assert sorted(top(modules) - SUPERVISOR) == []


def test_command_line_of_run(wherry: Command, image: str) -> None:
    bare = loaded([sys.executable, "-X", "importtime", "-c", "pass"])
    argv = [
        sys.executable,
        "-X",
        "importtime",
        "-c",
        ENTRY,
        "run",
        "--rm",
        "--network",
        "none",
        image,
        "true",
    ]
    modules = loaded(argv, wherry.environment) - bare
    assert sorted(top(modules) - RUN) == []
    assert len([name for name in modules if name.startswith("wherry")]) <= RUN_OURS
