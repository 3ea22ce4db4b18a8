"""Builds on the real engine: the cache and its reasons, stages at once, mounts, outputs, contexts."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest
from tests.integration.build.conftest import Build

pytestmark = [pytest.mark.needs("root")]

STAGES = """
FROM BASE AS one
RUN --mount=type=cache,target=/m touch /m/one && while [ ! -e /m/two ]; do sleep 0.1; done && echo 1 > /one
FROM BASE AS two
RUN --mount=type=cache,target=/m touch /m/two && while [ ! -e /m/one ]; do sleep 0.1; done && echo 2 > /two
FROM BASE AS unused
RUN false
FROM BASE
COPY --from=one /one /
COPY --from=two /two /
RUN cat /one /two
"""


def test_stages_run_at_the_same_time(build: Build, wherry: Command) -> None:
    wherry("builder", "prune", "-af")  # the cache mount by which each stage waits for the other
    done = build(STAGES, "--no-cache")
    assert "unused" not in done.err
    assert build(STAGES).out == done.out
    assert "RUN false" not in done.err


def test_why_a_step_ran(build: Build, context: Path) -> None:
    text = "FROM BASE\nARG V=1\nCOPY . /c/\nRUN echo $V > /v\n"
    build(text, "--no-cache")
    (context / "a").touch()  # times mean nothing
    again = build(text, "--explain")
    assert again.err.count("CACHED") == 2 and "not cached" not in again.err
    (context / "a").write_text("changed\n")
    (context / "new").write_text("")
    said = build(text, "--explain").err
    assert "not cached: file a changed" in said
    assert "not cached: file new is new" in said
    assert "not cached: the layers below it changed" in said
    assert "variable ARG V changed" in build(text, "--explain", "--build-arg", "V=2").err
    assert "the instruction changed" in build(text.replace("echo", "printf"), "--explain").err
    assert "--no-cache" in build(text, "--explain", "--no-cache").err


def test_the_cache_survives_the_engine(own_engine: EngineUnderTest, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN echo $RANDOM > /r\n")
    first = own_engine.wherry("build", "-q", str(tmp_path)).line
    own_engine.kill()
    own_engine.start()
    assert own_engine.wherry("build", "-q", str(tmp_path)).line == first
    assert "RUN echo" in own_engine.wherry("builder", "du").out
    own_engine.wherry("builder", "prune", "-af")
    assert "RUN echo" not in own_engine.wherry("builder", "du").out
    assert own_engine.wherry("run", "--rm", first, "test", "-s", "/r").code == 0
    assert own_engine.wherry("build", "-q", str(tmp_path)).line != first


def test_mounts(build: Build, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-value")
    text = """
FROM BASE
RUN --mount=type=secret,id=token,uid=5,mode=440 --mount=type=secret,id=token,env=TOKEN \\
    --mount=type=tmpfs,target=/scratch --mount=type=bind,source=d,target=/bound \\
    --mount=type=cache,target=/cache \\
    test "$(cat /run/secrets/token)" = "$TOKEN" && stat -c '%u %a' /run/secrets/token && \\
    cat /bound/b && echo x >> /cache/count && wc -l < /cache/count && touch /scratch/x && ! touch /bound/y
