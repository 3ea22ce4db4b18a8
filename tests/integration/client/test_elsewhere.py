"""The client part where there is no Linux: Windows' and macOS's Python, as far as can be imitated here."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.capabilities import python
from tests.harness.command import ENTRY, Result
from tests.harness.elsewhere import program
from tests.harness.engine import EngineUnderTest
from tests.harness.forwarding import forwarded

pytestmark = pytest.mark.parametrize("platform", ["win32", "darwin"])


@contextlib.contextmanager
def over_tcp(path: str) -> Iterator[str]:
    """A TCP port on loopback that leads to a unix socket; its address."""
    with forwarded(path) as port:
        yield f"tcp://127.0.0.1:{port}"


class Elsewhere:
    """The command line of a machine of another kind."""

    def __init__(self, platform: str, engine: EngineUnderTest, folder: Path) -> None:
        self.start = program(platform)
        self.folder = folder
        self.environment = {**engine.environment, "WHERRY_HOME": str(folder / "none")}

    def python(self, text: str, *words: str, stdin: str = "", code: int | None = 0) -> Result:
        done = subprocess.run(
            [python(), "-c", f"{self.start}\n{text}", *words],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.folder,
            timeout=60,
            check=False,
        )
        assert code in (None, done.returncode), done.stdout + done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def __call__(self, *words: str, stdin: str = "", code: int | None = 0) -> Result:
        return self.python(ENTRY, *words, stdin=stdin, code=code)


@pytest.fixture
def elsewhere(platform: str, engine: EngineUnderTest, tmp_path: Path) -> Elsewhere:
    return Elsewhere(platform, engine, tmp_path)


def test_without_an_engine(elsewhere: Elsewhere, platform: str) -> None:
    assert "containers with nothing to set up" in elsewhere("--help").out
    assert elsewhere("--version").out.startswith("wherry version")
    assert "Usage:  wherry run" in elsewhere("run", "--help").out
    (elsewhere.folder / "compose.yaml").write_text("services: {web: {image: x, volumes: ['./here:/there']}}")
    assert "image: x" in elsewhere("compose", "config").out
    for words in (["ps"], ["run", "--rm", "hello"], ["engine", "start"], ["compose", "up", "-d"]):
        said = elsewhere(*words, code=None)
        assert said.code in (1, 125)
        assert "no engine can run on this machine itself" in said.err, words
        assert "ssh://USER@HOST" in said.err
        assert "Traceback" not in said.err
    assert "default" in elsewhere("context", "ls").out
    assert "only the client part runs here" in elsewhere("doctor", code=1).err
    shown = elsewhere("version", code=None).out
    assert {"win32": "windows", "darwin": "darwin"}[platform] in shown


def test_with_an_engine_over_tcp(elsewhere: Elsewhere, engine: EngineUnderTest, image: str) -> None:
    with over_tcp(engine.socket) as address:
        at = ("-H", address)
        name = elsewhere(*at, "run", "-d", "--name", "far", image, "sleep", "1000").line
        assert elsewhere(*at, "ps", "-q", "--no-trunc").line == name
        said = elsewhere(
            *at, "exec", "-i", "far", "sh", "-c", "cat; echo err >&2; exit 3", stdin="in\n", code=3
        )
        assert (said.out, said.err) == ("in\n", "err\n")
        assert elsewhere(*at, "run", "--rm", "-i", image, "cat", stdin="x" * 300_000).out == "x" * 300_000
        assert "far" in elsewhere(*at, "stats", "--no-stream").out
        (elsewhere.folder / "tree" / "sub").mkdir(parents=True)
        (elsewhere.folder / "tree" / "sub" / "note").write_text("text")
        elsewhere(*at, "cp", "tree", "far:/tmp/")
        assert engine.wherry("exec", "far", "cat", "/tmp/tree/sub/note").out == "text"
        assert elsewhere(*at, "logs", "far").out == ""
        elsewhere(*at, "rm", "-f", "far")


def test_building_and_compose_over_tcp(elsewhere: Elsewhere, engine: EngineUnderTest, image: str) -> None:
    (elsewhere.folder / "sub").mkdir()
    (elsewhere.folder / "sub" / "note").write_text("text")
    (elsewhere.folder / "Dockerfile").write_text(f"FROM {image}\nCOPY sub /sub\nCMD cat /sub/note\n")
    service = "{build: ., init: true, command: sleep 1000}"
    (elsewhere.folder / "compose.yaml").write_text(f"services: {{web: {service}}}")
    with over_tcp(engine.socket) as address:
        at = ("-H", address)
        elsewhere(*at, "build", "-q", "-t", "far:1", ".")
        assert elsewhere(*at, "run", "--rm", "far:1").out == "text"
        try:
            elsewhere(*at, "compose", "-p", "far", "up", "-d")
            assert (
                elsewhere(*at, "compose", "-p", "far", "exec", "-T", "web", "cat", "/sub/note").out == "text"
            )
            assert "far-web-1" in elsewhere(*at, "compose", "-p", "far", "ps").out
        finally:
            elsewhere(*at, "compose", "-p", "far", "down", "--rmi", "all", code=None)
        elsewhere(*at, "rmi", "far:1")


def test_copies_out_or_says_how(
    elsewhere: Elsewhere, engine: EngineUnderTest, image: str, platform: str
) -> None:
    engine.wherry("create", "--name", "far", image, "true")
    with over_tcp(engine.socket) as address:
        said = elsewhere("-H", address, "cp", "far:/etc/passwd", "copy", code=None)
    if platform == "win32":
        assert "wherry cp CONTAINER:PATH - > files.tar" in said.err
    else:
        assert (elsewhere.folder / "copy").read_text().startswith("root:")


def test_over_ssh(elsewhere: Elsewhere, engine: EngineUnderTest) -> None:
    programs = elsewhere.folder / "programs"
    programs.mkdir()
    (programs / "ssh").write_text(
        f"#!/bin/sh\nexport WHERRY_HOME='{engine.home}'\n"
        f"exec '{sys.executable}' -c '{ENTRY}' system dial-stdio\n"
    )
    (programs / "ssh").chmod(0o755)
    elsewhere.environment["PATH"] = f"{programs}:{elsewhere.environment['PATH']}"
    assert "CONTAINER ID" in elsewhere("-H", "ssh://me@there", "ps").out


def test_the_python_api(elsewhere: Elsewhere, engine: EngineUnderTest, image: str) -> None:
    text = """
import wherry
with wherry.Engine(sys.argv[1]) as engine:
    container = engine.run(sys.argv[2], "sleep 1000")
    print(container.exec("cat", stdin=b"y" * 5).text, end="")
    print(container.exec(["echo", "there"]).text)
    container.remove(force=True)
"""
    with over_tcp(engine.socket) as address:
        assert "there" in elsewhere.python(text, address, image).out
