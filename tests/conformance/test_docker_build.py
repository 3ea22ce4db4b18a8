"""The same Dockerfiles and contexts on Docker's classic builder and here, compared field by field."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.dockerd import Dockerd
from tests.harness.engine import EngineUnderTest

pytestmark = [pytest.mark.needs("docker-cli", "dockerd")]

CASES = {
    "copies": r"""
FROM busybox
COPY a.txt /one
COPY a.txt d /two/
COPY d /three
COPY d/ /four/
COPY *.txt /five/
COPY l* /six/
COPY --chown=12:34 d /seven
COPY a.txt /tmp
COPY d /etc
ADD t.tar /nine
ADD a.txt /ten
COPY link /eleven
COPY ["with space", "/twelve/"]
COPY d/deep/.. /thirteen/
WORKDIR /made/by/workdir
COPY a.txt rel/
""",
    "configuration": r"""
ARG TAG=latest
FROM busybox:${TAG}
ARG FOO=bar
ARG EMPTY
ENV A=1 B="x y" C=$FOO-${EMPTY:-none}
ENV OLD one two
LABEL a=b "c d"='e f' g=$A
EXPOSE 80 90/udp
VOLUME /data /x
VOLUME ["/y", "/z z"]
WORKDIR /w
WORKDIR $A/b
USER 1000:1000
STOPSIGNAL SIGINT
HEALTHCHECK NONE
ONBUILD RUN echo $A
SHELL ["/bin/sh", "-x", "-c"]
ENTRYPOINT exec top
CMD ["a", "b\"c"]
""",
    "entrypoint takes the base's command away": 'FROM busybox\nCMD ["base"]\nENTRYPOINT ["x"]\n',
    "stages": r"""
FROM busybox AS one
RUN mkdir -p /o/p && echo x > /o/p/x && chmod 640 /o/p/x && chown 7:8 /o/p/x && ln -s x /o/p/l
FROM busybox AS unused
RUN true
FROM scratch
COPY --from=one /o /o
COPY --from=one --chown=9:9 /o/p/x /x
COPY --from=busybox /bin/true /true
CMD ["/true"]
""",
    "runs": r"""
FROM busybox
ARG V=1
RUN echo $V > /v; echo "$PWD $HOME $(id -u)" > /env; env | cut -d= -f1 | grep -v HOSTNAME | sort > /names
RUN ["touch", "/exec form"]
RUN rm /bin/vi; mkdir /new; echo n > /new/n; chmod 1777 /new; mkfifo /fifo; ln /new/n /hard
RUN rm -rf /new && mkdir /new && echo again > /new/m
USER 1234
RUN id -u > /tmp/id
WORKDIR /tmp
RUN pwd > pwd
""",
}


@pytest.fixture(scope="module")
def builders(dockerd: Dockerd, session_engine: EngineUnderTest, busybox_tar: Path) -> dict[str, str]:
    """The two sockets, both with the same base image."""
    dockerd.docker("import", str(busybox_tar), "busybox:latest")
    return {"docker": f"unix://{dockerd.socket}", "wherry": session_engine.docker_host}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of all kinds."""
    folder = tmp_path_factory.mktemp("context")
    (folder / "a.txt").write_text("a\n")
    (folder / "l.txt").write_text("l\n")
    (folder / "with space").write_text("s\n")
    (folder / "d" / "deep").mkdir(parents=True)
    (folder / "d" / "x").write_text("x\n")
    (folder / "d" / "deep" / "y").write_text("y\n")
    (folder / "d" / "ignored").write_text("i\n")
    (folder / "d" / "x").chmod(0o751)  # no set-user-id bit: Docker loses it, here it is kept
    (folder / "d" / "deep").chmod(0o700)
    (folder / "d" / "to-x").symlink_to("x")
    (folder / "link").symlink_to("a.txt")
    (folder / ".dockerignore").write_text("**/ignored\n")
    with tarfile.open(folder / "t.tar", "w") as archive:
        member = tarfile.TarInfo("in/tar")
        member.size, member.mode, member.uid, member.gid, member.mtime = 2, 0o600, 5, 6, 1_000_000
        archive.addfile(member, io.BytesIO(b"t\n"))
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (1_500_000_000, 1_500_000_000), follow_symlinks=False)
    return folder


