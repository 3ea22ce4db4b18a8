"""The `wherry` and the real `docker` command line on one engine: what they print must be the same."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from tests.harness.dockerd import Dockerd
from tests.harness.engine import EngineUnderTest

pytestmark = [pytest.mark.needs("docker-cli")]

QUIET = ("--network", "none")
SHOWN = [
    "ps",
    "ps -a",
    "ps -aq",
    "ps -aq --no-trunc",
    "ps -a --no-trunc",
    "ps -as",
    "ps -a --format json",
    "ps -a --format '{{.Names}} {{.ID}} {{.Image}} {{.Command}} {{.State}} {{.Labels}}'",
    "ps -a --format '{{.Mounts}} {{.Networks}} {{.Ports}}'",
    "ps -a --format 'table {{.Names}}\\t{{.Label \"com.example.some-thing\"}}\\t{{.Size}}'",
    "ps -a --format '{{upper .Names}} {{json .Labels}} {{.LocalVolumes}} {{pad .State 1 2}}|'",
    "ps -f name=one -f status=running --format {{.Names}}",
    "ps -l --format {{.Names}}",
    "ps -n 1 -q",
    "images IMAGE",  # the built-in ones have no date, and Docker takes that for 1970
    "images --no-trunc IMAGE",
    "images --digests IMAGE",
    "images -q IMAGE",  # others may be as old as each other, and then no order is promised
    "images --format '{{.Repository}}\\t{{.Tag}}\\t{{.Size}}'",
    "history IMAGE",
    "history --no-trunc --format '{{.ID}} {{.Size}} {{.Comment}}' IMAGE",
    "volume ls",
    "volume ls -q",
    "volume ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}}'",
    "volume inspect data",
    "volume inspect -f '{{.Name}} {{json .Labels}}' data",
    "network ls",
    "network ls --no-trunc",
    "network ls --format '{{.Name}} {{.Driver}} {{.Internal}} {{.IPv6}}'",
    "system df",
    "top one",
    "top one -o pid,args",
    "port one",
    "diff two",
    "logs one",
    "logs --tail 1 one",
    "logs -t --tail 1 one",
    "inspect -f '{{.Name}} {{.State.Status}} {{.Config.Cmd}} {{.HostConfig.NetworkMode}}' one",
    "inspect -f '{{range .Config.Env}}{{println .}}{{end}}' one",
    "inspect -f '{{json .HostConfig.LogConfig}}' one",
    "inspect -f '{{.Id}}' IMAGE",
    "inspect -f '{{len .RootFS.Layers}}' IMAGE",
    "image inspect -f '{{index .RepoTags 0}}' IMAGE",
    "container inspect -f '{{printf \"%.3s %q %5d\" .Name .State.Status .State.ExitCode}}' two",
    "wait two",
    "info --format '{{.OSType}} {{.NCPU}} {{json .SecurityOptions}}'",
    "version --format '{{.Server.Version}}'",
    "events --since 1h --until 0s -f container=two -f event=die --format '{{.Action}} {{.Type}}'",
]


def shown(program: list[str], line: str, environment: dict[str, str]) -> tuple[int, str]:
    """Exit code and output, with what changes from one second to the next left out."""
    done = subprocess.run(
        [*program, *shlex.split(line)],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    text = re.sub(
        r"(Up )?(Less than a second|About a minute|\d+ (second|minute)s?)( ago)?", "SOME TIME", done.stdout
    )
    return done.returncode, re.sub(r"[ \t]+\n", "\n", re.sub(r"  +", "  ", text))


def differences(ours: list[str], environment: dict[str, str], address: str, image: str) -> list[str]:
    """The commands of SHOWN for which the two print something else."""
    docker = dict(os.environ) | {"DOCKER_HOST": address}
    wherry = environment | {"WHERRY_HOST": address}
    found = []
    for line in SHOWN:
        line = line.replace("IMAGE", image)
        theirs, own = shown(["docker"], line, docker), shown(ours, line, wherry)
        if theirs != own:
            found.append(f"{line}\n--- docker: {theirs[0]}\n{theirs[1]}--- wherry: {own[0]}\n{own[1]}")
    return found


@pytest.fixture
def populated(engine: EngineUnderTest, image: str) -> Iterator[EngineUnderTest]:
    """An engine with two containers, a volume and some output."""
    run = engine.wherry
    run("volume", "create", "--label", "a=b", "data")
    label = ("-l", "com.example.some-thing=yes", "-l", "b=2")
    run(
        "run",
        "-d",
        "--name",
        "one",
        *label,
        "-v",
        "data:/data",
        *QUIET,
        image,
        "sh",
        "-c",
        "echo 1; echo 2; sleep 999",
    )
    run("run", "--name", "two", *QUIET, image, "sh", "-c", "touch /new; exit 3", code=3)
    yield engine
    engine.remove_containers()
    run("volume", "rm", "data")


def test_same_words_on_our_engine(populated: EngineUnderTest, image: str) -> None:
    ours = populated.wherry._argv(())
    found = differences(ours, populated.environment, populated.docker_host, image)
    assert not found, "\n\n".join(found)


@pytest.mark.needs("dockerd")
def test_same_words_on_docker(dockerd: Dockerd, engine: EngineUnderTest, busybox_tar: str) -> None:
    """Our command line drives a real Docker as well as Docker's own."""
    address = f"unix://{dockerd.socket}"
    wherry = engine.wherry
    host = {"WHERRY_HOST": address}
    wherry("import", "-c", 'CMD ["sh"]', str(busybox_tar), "busybox:latest", env=host)
    wherry("volume", "create", "--label", "a=b", "data", env=host)
    script = "echo 1; echo 2; sleep 999"
    labels = ("-l", "com.example.some-thing=yes", "-v", "data:/data")
    wherry("run", "-d", "--name", "one", *labels, *QUIET, "busybox", "sh", "-c", script, env=host)
    script = "touch /new; echo out; exit 3"
    found = wherry("run", "--name", "two", *QUIET, "busybox", "sh", "-c", script, code=3, env=host)
    assert found.out == "out\n"
    assert wherry("exec", "-i", "one", "cat", stdin="through", env=host).out == "through"
    different = differences(wherry._argv(()), engine.environment, address, "busybox")
    wherry("rm", "-f", "one", "two", env=host)
    wherry("volume", "rm", "data", env=host)
    assert not different, "\n\n".join(different)
