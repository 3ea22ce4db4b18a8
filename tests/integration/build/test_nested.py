"""An engine inside a container without privilege: what it may do it does, and it says what the rest needs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.harness.command import Command, Result

pytestmark = [pytest.mark.needs("root")]

PLACES = {str(Path(__file__).parents[3]), sys.prefix, sys.base_prefix} - {"/usr"}
RUNS = "FROM host\nRUN echo from inside\n"
COPIES = "FROM scratch\nCOPY a /\n"


def _inside(wherry: Command, context: Path, dockerfile: str, *options: str) -> Result:
    (context / "Dockerfile").write_text(dockerfile)
    mounts = [word for place in sorted({*PLACES, str(context)}) for word in ("-v", f"{place}:{place}:ro")]
    script = f"mkdir /tmp/home && exec {Path(sys.prefix) / 'bin' / 'wherry'} build --progress=plain {context}"
    environment = ("-e", "WHERRY_HOME=/tmp/home")
    return wherry(
        "run", "--rm", *options, *mounts, *environment, "host", "sh", "-c", script, code=None, timeout=120
    )


def test_confined_as_ever(wherry: Command, context: Path) -> None:
    """Not even a user namespace: said with what to do about it."""
    done = _inside(wherry, context, COPIES)
    assert done.code != 0
    assert "cannot make a user namespace" in done.err and "seccomp=unconfined" in done.err


def test_with_namespaces(wherry: Command, context: Path) -> None:
    """Files are copied; a command would need a /proc of its own."""
    options = ("--security-opt", "seccomp=unconfined")
    done = _inside(wherry, context, COPIES, *options)
    assert done.code == 0 and "sha256:" in done.out, done.err
    done = _inside(wherry, context, RUNS, *options)
    assert done.code != 0 and "systempaths=unconfined" in done.err


def test_with_namespaces_and_proc(wherry: Command, context: Path) -> None:
    options = ("--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined")
    done = _inside(wherry, context, RUNS, *options)
    assert done.code == 0 and "from inside" in done.err, done.err
