"""The real buildx against our engine: what it builds, sends, takes back, and how it is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path
from typing import IO

import pytest

from tests.harness.built import configuration_of, files_in
from tests.harness.engine import EngineUnderTest
from tests.images.build_context import DOCKERFILES, make_context

pytestmark = [pytest.mark.needs("buildx", "root")]

CASES = sorted(path.stem for path in DOCKERFILES.glob("*.Dockerfile"))


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus' files."""
    return make_context(tmp_path_factory.mktemp("context"))


@pytest.fixture(scope="module")
def base(session_engine: EngineUnderTest) -> dict[str, str]:
    """The files of the image below, which the corpus' expectations leave out."""
    return files_in(session_engine, "busybox")


def _build(
    engine: EngineUnderTest,
    context: Path,
    *arguments: str,
    code: int = 0,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ) | {"DOCKER_HOST": engine.docker_host}
    done = subprocess.run(
        ["docker", "buildx", "build", "--progress=plain", *arguments, str(context)],
        env=environment,
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize("case", CASES)
def test_the_corpus(engine: EngineUnderTest, context: Path, base: dict[str, str], case: str) -> None:
    """The same images as over our own command line."""
    (context / "Dockerfile").write_bytes((DOCKERFILES / f"{case}.Dockerfile").read_bytes())
    _build(engine, context, "-t", "over-buildx:1")
    expected = json.loads((DOCKERFILES / f"{case}.json").read_text())
    _, inspected = engine.api("GET", "/images/over-buildx:1/json")
    assert configuration_of(inspected) == expected["config"]
    files = files_in(engine, "over-buildx:1")
    assert {name: value for name, value in files.items() if base.get(name) != value} == expected["files"]


def test_outputs(engine: EngineUnderTest, context: Path, tmp_path: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY d /d\nCOPY --chmod=600 a.txt /\n")
    _build(engine, context, "-o", str(tmp_path / "out"))
    assert (tmp_path / "out" / "a.txt").stat().st_mode & 0o777 == 0o600
    assert os.readlink(tmp_path / "out" / "d" / "to-x") == "x"
    _build(engine, context, "-o", f"type=tar,dest={tmp_path}/files.tar")
    with tarfile.open(tmp_path / "files.tar") as archive:
        assert "d/deep/y" in [name.strip("/") for name in archive.getnames()]
    options = ("--iidfile", str(tmp_path / "id"), "--metadata-file", str(tmp_path / "told"), "-t", "told:1")
    _build(engine, context, *options)
    _, inspected = engine.api("GET", "/images/told:1/json")
    assert (tmp_path / "id").read_text() == inspected["Id"]
    assert json.loads((tmp_path / "told").read_text())["image.name"] == "docker.io/library/told:1"


def test_secrets_and_arguments(engine: EngineUnderTest, context: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret")
    (context / "Dockerfile").write_text(
        "FROM busybox AS one\nFROM one\nARG A\n"
        'RUN --mount=type=secret,id=t test "$(cat /run/secrets/t)" = s3cret && echo "a is $A"\n'
        "RUN cat /etc/hosts; ulimit -n\nCOPY --from=other o /o\n"
    )
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "o").write_text("o\n")
    said = _build(
        engine,
        context,
        "--no-cache",
        f"--secret=id=t,src={tmp_path / 'token'}",
        "--build-arg=A=given",
        "--add-host=there:10.1.2.3",
        "--ulimit=nofile=77:88",
        f"--build-context=other={tmp_path / 'other'}",
    ).stderr
    assert "a is given" in said and re.search(r"10\.1\.2\.3\s+there", said) and re.search(r"\b77\n", said)


def test_an_archive_on_standard_input(engine: EngineUnderTest, context: Path, tmp_path: Path) -> None:
    (context / "other.Dockerfile").write_text("FROM scratch\nCOPY d /d\nCMD it\n")
    form = tarfile.GNU_FORMAT  # buildx knows an archive by its first kilobyte, which a PAX header may fill
    with tarfile.open(tmp_path / "context.tar", "w", format=form) as archive:
        archive.add(context, ".")
    with (tmp_path / "context.tar").open("rb") as stdin:
        _build(engine, Path("-"), "-f", "other.Dockerfile", "-t", "archive:1", stdin=stdin)
    assert any(name.startswith("d/deep") for name in files_in(engine, "archive:1"))
    with (tmp_path / "context.tar").open("rb") as stdin:
        said = _build(engine, Path("-"), "-f", "other.Dockerfile", "--check", code=1, stdin=stdin).stdout
    assert "JSONArgsRecommended" in said


def test_what_fails(engine: EngineUnderTest, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nRUN exit 7\n")
    assert "returned a non-zero code: 7" in _build(engine, context, code=1).stderr
    (context / "Dockerfile").write_text("FROM busybox\nCOPIE a b\n")
    assert "unknown instruction: COPIE" in _build(engine, context, code=1).stderr
    (context / "Dockerfile").write_text("FROM busybox\nCMD a\n")
    assert "JSONArgsRecommended" in _build(engine, context, "--check", code=1).stdout