def _docker(host: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = dict(os.environ) | {"DOCKER_HOST": host, "DOCKER_BUILDKIT": "0"}
    return subprocess.run(
        ["docker", *arguments], env=environment, capture_output=True, timeout=120, check=False
    )


def _image(host: str, context: Path, text: str) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    """(configuration, files by path, history) of what a builder makes."""
    dockerfile = context / "Dockerfile"
    dockerfile.write_text(text)
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
    return inspected["Config"], dict(_files(exported)), history.splitlines()


def _files(archive: bytes) -> Iterator[tuple[str, Any]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            name = member.name.strip("/")
            if name in ("", ".dockerenv") or name.split("/")[0] in ("dev", "proc", "sys", "bin"):
                continue
            if name in ("etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "etc"):
                continue
            content = opened.extractfile(member).read() if member.isreg() else b""  # type: ignore[union-attr]
            time = int(member.mtime) if member.isreg() and member.mtime < 1_600_000_000 else 0
            yield (
                name,
                (
                    oct(member.mode & 0o7777) if not member.issym() else "",
                    member.type,
                    member.uid,
                    member.gid,
                    member.linkname,
                    content,
                    time,
                ),
            )


@pytest.mark.parametrize("case", CASES)
def test_same_image(builders: dict[str, str], context: Path, case: str) -> None:
    theirs = _image(builders["docker"], context, CASES[case])
    ours = _image(builders["wherry"], context, CASES[case])
    for one in (theirs[0], ours[0]):
        one.pop("Image", None)
        for name in [name for name, value in one.items() if not value]:
            one.pop(name)
    assert ours[0] == theirs[0]
    different = {
        name: (ours[1].get(name), theirs[1].get(name))
        for name in ours[1].keys() | theirs[1].keys()
        if ours[1].get(name) != theirs[1].get(name)
    }
    assert not different
    for lines in (ours[2], theirs[2]):  # Docker prints a Go struct there
        lines[:] = [line for line in lines if "HEALTHCHECK" not in line]
    digest = re.compile(r"(file|dir|multi):[0-9a-f]+")
    assert [digest.sub("", line) for line in ours[2]] == [digest.sub("", line) for line in theirs[2]]


HOSTILE = {
    "outside": ("FROM busybox\nCOPY ../x /", "forbidden path outside the build context"),
    "missing": ("FROM busybox\nCOPY nothing /", "file not found in build context"),
    "no wildcard match": ("FROM busybox\nCOPY n*thing /", "no source files were specified"),
    "several into a file": ("FROM busybox\nCOPY a.txt l.txt /f", "must be a directory and end with a /"),
    "a failing command": ("FROM busybox\nRUN exit 3", "returned a non-zero code: 3"),
    "no such stage": ("FROM busybox\nCOPY --from=9 /a /", "invalid from flag value 9"),
    "onbuild of from": ("FROM busybox\nONBUILD FROM x", "FROM isn't allowed as an ONBUILD trigger"),
    "unknown": ("FROM busybox\nRUM a", "unknown instruction: RUM"),
    "no command": ("FROM busybox\nUSER", "USER requires exactly one argument"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_same_refusal(builders: dict[str, str], context: Path, case: str) -> None:
    text, words = HOSTILE[case]
    (context / "Dockerfile").write_text(text)
    for name, host in builders.items():
        done = _docker(host, "build", str(context))
        assert done.returncode != 0, name
        assert words.lower() in (done.stderr + done.stdout).decode().lower(), (name, done.stderr)
