"""What is done to containers that are there: the real command line."""

from __future__ import annotations

import pytest

from tests.conformance.daemons import DOCKERD, WHERRY, Daemon
from tests.conformance.table import ID, IMAGE_ID, SHORT, Step, run_steps

pytestmark = [pytest.mark.needs("docker-cli")]

SLEEPER = Step("run -d --name box --network none IMAGE sleep 60", out=ID)
NO_SUCH = "Error response from daemon: No such container: nope\n.*"

TABLES: dict[str, list[Step]] = {
    "logs": [
        Step(
            "run --name box --network none IMAGE sh -c 'for i in 1 2 3; do echo $i; done; echo e >&2'",
            out="1\n2\n3\n",
            err="e\n",
        ),
        Step("logs box", out="1\n2\n3\n", err="e\n"),
        Step("logs --tail 2 box", out=None, err=None),
        Step("logs --tail 0 box", out="", err=""),
        Step("logs -f box", out="1\n2\n3\n", err="e\n"),
        Step("logs -t box", out=r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \d\n){3}", err=r"\S+Z e\n"),
        Step("logs --since 1h box", out="1\n2\n3\n", err="e\n"),
        Step("logs --until 1h box", out="", err=""),
        Step("logs --since 2100-01-01T00:00:00 box", out=""),
        Step("logs nope", code=1, err=NO_SUCH),
        Step("run -dt --name tt --network none IMAGE sh -c 'echo one; echo two'", out=ID),
        Step("wait tt", out="0\n"),
        Step("logs tt", out="one\r\ntwo\r\n"),
        Step("run -d --name followed --network none IMAGE sh -c 'echo a; sleep 0.2; echo b'", out=ID),
        Step("logs -f followed", out="a\nb\n"),
        Step("run --name none --log-driver none --network none IMAGE echo unlogged", out="unlogged\n"),
        Step("logs none", code=1, err=".*configured logging driver does not support reading.*"),
    ],
    "exec": [
        SLEEPER,
        Step("exec box echo hi", out="hi\n"),
        Step("exec -i box cat", stdin=b"in and out", out="in and out"),
        Step("exec -e A=1 -w /tmp -u 33 box sh -c 'echo $A $PWD $(id -u)'", out="1 /tmp 33\n"),
        Step("exec -t box sh -c 'test -t 0 && echo tty'", out="tty\r\n"),
        Step("exec box sh -c 'echo e >&2; exit 9'", code=9, out="", err="e\n"),
        Step("exec box no-such-program", code=126, out=None, only=DOCKERD),
        Step(
            "exec box no-such-program",
            code=127,
            out='.*exec: "no-such-program": executable file not found in \\$PATH.*',
            only=WHERRY,
        ),
        Step("exec box /etc/passwd", code=126, out=".*/etc/passwd.*permission denied.*"),
        Step("exec -d box touch /tmp/made", out=""),
        Step("exec box sh -c 'while ! test -e /tmp/made; do sleep 0.01; done; echo made'", out="made\n"),
        Step("exec box cat /proc/1/comm", out="sleep\n"),
        Step("exec -w /no/such box true", code=126, out=".*no such file or directory.*"),
        Step("exec --privileged box true", only=WHERRY),
        Step("exec nope true", code=1, err=NO_SUCH),
        Step("stop -t 0 box", out="box\n"),
        Step("exec box true", code=1, err=".*[Cc]ontainer [0-9a-f]{64} is not running\n"),
    ],
    "ps": [
        Step("create --name first --network none IMAGE true", out=ID),
        SLEEPER,
        Step("ps", has=("CONTAINER ID   IMAGE", "sleep 60", "Up ")),
        Step("ps -q", out=SHORT),
        Step("ps -q --no-trunc", out=ID),
        Step("ps -aq", out=SHORT * 2),
        Step("ps -a --format '{{.Names}}'", out="box\nfirst\n"),
        Step("ps -n 1 --format '{{.Names}}'", out="box\n"),
        Step("ps -l --format '{{.Names}}'", out="box\n"),
        Step("ps --filter status=created --format '{{.Names}}'", out="first\n"),
        Step("ps -a --filter status=running --filter status=created -q", out=SHORT * 2),
        Step("ps -a --filter ancestor=IMAGE -q", out=SHORT * 2),
        Step("ps -a --filter ancestor=nope -q", out=""),
        Step("ps -a --filter since=first --format '{{.Names}}'", out="box\n"),
        Step("ps -a --filter before=box --format '{{.Names}}'", out="first\n"),
        Step("ps -a --filter name=^fir --format '{{.Names}}'", out="first\n"),
        Step("ps -a --filter name=irs -q", out=SHORT),
        Step("ps --filter network=none --format '{{.Names}}'", out="box\n"),
        Step("ps -a --filter exited=0 -q", out=""),
        Step("ps --filter health=none --format '{{.Names}}'", out="box\n"),
        Step("ps --filter health=nope", code=1, err=".*(invalid filter 'health=nope'|for health: nope)\n"),
        Step("ps --filter nope=1", code=1, err=".*[Ii]nvalid filter 'nope'\n"),
        Step("ps --filter status=nope", code=1, err=".*[Ii]nvalid filter 'status=(nope|\\[nope\\])'\n"),
        Step("ps -s --format '{{.Size}}'", out=r".*\(virtual .*\)\n"),
        Step("ps --format json", has=('"Names":"box"', '"State":"running"')),
    ],
    "inspect": [
        SLEEPER,
        Step(
            "inspect -f '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}' box",
            out="running true 0\n",
        ),
        Step("inspect -f '{{.Path}} {{.Args}}' box", out="sleep \\[60\\]\n"),
        Step("inspect -f '{{.HostConfig.NetworkMode}}' box", out="none\n"),
        Step("inspect -f '{{json .Config.Cmd}}' box", out='\\["sleep","60"\\]\n'),
        Step("inspect -f '{{.Image}}' box", out=IMAGE_ID),
        Step("inspect -s -f '{{.SizeRootFs}}' box", out=r"\d+\n"),
        Step("inspect --type image IMAGE -f '{{.Os}}'", out="linux\n"),
        Step("inspect box", has=('"Mounts": []', '"RestartCount": 0', '"LogPath"')),
        Step("inspect nope", code=1, out="\\[\\]\n", err=".*[Nn]o such object: nope\n"),
        Step("container inspect nope", code=1, out="\\[\\]\n", err=".*No such container: nope\n"),
    ],
    "pausing": [
        SLEEPER,
        Step("pause box", out="box\n"),
        Step("ps --format '{{.State}} {{.Status}}'", out="paused Up .* \\(Paused\\)\n"),
        Step("pause box", code=1, err=".*is already paused\n"),
        Step("exec box true", code=1, err=".*is paused, unpause the container before exec\n"),
        Step("unpause box", out="box\n"),
        Step("unpause box", code=1, err=".*is not paused\n"),
    ],
    "signals and states": [
        SLEEPER,
        Step("restart -t 0 box", out="box\n"),
        Step("top box", has=("sleep 60", "PID")),
        Step("top box -o pid,comm", has=("COMMAND", "sleep")),
        Step("stats --no-stream --format '{{.Name}} {{.PIDs}}' box", out="box 1\n"),
        Step("kill -s USR1 box", out="box\n"),  # the first process of a pid namespace ignores it
        Step("kill -s 9 box", out="box\n"),
        Step("wait box", out="137\n"),
        Step("kill box", code=1, err=".*[Cc]annot kill container: box: .* is not running\n"),
        Step("kill -s NOPE box", code=1, err=".*[Ii]nvalid signal: NOPE\n"),
        Step("kill nope", code=1, err=".*annot kill container: nope: No such container: nope\n"),
        Step("top box", code=1, err=".*is not running\n"),
        Step("start box", out="box\n"),
        Step("stop -t 0 box", out="box\n"),
        Step("stop box", out="box\n"),
        Step("inspect -f '{{.State.Status}} {{.State.ExitCode}}' box", out="exited 137\n"),
        Step("ps -a --filter exited=137 --format '{{.Status}}'", out=r"Exited \(137\) .* ago\n"),
        Step("rm box", out="box\n"),
        Step("stop nope", code=1, err=None),
        Step("rm nope", code=1, err=None),
        Step("rm -f nope", code=0, err=None),
    ],
    "stop signals": [
        Step(
            "run -d --name box --stop-signal USR2 --network none IMAGE "
            "sh -c 'trap \"exit 12\" USR2; while :; do sleep 0.05; done'",
            out=ID,
        ),
        Step("exec box true"),
        Step("stop -t 5 box", out="box\n"),
        Step("inspect -f '{{.State.ExitCode}}' box", out="12\n"),
    ],
    "files": [
        SLEEPER,
        Step("diff box", out=""),
        Step("exec box test -f /.dockerenv"),
        Step("exec -u 1000:1000 box id -G", out="1000\n"),
        Step("exec box sh -c 'echo inside > /tmp/file; mkdir -p /tmp/d/e; ln -s /tmp/file /tmp/link'"),
        Step("cp box:/tmp/file -", has=("inside",)),
        Step("cp box:/tmp/file copied", err=None),
        Step("cp copied box:/tmp/back", err=None),
        Step("exec box cat /tmp/back", out="inside\n"),
        Step("cp box:/tmp/d .", err=None),
        Step("cp -L box:/tmp/link followed", err=None),
        Step("cp box:/nope .", code=1, err=".*Could not find the file /nope in container box\n"),
        Step("cp nope:/x .", code=1, err=".*No such container: nope\n"),
        Step("cp copied box:/no/such/dir/file", code=1, err=None),
        Step("diff box", out="(?!.*etc).*"),
        Step("diff box", has=("A /tmp/file\n", "C /tmp\n", "A /tmp/back\n")),
        Step("export -o root.tar box"),
        Step("import root.tar exported:1", out=IMAGE_ID),
        Step("run --rm --network none exported:1 cat /tmp/file", out="inside\n"),
        Step(
            "commit -m why -a me -c 'ENV X=y' -c 'CMD [\"cat\", \"/tmp/file\"]' box committed:1", out=IMAGE_ID
        ),
        Step("run --rm --network none committed:1", out="inside\n"),
        Step("run --rm --network none committed:1 sh -c 'echo $X'", out="y\n"),
        Step("inspect -f '{{.Comment}} {{.Author}}' committed:1", out="why me\n"),
        Step("rmi exported:1 committed:1", has=("Untagged: exported:1\n", "Deleted: sha256:")),
    ],
    "update and port": [
        SLEEPER,
        Step("update --restart on-failure:3 box", out="box\n"),
        Step("inspect -f '{{.HostConfig.RestartPolicy}}' box", out="{on-failure 3}\n"),
        Step("update --memory 128m --memory-swap 256m box", out="box\n.*", err=None),
        Step("inspect -f '{{.HostConfig.Memory}}' box", out="134217728\n"),
        Step("port box", out=""),
        Step("port nope", code=1, err=".*No such container: nope\n"),
    ],
    "prune": [
        Step("run --name gone --network none IMAGE true"),
        SLEEPER,
        Step("container prune -f", has=("Deleted Containers:\n", "Total reclaimed space:")),
        Step("ps -a --format '{{.Names}}'", out="box\n"),
        Step("container prune -f --filter until=24h", out="Total reclaimed space: 0B\n"),
    ],
    "attach": [
        Step("run -d --name box --network none IMAGE sh -c 'sleep 0.5; echo late; exit 4'", out=ID),
        Step("attach box", code=4, out="late\n"),
        Step("attach box", code=1, err=".*cannot attach to a stopped container, start it first\n"),
        Step("attach nope", code=1, err=".*No such container: nope\n"),
    ],
}


@pytest.mark.parametrize(
    "table",
    [pytest.param(name, marks=pytest.mark.needs("freezer") if name == "pausing" else ()) for name in TABLES],
)
def test_table(daemon: Daemon, table: str) -> None:
    run_steps(daemon, TABLES[table])
