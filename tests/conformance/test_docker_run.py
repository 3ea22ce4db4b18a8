"""`docker run`, `create`, `start`, `attach`, `wait`: the real command line."""

from __future__ import annotations

import pytest

from tests.conformance.daemons import WHERRY, Daemon
from tests.conformance.table import ID, Step, run_steps

pytestmark = [pytest.mark.needs("docker-cli")]

RUN = "run --rm --network none "

TABLES: dict[str, list[Step]] = {
    "output and exit codes": [
        Step(RUN + "IMAGE echo hello", out="hello\n"),
        Step(RUN + "IMAGE sh -c 'echo out; echo err >&2; exit 3'", code=3, out="out\n", err="err\n"),
        Step(RUN + "IMAGE sh -c 'sleep 9 & kill -9 $!; wait $!'", code=137, err="(Killed\n)?"),
        Step(RUN + "IMAGE false", code=1, out=""),
        Step(RUN + "-i IMAGE cat", stdin=b"through\nthe cat\n", out="through\nthe cat\n"),
        Step(RUN + "-i IMAGE wc -c", stdin=b"x" * 300_000, out="300000\n"),
        Step(RUN + "IMAGE sh -c 'read x; echo got $x'", stdin=b"unread\n", out="got\n"),
        Step(RUN + "-t IMAGE sh -c 'test -t 1 && echo a terminal'", out="a terminal\r\n"),
        Step(RUN + "-a stderr IMAGE sh -c 'echo out; echo err >&2'", out="", err="err\n"),
        Step(RUN + "--init IMAGE sh -c 'exit 5'", code=5),
    ],
    "programs that can't be run": [
        Step(
            RUN + "IMAGE no-such-program",
            code=127,
            out="",
            err='.*exec: "no-such-program": executable file not found in \\$PATH.*',
        ),
        Step(RUN + "IMAGE /no/such", code=127, out="", err=".*/no/such.*no such file or directory.*"),
        Step(RUN + "IMAGE /etc", code=126, out="", err=".*/etc.*(permission denied|is a directory).*"),
        Step(RUN + "IMAGE /etc/passwd", code=126, out="", err=".*/etc/passwd.*permission denied.*"),
        Step(
            "run --pull never --rm no-such-image true",
            code=125,
            err=".*No such image: no-such-image:latest.*",
        ),
        Step(RUN + "--user nobody-at-all IMAGE true", code=125, err=".*unable to find user nobody-at-all.*"),
        Step("ps -aq", out=""),
    ],
    "what a process sees": [
        Step(RUN + "-e A=1 --env B='two words' IMAGE sh -c 'echo $A-$B'", out="1-two words\n"),
        Step(RUN + "-w /made/up IMAGE pwd", out="/made/up\n"),
        Step(RUN + "-u 33 IMAGE id -u", out="33\n"),
        Step(RUN + "-u crew IMAGE sh -c 'id -un; id -gn'", out="crew\ncrew\n"),
        Step(RUN + "-u 1000:33 --group-add 500 IMAGE sh -c 'id -g; id -G'", out="33\n33 500\n"),
        Step(RUN + "-h box IMAGE hostname", out="box\n"),
        Step(
            RUN + "--hostname box --domainname example.org IMAGE cat /proc/sys/kernel/domainname",
            out="example.org\n",
        ),
        Step(RUN + "--entrypoint echo IMAGE from the entrypoint", out="from the entrypoint\n"),
        Step(RUN + "--read-only IMAGE touch /file", code=1, err=".*Read-only file system\n"),
        Step(RUN + "--read-only --tmpfs /run IMAGE sh -c 'touch /run/file && echo fine'", out="fine\n"),
        Step(RUN + "--shm-size 12m IMAGE df -k /dev/shm", has=("12288",)),
        Step(RUN + "--ulimit nofile=99:100 IMAGE sh -c 'ulimit -Sn; ulimit -Hn'", out="99\n100\n"),
        Step(RUN + "--cap-drop ALL IMAGE grep CapEff /proc/self/status", out="CapEff:\t0+\n"),
        Step(RUN + "IMAGE grep -c . /proc/self/uid_map", out="[1-9]\n"),
        Step(RUN + "--add-host db:10.9.8.7 IMAGE grep db /etc/hosts", out="10.9.8.7\tdb\n", only=WHERRY),
        Step(RUN + "IMAGE sh -c 'echo $HOME; echo $HOSTNAME | wc -c'", out="/root\n13\n"),
        Step(RUN + "--sysctl kernel.msgmax=9999 IMAGE cat /proc/sys/kernel/msgmax", out="9999\n"),
        Step(RUN + "--memory 64m --cpus 0.5 --pids-limit 50 IMAGE echo limited", out="limited\n", err=None),
        Step(RUN + "--oom-score-adj 500 IMAGE cat /proc/self/oom_score_adj", out="500\n"),
        Step(
            RUN + "--security-opt no-new-privileges IMAGE grep NoNewPrivs /proc/self/status",
            out="NoNewPrivs:\t1\n",
        ),
    ],
    "create, start, attach, wait": [
        Step("create --name one --network none IMAGE echo started", out=ID),
        Step("ps -q", out=""),
        Step(
            "ps -a --filter name=one --format '{{.Names}} {{.State}} {{.Status}}'",
            out="one created Created\n",
        ),
        Step("start -a one", out="started\n"),
        Step("start one", out="one\n"),
        Step("wait one", out="0\n"),
        Step("create --name two -i --network none IMAGE cat", out=ID),
        Step("start -ai two", stdin=b"typed\n", out="typed\n"),
        Step(
            "create --name one --network none IMAGE true",
            code=1,
            out="",
            err='.*Conflict. The container name "/one" is already in use by container "[0-9a-f]{64}".*',
        ),
        Step(
            "create --name a/b IMAGE true",
            code=1,
            err=".*Invalid container name \\(a/b\\), only .* are allowed.*",
        ),
        Step("run -d --name three --network none IMAGE sh -c 'sleep 0.3; exit 7'", out=ID),
        Step("wait three", out="7\n"),
        Step("run -d --name three --network none IMAGE true", code=125, out="", err=None),
        Step(
            "start no-such", code=1, out="", err="Error response from daemon: No such container: no-such\n.*"
        ),
        Step("rm one two three", out="one\ntwo\nthree\n"),
    ],
    "names, labels, files of ids": [
        Step(
            "run -d --cidfile cid --label a=b --label c --network none --name tagged IMAGE sleep 60", out=ID
        ),
        Step("ps --filter label=a=b --format '{{.Names}}'", out="tagged\n"),
        Step("ps --filter label=c --format '{{.Label \"a\"}}'", out="b\n"),
        Step("ps --filter label=a=x -q", out=""),
        Step("inspect --format '{{json .Config.Labels}}' tagged", out='{"a":"b","c":""}\n'),
        Step("rename tagged renamed", out=""),
        Step("inspect --format '{{.Name}}' renamed", out="/renamed\n"),
        Step(
            "rename renamed renamed",
            code=1,
            err=".*Renaming a container with the same name as its current name\n.*",
        ),
        Step("rm renamed", code=1, out="", err=".*(cannot remove|You cannot remove a running) container.*"),
        Step("rm -f renamed", out="renamed\n"),
    ],
}


@pytest.mark.parametrize("table", TABLES)
def test_table(daemon: Daemon, table: str) -> None:
    run_steps(daemon, TABLES[table])