RUN ls -A /cache /scratch /bound /run 2>&1 || true
"""
    options = ("--no-cache", "--secret", f"id=token,src={tmp_path / 'token'}")
    first = build(text, *options)
    assert "5 440" in first.err and "\n#2 b\n" in first.err and "#2 1\n" in first.err
    assert first.err.count("No such file") >= 3  # the places of the mounts are not in the layer
    assert "#2 2\n" in build(text, *options).err  # the cache mount has stayed


def test_secrets_are_nowhere(build: Build, engine: EngineUnderTest, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("very-s3cret-value")
    text = 'FROM BASE\nRUN --mount=type=secret,id=t,env=T test -n "$T"\nRUN env > /env\n'
    image = build(text, "--secret", f"id=t,src={tmp_path / 'token'}").line
    assert "s3cret" not in json.dumps(engine.api("GET", f"/images/{image}/json"))
    for folder, _, names in os.walk(engine.home / "state"):  # what is being removed meanwhile is passed over
        for name in names:
            path = Path(folder, name)
            with suppress(FileNotFoundError):
                if path.is_file() and not path.is_symlink():
                    assert b"very-s3cret-value" not in path.read_bytes(), path


def test_outputs(build: Build, tmp_path: Path, wherry: Command) -> None:
    text = (
        "FROM BASE AS b\nRUN mkdir /o && echo x > /o/x && chmod 600 /o/x\nFROM scratch\nCOPY --from=b /o /\n"
    )
    build(text, "-o", str(tmp_path / "out"))
    assert (tmp_path / "out" / "x").read_text() == "x\n"
    assert (tmp_path / "out" / "x").stat().st_mode & 0o777 == 0o600
    build(text, "-o", f"type=tar,dest={tmp_path}/o.tar")
    assert b"x\n" in (tmp_path / "o.tar").read_bytes()
    image = build(text, "--iidfile", str(tmp_path / "id"), "--metadata-file", str(tmp_path / "meta")).line
    assert (tmp_path / "id").read_text() == image
    assert json.loads((tmp_path / "meta").read_text())["containerimage.config.digest"] == image
    build(text, "-t", "saved:1", "-o", f"type=docker,dest={tmp_path}/image.tar")
    wherry("rmi", "saved:1")
    assert "saved:1" in wherry("load", "-i", str(tmp_path / "image.tar")).out
    assert wherry("inspect", "--format", "{{.Id}}", "saved:1").line == image


def test_contexts(wherry: Command, image: str, context: Path, tmp_path: Path) -> None:
    text = f"FROM {image}\nCOPY . /c/\nCOPY --from=other o /\nRUN ls /c /o\n"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "o").write_text("o\n")
    other = ("--build-context", f"other={tmp_path / 'other'}")
    (context / ".dockerignore").write_text("d\n")
    done = wherry("build", "-f", "-", *other, str(context), stdin=text)
    assert " a\n" in done.err and " d\n" not in done.err
    (tmp_path / "Elsewhere").write_text(text)
    wherry("build", "-f", str(tmp_path / "Elsewhere"), *other, str(context))
    wherry("build", "-", stdin=f"FROM {image}\nRUN true\n")


def test_reproducible(build: Build) -> None:
    text = "FROM BASE\nRUN mkdir /m && echo x > /m/x\nCOPY a /a\nWORKDIR /w\n"
    first = build(text, "--reproducible", "--no-cache").line
    time.sleep(1.1)
    assert build(text, "--reproducible", "--no-cache").line == first


def test_steps_do_not_wait_for_the_disk(build: Build, wherry: Command, image: str) -> None:
    look = "grep ' / ' /proc/mounts"
    assert "volatile" in build(f"FROM BASE\nRUN {look}\n", "--no-cache").err
    assert "volatile" not in wherry("run", "--rm", "--network=none", image, "sh", "-c", look).out


def test_args_and_platform(build: Build) -> None:
    text = """
ARG GLOBAL=g
FROM BASE
ARG GLOBAL
ARG TARGETARCH
ARG LATER=${GLOBAL}x
ENV SET=env
ARG SET=arg
RUN echo "$GLOBAL|$TARGETARCH|$LATER|$SET|$HTTP_PROXY"
"""
    said = build(text, "--no-cache", "--build-arg", "HTTP_PROXY=http://p", "--build-arg", "NONE=1").err
    assert "g|amd64|gx|env|http://p" in said or "g|arm64|gx|env|http://p" in said
    assert "build-args [NONE] were not consumed" in said


def test_what_is_not_done_is_refused(build: Build) -> None:
    for option in ("--cache-to=type=s3,bucket=x", "--cache-from=type=gha", "--output=type=image,unknown=1"):
        assert "not supported" in build("FROM BASE\n", option, code=1).err
    assert "not allowed" in build("FROM BASE\nRUN --security=insecure true", code=1).err


def test_errors_point_at_the_line(build: Build) -> None:
    said = build("FROM BASE\nCOPY --form=x a b\n", code=1).err
    assert "Dockerfile:2:6: unknown flag: --form" in said
    assert "did you mean from?" in said
    assert "returned a non-zero code: 7" in build("FROM BASE\nRUN exit 7", code=1).err
    assert build("FROM BASE\nCMD a\n", "--check", code=1).err.count("JSONArgsRecommended") == 1
