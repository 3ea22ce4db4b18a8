"""`cp` and lookups in files that the container controls: links that move, code left lying about, odd
passwd files."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import wherry
from tests.integration.engine.conftest import Inside, inside, place
from wherry.engine.models import ExecConfig
from wherry.errors import Invalid, WherryError

__all__ = ["inside", "place"]

pytestmark = [pytest.mark.needs("root"), pytest.mark.asyncio(loop_scope="module")]


async def _archive(name: str, content: bytes) -> AsyncIterator[bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    yield buffer.getvalue()


async def test_cve_2018_15664_links_swapped_while_copying(inside: Inside, tmp_path: Path) -> None:
    """A container that swaps a directory for a link to a directory of the machine neither gets nor gives."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"of the machine")
    swap = (
        f"mkdir /good && echo inside > /good/secret && ln -s /good /g && ln -s {tmp_path} /b; "
        "while :; do ln -sfn /good /a; ln -sfn /b /a; rm -f /a; mkdir /a; rmdir /a; done"
    )
    containers = inside.engine.containers
    one = await inside.run("sh", "-c", swap)
    try:
        seen: set[bytes | None] = set()
        deadline = time.monotonic() + 30
        for _ in range(40):
            if time.monotonic() > deadline:
                break
            try:
                _, pieces = await containers.copy_out(one, "/a/secret")
                data = b"".join([piece async for piece in pieces])
                with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                    for member in tar:
                        file = tar.extractfile(member)
                        seen.add(file.read() if file is not None else b"")
            except (WherryError, tarfile.TarError):
                seen.add(None)
            try:
                await containers.copy_in(one, "/a", _archive("planted", b"x"))
            except WherryError:
                pass
        assert seen & {b"inside\n", None}
        assert seen <= {b"inside\n", b"", None}
        assert sorted(os.listdir(tmp_path)) == ["secret"]
    finally:
        await containers.remove(one, force=True)


@pytest.mark.needs("strace")
async def test_cve_2019_14271_nothing_is_loaded_after_entering(inside: Inside, tmp_path: Path) -> None:
    """Once in the container's namespaces, the copying process opens no module, library or locale of
    any kind."""
    one = await inside.run("sleep", "100")
    try:
        state = (await inside.engine.containers.inspect(one)).state
        trace = tmp_path / "trace"
        request = {"op": "out", "path": "/etc", "pid": state.pid, "started": 0}
        command = [sys.executable, "-S", "-P", "-m", "wherry.engine.files", json.dumps(request)]
        source = str(Path(wherry.__file__).parent.parent)
        done = await asyncio.to_thread(
            subprocess.run,
            ["strace", "-f", "-e", "trace=setns,open,openat,execve", "-o", str(trace), *command],
            env={"PYTHONPATH": source, "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        lines = (await asyncio.to_thread(trace.read_text)).splitlines()
        entered = max(number for number, line in enumerate(lines) if "setns(" in line)
        for line in lines[entered + 1 :]:
            assert "execve(" not in line
            assert not any(word in line for word in (".py", ".so", "locale", "nsswitch", "encodings")), line
    finally:
        await inside.engine.containers.remove(one, force=True)


@pytest.mark.parametrize(
    "trick",
    [
        "mkfifo /etc/passwd",
        "ln -s /proc/self/environ /etc/passwd",
        "ln -s /dev/zero /etc/passwd",
        "dd if=/dev/zero of=/etc/passwd bs=1M count=0 seek=4096",
        "mkdir /etc/passwd",
        "ln -s passwd /etc/passwd",
    ],
)
async def test_cve_2024_9676_passwd_tricks(inside: Inside, trick: str) -> None:
    """A passwd file that never ends, never opens or leads elsewhere costs nothing and tells nothing."""
    containers, execs = inside.engine.containers, inside.engine.execs
    one = await inside.run("sh", "-c", f"mkdir -p /etc; rm -rf /etc/passwd; {trick}; touch /ready; sleep 100")
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                await containers.stat_path(one, "/ready")
                break
            except WherryError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
        began = time.monotonic()
        identifier = await execs.create(one, ExecConfig(cmd=["true"], user="55"))
        await execs.start(identifier, detach=True)
        with pytest.raises(Invalid, match="unable to find user"):
            await execs.start(await execs.create(one, ExecConfig(cmd=["true"], user="somebody")))
        assert time.monotonic() - began < 60
    finally:
        await containers.remove(one, force=True)
