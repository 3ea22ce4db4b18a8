"""Run the command line under test as a person would: a process of its own, text in, text out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

from tests.harness.capabilities import python

ENTRY = "import sys; from wherry.cli.entry import main; sys.exit(main())"


class Result(NamedTuple):
    """What a finished command said. `out` and `err` are text with their line ends."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """Standard output without the white space around it: an id, a name, one value."""
        return self.out.strip()


class Command:
    """`command("run", "--rm", "busybox", "true")` with the environment of one engine."""

    def __init__(self, environment: Mapping[str, str], directory: Path) -> None:
        self.environment = dict(environment)
        self.directory = directory

    def __call__(
        self,
        *arguments: str,
        stdin: str | bytes | None = None,
        code: int | None = 0,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run to the end. Raises AssertionError with the output on another exit code (None takes any)."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            self._argv(arguments),
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            env=self.environment | dict(env or {}),
            cwd=self.directory,
            timeout=timeout,
            check=False,
        )
        result = Result(
            done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
        if code is not None and result.code != code:
            raise AssertionError(
                f"wherry {' '.join(arguments)}: exit code {result.code} instead of {code}\n"
                f"--- stdout\n{result.out}\n--- stderr\n{result.err}"
            )
        return result

    def raw(
        self, *arguments: str, stdin: bytes = b"", timeout: float = 60
    ) -> subprocess.CompletedProcess[bytes]:
        """Run to the end with bytes in and out, whatever the exit code."""
        return subprocess.run(
            self._argv(arguments),
            input=stdin,
            capture_output=True,
            env=self.environment,
            cwd=self.directory,
            timeout=timeout,
            check=False,
        )

    def popen(
        self,
        *arguments: str,
        stdin: int | IO[bytes] | None = subprocess.PIPE,
        stdout: int | IO[bytes] | None = subprocess.PIPE,
        stderr: int | IO[bytes] | None = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start it and return; the caller waits for it."""
        return subprocess.Popen(
            self._argv(arguments),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=self.environment,
            cwd=self.directory,
        )

    def _argv(self, arguments: tuple[str, ...]) -> list[str]:
        return [python(), "-c", ENTRY, *arguments]


def clean_environment(home: Path) -> dict[str, str]:
    """The environment of an engine under test: nothing of the person who runs the suite but PATH and HOME."""
    kept = (
        "PATH",
        "LANG",
        "USER",
        "LOGNAME",
        "PYTHONPATH",
        "XDG_RUNTIME_DIR",
        "VIRTUAL_ENV",
        "PYTHONDONTWRITEBYTECODE",
    )
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    return environment | {"WHERRY_HOME": str(home), "HOME": str(home / "user"), "TERM": "xterm"}
