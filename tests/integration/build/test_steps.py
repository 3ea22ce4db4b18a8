"""What a RUN is carried out with: networks, limits, names, privileges; which steps the cache is kept from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest
from tests.integration.build.conftest import Build

pytestmark = [pytest.mark.needs("root", "busybox")]


def test_networks(build: Build) -> None:
    text = "FROM BASE\nRUN --network=none ls /sys/class/net\nRUN --network=host ls /sys/class/net\n"
    said = build(text, "--no-cache", "--allow=network.host").err
    here = sorted(path.name for path in Path("/sys/class/net").iterdir())
    assert re.findall(r"#2 (\w+)\n", said) == ["lo"]
    assert set(here) & set(re.findall(r"#3 (\S+)\n", said)) - {"lo"}
    assert re.findall(
        r"#2 (\w+)\n", build("FROM BASE\nRUN ls /sys/class/net\n", "--network=none", "--no-cache").err
    ) == ["lo"]


def test_limits_and_names(build: Build) -> None:
    text = "FROM BASE\nRUN ulimit -n; df -k /dev/shm; cat /etc/hosts\n"
    said = build(
        text, "--no-cache", "--ulimit=nofile=77:88", "--shm-size=8m", "--add-host=there:10.1.2.3"
    ).err
    assert "#2 77\n" in said and re.search(r"shm +8192 ", said) and re.search(r"10\.1\.2\.3\s+there", said)


def test_memory(build: Build) -> None:
    text = (
        'FROM BASE\nRUN sh -c "tail -c 200m /dev/zero" | wc -c\nRUN exec tail -c 200m /dev/zero > /dev/null\n'
    )
    said = build(text, "--no-cache", "--memory=32m", "--memory-swap=32m", code=1).err
    assert "#2 0\n" in said and "returned a non-zero code: 137" in said


def test_privileges(build: Build) -> None:
    look = "grep -i capeff /proc/self/status"
    text = f"FROM BASE\nRUN {look}\nRUN --security=insecure {look}\n"
    said = build(text, "--no-cache", "--allow=security.insecure").err
    own, all_of_them = re.findall(r"CapEff:\s+(\w+)", said)
    assert own == "00000000a80425fb" and int(all_of_them, 16) > int(own, 16)
    assert "RUN --device is not supported" in build("FROM BASE\nRUN --device=a/b=c true\n", code=1).err


def test_some_stages_without_the_cache(build: Build) -> None:
    text = (
        "FROM BASE AS one\nRUN echo 1 > /1\nFROM BASE AS two\nRUN echo 2 > /2\n"
        "FROM BASE\nCOPY --from=one /1 /\nCOPY --from=two /2 /\n"
    )
    build(text)
    events = [
        json.loads(line)
        for line in build(text, "--no-cache-filter=two", "--progress=rawjson").err.splitlines()
    ]
    names = {event["step"]: event["text"] for event in events if event["event"] == "started"}
    ran = [names[event["step"]] for event in events if event["event"] == "done" and not event["cached"]]
    assert [name for name in ran if name.startswith(("RUN", "COPY"))] == ["RUN echo 2 > /2"]


def test_labels_of_the_command_line_come_last(build: Build, engine: EngineUnderTest, wherry: Command) -> None:
    image = build("FROM BASE\nLABEL a=file b=file\n", "--label=a=flag", "--label=c=").line
    told = engine.api("GET", f"/images/{image}/json")[1]
    assert told["Config"]["Labels"] == {"a": "flag", "b": "file", "c": ""}


def test_locked_cache_mounts(build: Build) -> None:
    """Stages that want two of them, in opposite orders and one of them twice, take turns."""

    def run(*mounts: str) -> str:
        flags = [
            f"--mount=type=cache,id={name},target=/{at}{name},sharing=locked"
            for at, name in enumerate(mounts)
        ]
        return f"RUN {' '.join(flags)} cd /0* && mkdir mine && sleep 0.4 && touch /done && rmdir mine\n"

    stages = [("a", "b"), ("b", "a"), ("a", "b", "a"), ("b",)]
    text = "".join(f"FROM BASE AS s{number}\n{run(*mounts)}" for number, mounts in enumerate(stages))
    text += "FROM scratch\n" + "".join(f"COPY --from=s{number} /done /{number}\n" for number in range(4))
    build(text, "--no-cache")
