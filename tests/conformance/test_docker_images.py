"""Images, volumes, networks and the system: the real command line."""

from __future__ import annotations

import pytest

from tests.conformance.daemons import DOCKERD, WHERRY, Daemon
from tests.conformance.table import ID, IMAGE_ID, SHORT, Step, run_steps

pytestmark = [pytest.mark.needs("docker-cli")]

RUN = "run --rm --network none "

TABLES: dict[str, list[Step]] = {
    "images": [
        Step("images", has=("REPOSITORY", "busybox")),
        Step("images -q busybox", out=SHORT),
        Step("images --no-trunc -q busybox", out=IMAGE_ID),
        Step("images --format '{{.Repository}}:{{.Tag}}' busybox", out="busybox:latest\n"),
        Step("images nope", out="REPOSITORY[^\n]*\n"),
        Step("tag busybox again:1", out=""),
        Step("tag busybox registry.example:5000/a/b:c", out=""),
        Step(
            "images --format '{{.Repository}}:{{.Tag}}' registry.example:5000/a/b",
            out="registry.example:5000/a/b:c\n",
        ),
        Step("images --filter reference='again*' -q", out=SHORT),
        Step("images --filter dangling=true -q", out=""),
        Step("images --filter nope=1", code=1, err=".*[Ii]nvalid filter 'nope'\n"),
        Step("tag busybox UPPER", code=1, err=".*must be lowercase\n"),
        Step("tag nope x", code=1, err=".*No such image: nope(:latest)?\n"),
        Step("rmi registry.example:5000/a/b:c", out="Untagged: registry.example:5000/a/b:c\n"),
        Step("rmi nope", code=1, err=".*No such image: nope(:latest)?\n"),
        Step("history busybox", has=("IMAGE", "CREATED BY")),
        Step("history -q --no-trunc busybox", out=IMAGE_ID),
        Step(
            "image inspect -f '{{.Architecture}} {{.Os}} {{.RepoTags}}' again:1",
            out=r"\w+ linux \[.*again:1.*\]\n",
        ),
        Step("image inspect nope", code=1, out="\\[\\]\n", err=".*No such image: nope(:latest)?\n"),
        Step("rmi again:1", out="Untagged: again:1\n"),
        Step("image prune -f", out="Total reclaimed space: 0B\n"),
    ],
    "images in use": [
        Step("tag busybox used:1"),
        Step("create --name box --network none used:1 true", out=ID),
        Step("rmi used:1", code=0, out="Untagged: used:1\n", only=WHERRY),
        Step("rmi used:1", only=DOCKERD, out=None, err=None),
        Step("start box", out="box\n"),
    ],
    "save and load": [
        Step("tag busybox saved:1"),
        Step("save -o saved.tar saved:1"),
        Step("rmi saved:1", out="Untagged: saved:1\n"),
        Step("load -i saved.tar", out="Loaded image: saved:1\n"),
        Step("load -q -i saved.tar", out="Loaded image: saved:1\n"),
        Step("rmi saved:1", out="Untagged: saved:1\n"),
        Step("save nope", code=1, err=None),
        Step("save -o two.tar busybox:latest", out=""),
        Step("load", stdin=b"this is no archive", code=1, err=None, out=None),
    ],
    "import": [
        Step("create --name box --network none IMAGE true", out=ID),
        Step("export -o root.tar box"),
        Step(
            "import -c 'CMD [\"echo\", \"by default\"]' -c 'ENV A=b' "
            "-c 'WORKDIR /tmp' -m said root.tar imp:1",
            out=IMAGE_ID,
        ),
        Step(RUN + "imp:1", out="by default\n"),
        Step(RUN + "imp:1 sh -c 'echo $A $PWD'", out="b /tmp\n"),
        Step("inspect -f '{{.Comment}}' imp:1", out="said\n"),
        Step("import -c 'NONSENSE x' root.tar imp:2", code=1, err=None),
        Step("rmi imp:1", has=("Untagged: imp:1\n", "Deleted: sha256:")),
    ],
    "volumes": [
        Step("volume create data", out="data\n"),
        Step("volume create --label a=b labelled", out="labelled\n"),
        Step("volume ls -q", has=("data\n", "labelled\n")),
        Step("volume ls -q --filter label=a=b", out="labelled\n"),
        Step("volume ls -q --filter name=dat", out="data\n"),
        Step("volume inspect -f '{{.Driver}} {{.Scope}}' data", out="local local\n"),
        Step(RUN + "-v data:/data IMAGE sh -c 'echo kept > /data/file'"),
        Step(RUN + "-v data:/data:ro IMAGE cat /data/file", out="kept\n"),
        Step(RUN + "-v data:/data:ro IMAGE touch /data/x", code=1, err=".*Read-only file system\n"),
        Step(RUN + "--mount type=volume,source=data,target=/m IMAGE cat /m/file", out="kept\n"),
        Step("create --name box -v data:/data --network none IMAGE true", out=ID),
        Step("ps -a --filter volume=data --format '{{.Names}}'", out="box\n"),
        Step(
            "inspect -f '{{(index .Mounts 0).Name}} {{(index .Mounts 0).Destination}}' box",
            out="data /data\n",
        ),
        Step("volume rm data", code=1, err=".*volume is in use - \\[[0-9a-f]{64}\\]\n"),
        Step("rm box", out="box\n"),
        Step("volume rm data labelled", out="data\nlabelled\n"),
        Step("volume inspect data", code=1, out="\\[\\]\n", err=".*no such volume.*\n"),
        Step("volume rm data", code=1, err=".*no such volume.*\n"),
        Step("run --name anon --network none -v /anonymous IMAGE true"),
        Step("volume ls -q --filter dangling=false", out=ID),
        Step("rm -v anon", out="anon\n"),
        Step("volume ls -q", out=""),
        Step("volume create", out=ID),
        Step("volume prune -f", has=("Total reclaimed space:",)),
        Step("volume prune -af", has=("Total reclaimed space",), only=WHERRY),
        Step("volume create -d nope x", code=1, err=None),
    ],
    "bind mounts": [
        Step(
            RUN + "-v .:/here IMAGE sh -c 'echo from inside > /here/file; cat /here/file'",
            out="from inside\n",
        ),
        Step(
            RUN + "--mount type=bind,source=.,target=/here,readonly IMAGE cat /here/file",
            out="from inside\n",
            only=WHERRY,
        ),
        Step(
            RUN + "--mount type=bind,source=/no/such/place,target=/x IMAGE true",
            code=125,
            err=".*bind source path does not exist: /no/such/place.*",
        ),
        Step(RUN + "--mount type=tmpfs,target=/t,tmpfs-size=1m IMAGE df -k /t", has=("1024",)),
    ],
    "networks": [
        Step(
            "network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'",
            has=("host host local\n", "none null local\n"),
        ),
        Step("network inspect -f '{{.Name}} {{.Driver}}' none", out="none null\n"),
        Step("network inspect nope", code=1, out="\\[\\]\n", err=".*network nope not found\n"),
        Step("network rm none", code=1, err=None),
        Step("run --rm --network host IMAGE echo on the host", out="on the host\n", err=None),
        Step("run --rm --network nope IMAGE true", code=125, err=".*network nope not found.*"),
    ],
    "system": [
        Step("version --format '{{.Server.Os}}'", out="linux\n"),
        Step("version", has=("Server:", "API version:", "minimum version")),
        Step("info --format '{{.OSType}} {{.Swarm.LocalNodeState}}'", out="linux inactive\n", err=None),
        Step("info", has=("Server Version:", "Storage Driver:", "Cgroup Version:"), err=None),
        Step("system df", has=("TYPE", "Images", "Containers", "Local Volumes", "Build Cache")),
        Step("system df -v", has=("Images space usage", "busybox")),
        Step("events --since 1 --until 2", out=""),
        Step("system prune -f", has=("Total reclaimed space",)),
        Step("plugin ls -q", out=""),
        Step("swarm leave", code=1, err=".*This node is not part of a swarm.*"),
        Step("node ls", code=1, err=".*This node is not a swarm manager.*"),
        Step("service ls", code=1, err=".*This node is not a swarm manager.*"),
        Step("stack ls", code=1, err=None),
        Step("builder prune -f", err=None, has=("Total",)),
    ],
}


@pytest.mark.parametrize("table", TABLES)
def test_table(daemon: Daemon, table: str) -> None:
    run_steps(daemon, TABLES[table])
