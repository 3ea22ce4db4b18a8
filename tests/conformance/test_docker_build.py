"""The same Dockerfiles and contexts on Docker's classic builder and here, compared field by field."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.harness.built import configuration_of, files_of, history_of
from tests.harness.dockerd import Dockerd
from tests.harness.engine import EngineUnderTest
from tests.images.build_context import DOCKERFILES, NOT_CLASSIC, make_context

pytestmark = [pytest.mark.needs("docker-cli", "dockerd")]

CASES = sorted(
    path.stem for path in DOCKERFILES.glob("*.Dockerfile") if not path.read_text().startswith(NOT_CLASSIC)
)


@pytest.fixture(scope="module")
def builders(dockerd: Dockerd, session_engine: EngineUnderTest, busybox_tar: Path) -> dict[str, str]:
    """The two sockets, both with the same base image."""
    dockerd.docker("import", str(busybox_tar), "busybox:latest")
    return {"docker": f"unix://{dockerd.socket}", "wherry": session_engine.docker_host}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus' files."""
    return make_context(tmp_path_factory.mktemp("context"))


def _docker(host: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = dict(os.environ) | {"DOCKER_HOST": host, "DOCKER_BUILDKIT": "0"}
    return subprocess.run(
        ["docker", *arguments], env=environment, capture_output=True, timeout=120, check=False
    )


def _image(host: str, context: Path, text: str) -> dict[str, Any]:
    """What a builder makes."""
    (context / "Dockerfile").write_text(text, newline="")
    done = _docker(host, "build", "-t", "built:1", str(context))
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    inspected = json.loads(_docker(host, "inspect", "built:1").stdout)[0]
    created = _docker(host, "create", "--network", "none", "built:1", "x")
    box = created.stdout.decode().strip()
    assert box, created.stderr
    exported = _docker(host, "export", box).stdout
    _docker(host, "rm", box)
    history = _docker(host, "history", "--no-trunc", "--format", "{{.CreatedBy}}", "built:1").stdout.decode()
    _docker(host, "rmi", "built:1")
    return {
        "config": configuration_of(inspected),
        "files": files_of(exported),
        "history": history_of(history.splitlines()),
    }


@pytest.mark.parametrize("case", CASES)
def test_same_image(builders: dict[str, str], context: Path, case: str) -> None:
    text = (DOCKERFILES / f"{case}.Dockerfile").read_bytes().decode()
    theirs = _image(builders["docker"], context, text)
    ours = _image(builders["wherry"], context, text)
    assert ours == theirs


HOSTILE = {
    "outside": ("FROM busybox\nCOPY ../x /", "forbidden path outside the build context"),
    "outside in the middle": ("FROM busybox\nCOPY d/../../x /", "forbidden path outside the build context"),
    "missing": ("FROM busybox\nCOPY nothing /", "file not found in build context"),
    "ignored": ("FROM busybox\nCOPY d/ignored /", "file not found in build context or excluded by .dockerig"),
    "no wildcard match": ("FROM busybox\nCOPY n*thing /", "no source files were specified"),
    "several into a file": ("FROM busybox\nCOPY a.txt l.txt /f", "must be a directory and end with a /"),
    "a failing command": ("FROM busybox\nRUN exit 3", "returned a non-zero code: 3"),
    "a command that is not there": ('FROM busybox\nRUN ["/nowhere"]', "no such file or directory"),
    "no such stage": ("FROM busybox\nCOPY --from=9 /a /", "invalid from flag value 9"),
    "this very stage": ("FROM busybox\nCOPY --from=0 /a /", "refers to current build stage"),
    "onbuild of from": ("FROM busybox\nONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
    "unknown": ("FROM busybox\nRUM a", "unknown instruction: RUM"),
    "no command": ("FROM busybox\nUSER", "USER requires exactly one argument"),
    "no such user": ("FROM busybox\nUSER nobodyatall\nRUN true", "unable to find user nobodyatall"),
    "no such signal": ("FROM busybox\nSTOPSIGNAL FOO", "invalid signal: FOO"),
    "no such port": ("FROM busybox\nEXPOSE abc", "invalid containerPort: abc"),
    "not only strings": ('FROM busybox\nCMD ["a", 5]', "arrays must be comprised of strings only"),
    "an open brace": ("FROM busybox\nENV A=${B", "B"),
    "an open quote": ('FROM busybox\nCOPY "with space" /x', "looking for matching double-quote"),
    "a blank base": ("ARG X\nFROM $X", "base name ($X) should not be blank"),
    "no base": ("RUN true", "no build stage in current context"),
    "comments only": ("# nothing\n# at all\n", "file with no instructions"),
    "two escapes": ("# escape=`\n# escape=`\nFROM busybox", "only one escape parser directive can be used"),
    "a check of nothing": ("FROM busybox\nHEALTHCHECK CURL x", 'unknown type "CURL" in HEALTHCHECK'),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_same_refusal(builders: dict[str, str], context: Path, case: str) -> None:
    text, words = HOSTILE[case]
    (context / "Dockerfile").write_text(text)
    for name, host in builders.items():
        done = _docker(host, "build", str(context))
        assert done.returncode != 0, name
        assert words.lower() in (done.stderr + done.stdout).decode().lower(), (name, done.stderr)
