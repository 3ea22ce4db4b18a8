"""The supervisor killed, the engine killed, both; and engines that talk nonsense."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.supervisor.station import (
    Station,
    come,
    content_of,
    exists,
    gone,
    process,
    read_all,
    streams,
    until,
)
from wherry.errors import Conflict, Unavailable, WherryError
from wherry.supervisor.client import Supervisor
from wherry.supervisor.logs.options import LogConfig
from wherry.supervisor.logs.reader import read
from wherry.supervisor.logs.selection import Selection
from wherry.supervisor.protocol import encode

pytestmark = pytest.mark.needs("root", "busybox")

COUNTING = "i=0; while [ $i -lt {count} ]; do echo line $i; i=$((i+1)); done"
ROOMY = LogConfig("cri", 0, 1)


def lines(count: int) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(count))


async def test_not_one_line_is_lost_or_repeated_when_the_supervisor_is_killed_at_random(
    station: Station,
) -> None:
    """kill -9, again and again, while two containers write as fast as they can."""
    count = 150_000
    both = f"({COUNTING}) & ({COUNTING}) >&2; wait".format(count=count)
    for name in ("a", "b"):
        script = both if name == "b" else COUNTING.format(count=count)
        await station.start(name, script, log=LogConfig("cri", 300_000, 1000))
    kills, chance = 0, random.Random(7)
    deadline = time.monotonic() + 300
    while station.exits.qsize() < 2:
        assert time.monotonic() < deadline, (kills, await station.supervisor.processes())
        await asyncio.sleep(chance.random() * 0.1)
        if station.exits.qsize() < 2 and kills < 15:
            await station.kill_supervisor()
            kills += 1
    assert kills > 3
    codes = {(await station.ended()).code, (await station.ended()).code}
    assert codes == {0}
    assert station.log("a") == lines(count)
    path = f"{station.state}/containers/b/container.log"
    for selection in (Selection(stderr=False), Selection(stdout=False)):
        assert b"".join(run.content for runs in read(path, selection) for run in runs) == lines(count)


async def test_a_fast_writer_loses_nothing_either(station: Station) -> None:
    await station.start("c", "seq 1 3000000", log=ROOMY)
    for _ in range(5):
        await asyncio.sleep(0.02)
        if station.exits.empty():
            await station.kill_supervisor()
    assert (await station.ended()).code == 0
    assert station.log("c") == b"".join(b"%d\n" % number for number in range(1, 3_000_001))


async def test_the_exit_code_survives_both_ways_of_dying(station: Station) -> None:
    await station.start("later", "sleep 0.5; exit 7")
    await station.start("meanwhile", "read a; exit 9", open_stdin=True)
    await station.start("runs", "sleep 1000")
    supervisor = station.supervisor
    pid = {one.container: one.pid for one in await supervisor.processes()}
    os.kill(supervisor.pid, signal.SIGKILL)
    os.kill(pid["meanwhile"], signal.SIGKILL)  # before anybody could take over
    await asyncio.wait_for(station.reconnected.wait(), 60)
    ends = {one.container: one for one in (await station.ended(), await station.ended())}
    assert ends["later"].code == 7
    assert (ends["meanwhile"].code, ends["meanwhile"].signal) == (137, 9)
    states = {one.container: one for one in await supervisor.processes()}
    assert states["runs"].status == "running" and states["runs"].pid == pid["runs"]
    await supervisor.kill("runs", signal.SIGTERM, everyone=True)
    await supervisor.kill("runs")
    assert (await station.ended()).container == "runs"


async def test_a_terminal_does_not_hang_up(station: Station) -> None:
    await station.start("c", "stty -echo; echo ready; while read a; do echo got $a; done", terminal=True)
    await come(lambda: station.log("c") == b"ready\r\n")
    await station.kill_supervisor()
    attached = await station.supervisor.attach("c", stdin=True)
    assert attached.connection is not None
    await station.supervisor.resize("c", rows=5, columns=6)
    await asyncio.get_running_loop().sock_sendall(attached.connection, b"hello\n")
    await until(attached.connection, b"got hello")
    attached.connection.close()
    await station.supervisor.kill("c")
    await station.ended()
    assert station.log("c") == b"ready\r\ngot hello\r\n"


async def test_open_standard_input_stays_open(station: Station) -> None:
    await station.start("c", "read a; echo got $a", open_stdin=True)
    await station.kill_supervisor()
    attached = await station.supervisor.attach("c", stdin=True)
    assert attached.connection is not None
    await asyncio.get_running_loop().sock_sendall(attached.connection, b"hello\n")
    assert streams(await read_all(attached.connection))[0] == b"got hello\n"
    assert (await station.ended()).code == 0


async def test_exec_goes_on_under_the_successor(station: Station) -> None:
    await station.start("c", "sleep 1000")
    executed = await station.supervisor.exec(
        "c", "e", process=process("read a; echo $a; exit 6"), open_stdin=True
    )
    assert executed.connection is not None
    await station.kill_supervisor()
    assert await read_all(executed.connection) == b""
    again = await station.supervisor.exec("c", "f", process=process("exit 8"))
    assert again.connection is not None
    await read_all(again.connection)
    ends = {one.exec_id: one.code for one in (await station.ended(), await station.ended())}
    assert ends["f"] == 8 and "e" in ends  # its standard input ended with the supervisor


async def test_engine_and_supervisor_killed_together(station: Station) -> None:
    script = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); sleep 0.002; done; exit 4"
    await station.start("c", script)
    old, pid = station.supervisor, station.supervisor.pid
    await old.close()
    os.kill(pid, signal.SIGKILL)
    await station.connect()
    [state] = await station.supervisor.processes()
    assert state.status == "running"
    assert (await station.ended()).code == 4
    assert station.log("c") == lines(300)


async def test_an_end_that_nobody_saw(station: Station) -> None:
    pid = await station.start("c", "sleep 1000")
    supervisor_pid = station.supervisor.pid
    await station.supervisor.close()
    os.kill(supervisor_pid, signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    await station.connect()
    [state] = await station.supervisor.processes()
    ended = state.exit or await station.ended()
    assert ended.code in (137, 255)  # 137 where its new parent has not reaped it yet
    assert ended.code == 137 or ended.reason


async def test_an_end_that_was_written_down_but_not_told(station: Station) -> None:
    """Killed between exit.json and the event: the successor tells what the file says."""
    await station.start("c", "exit 5")
    await station.ended()
    record = f"{station.run}/containers/c/process.json"
    supervisor_pid = station.supervisor.pid
    await station.supervisor.close()
    os.kill(supervisor_pid, signal.SIGKILL)
    state = {"container": "c", "exec": "", "pid": 1, "start_time": 1, "started_at": 1, "status": "running"}
    more = {"terminal": False, "runtime": "wherry", "log": ["cri", 0, 1], "cgroup": station.cgroup("c")}
    write_json(record, {**state, **more})
    await station.connect()
    [process_state] = await station.supervisor.processes()
    assert process_state.exit is not None and process_state.exit.code == 5


def write_json(path: str, value: object) -> None:
    Path(path).write_text(json.dumps(value))


async def test_an_engine_restart_finds_everything(station: Station) -> None:
    await station.start("runs", "sleep 1000")
    await station.start("ends", "sleep 0.2; echo late; exit 3")
    pid = station.supervisor.pid
    await station.supervisor.close()
    await come(lambda: exists(f"{station.state}/containers/ends/exit.json"))
    await station.connect()
    assert station.supervisor.pid == pid
    states = {one.container: one for one in await station.supervisor.processes()}
    assert states["runs"].status == "running"
    assert states["ends"].exit is not None and states["ends"].exit.code == 3
    assert station.log("ends") == b"late\n"


async def test_the_newest_engine_owns_the_supervisor(station: Station) -> None:
    replaced = asyncio.Event()
    first = station.supervisor
    first.on_replaced = replaced.set
    await station.connect()
    await asyncio.wait_for(replaced.wait(), 60)
    with pytest.raises(Unavailable, match="another engine"):
        await first.processes()
    await first.close()
    assert await station.supervisor.processes() == []


async def test_two_first_engines_start_one_supervisor(home: Path) -> None:
    made = await asyncio.gather(
        *(Supervisor.connect(str(home / "state"), str(home / "run")) for _ in range(4)),
        return_exceptions=True,
    )
    connected = [one for one in made if isinstance(one, Supervisor)]
    assert connected and len({one.pid for one in connected}) == 1
    last = await Supervisor.connect(str(home / "state"), str(home / "run"))
    await last.shutdown()
    for one in connected:
        await one.close()


async def test_shutdown_leaves_nothing(home: Path) -> None:
    supervisor = await Supervisor.connect(str(home / "state"), str(home / "run"))
    pid = supervisor.pid
    await supervisor.shutdown()
    assert await gone(f"/proc/{pid}")
    assert not exists(f"{home}/run/supervisor.sock")
    with pytest.raises(Unavailable):
        await Supervisor.connect(str(home / "state"), str(home / "run"), start=False)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 4096,
        b"\0\0\0\x02{}",
        encode({"n": 1, "op": "list"}),
        encode({"n": "one", "op": "hello", "version": 1}),
        (1000).to_bytes(4, "big") + b'{"n": 1, "op": "cre',
    ],
    ids=["http", "long", "empty", "no hello", "bad number", "cut off"],
)
async def test_nonsense_is_cut_off_and_harms_nobody(station: Station, garbage: bytes) -> None:
    await station.start("c", "sleep 1000")
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(f"{station.run}/supervisor.sock")
        stranger.sendall(garbage)
        stranger.shutdown(socket.SHUT_WR)
        stranger.settimeout(60)
        try:
            assert stranger.recv(100) == b""
        except ConnectionResetError:
            pass
    [state] = await station.supervisor.processes()
    assert state.status == "running"


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "fly"},
        {"op": "create", "id": "x"},
        {"op": "create", "id": 5, "spec": [], "log": None},
        {"op": "attach", "id": "c"},
        {"op": "resize", "id": "c", "exec": "", "rows": "many", "columns": 1},
        {"op": "kill", "id": "c", "exec": "", "signal": "TERM", "all": False},
        {"op": "adopt", "keep": [["c", "", 9]], "last": False},
        {"op": "log", "id": "c", "log": ["cri", "big", 1]},
    ],
    ids=lambda request: str(request["op"]),
)
async def test_malformed_requests_are_answered(station: Station, request_: dict[str, object]) -> None:
    await station.start("c", "sleep 1000")
    with pytest.raises(WherryError):
        await station.supervisor._request(request_)
    [state] = await station.supervisor.processes()
    assert state.status == "running"
    os.truncate(f"{station.state}/supervisor.log", 0)  # it complained, as it should


async def test_an_engine_that_dies_in_the_middle_of_a_launch(station: Station) -> None:
    """The container is finished without it, and is there for the next engine to give up or to use."""
    creating = asyncio.create_task(station.create("c", "exit 5"))
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    await station.supervisor.close()
    with pytest.raises(Unavailable):
        await creating
    await station.connect()
    for _ in range(3000):
        states = await station.supervisor.processes()
        if not states or states[0].status != "creating":
            break
        await asyncio.sleep(0.02)
    if states:
        await station.supervisor.start("c")
        assert (await station.ended()).code == 5


async def test_the_socket_is_private(station: Station) -> None:
    assert os.stat(f"{station.run}/supervisor.sock").st_mode & 0o777 == 0o600
    assert os.stat(station.run).st_mode & 0o777 == 0o700


async def test_it_is_small(station: Station) -> None:
    for number in range(5):
        await station.start(f"c{number}", "exit 0")
        await station.ended()
    memory = content_of(f"/proc/{station.supervisor.pid}/smaps_rollup")
    private = sum(int(line.split()[1]) for line in memory.splitlines() if line.startswith("Private_"))
    assert private < 12_000  # KiB


async def test_descriptors_do_not_pile_up(station: Station) -> None:
    def count() -> int:
        return len(os.listdir(f"/proc/{station.supervisor.pid}/fd"))

    before = count()
    for number in range(20):
        await station.start(f"c{number}", "exit 0", open_stdin=True, terminal=number % 2 == 1)
        await station.ended()
        await station.supervisor.forget(f"c{number}")
    await come(lambda: count() == before)


async def test_nobody_is_adopted_by_pid_alone(station: Station) -> None:
    """A record that names a live process with another start time is not that process."""
    pid = await station.start("c", "sleep 1000")
    await asyncio.sleep(0.05)  # start times are in hundredths of a second
    stranger = await asyncio.create_subprocess_exec("sleep", "1000")
    supervisor_pid = station.supervisor.pid
    await station.supervisor.close()
    os.kill(supervisor_pid, signal.SIGKILL)
    rename_in_record(f"{station.run}/containers/c/process.json", pid, stranger.pid)
    await station.connect()
    [state] = await station.supervisor.processes()
    assert state.exit is not None and state.exit.code == 255
    with pytest.raises(Conflict):
        await station.supervisor.kill("c")
    assert stranger.returncode is None
    stranger.kill()
    assert await stranger.wait() == -signal.SIGKILL
    assert await gone(f"/proc/{pid}")  # with its control group


def rename_in_record(path: str, pid: int, other: int) -> None:
    record = Path(path)
    record.write_text(record.read_text().replace(f'"pid": {pid},', f'"pid": {other},'))


async def test_a_full_disk_costs_log_records_and_nothing_else(station: Station) -> None:
    """The state directory is full: the container goes on, and so does the log once there is room again."""
    os.makedirs(f"{station.state}/containers/c")
    with small_disk(f"{station.state}/containers/c"):
        ballast = f"{station.state}/containers/c/ballast"
        fill(ballast, 500_000)
        script = "seq 1 100000; echo half; read a; echo $a; exit 3"
        await station.create("c", script, open_stdin=True, log=ROOMY)
        attached = await station.supervisor.attach("c", stdin=True)
        assert attached.connection is not None
        await station.supervisor.start("c")
        await until(attached.connection, b"half\n")
        os.unlink(ballast)
        await asyncio.get_running_loop().sock_sendall(attached.connection, b"later\n")
        await read_all(attached.connection)
        assert (await station.ended()).code == 3
        text = station.log("c").decode()
        assert text.startswith("1\n2\n3\n") and text.endswith("later\n")
        assert "bytes of output are missing here: the disk was full\n" in text
        await station.supervisor.forget("c")


async def test_a_full_run_directory_refuses_new_containers_and_mends(station: Station) -> None:
    await station.start("old", "while read a; do echo $a; done; exit 2", open_stdin=True)
    os.makedirs(f"{station.run}/containers/new")
    with small_disk(f"{station.run}/containers/new"):
        fill(f"{station.run}/containers/new/ballast", 2_000_000)
        with pytest.raises(WherryError, match="no space left"):
            await station.start("new", "exit 7")
        await station.start("new", "echo fine; exit 7")
        assert (await station.ended()).code == 7
        await station.supervisor.forget("new")
    attached = await station.supervisor.attach("old", stdin=True)
    assert attached.connection is not None
    await asyncio.get_running_loop().sock_sendall(attached.connection, b"still here\n")
    await until(attached.connection, b"still here\n")
    attached.connection.close()
    os.truncate(f"{station.state}/supervisor.log", 0)


def fill(path: str, size: int) -> None:
    with contextlib.suppress(OSError):
        Path(path).write_bytes(b"x" * size)


@contextlib.contextmanager
def small_disk(directory: str) -> Iterator[None]:
    """A file system of one mebibyte at `directory`."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", directory], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


async def test_a_container_does_not_inherit_what_the_supervisor_took(station: Station) -> None:
    pid = await station.start("c", "echo $(ulimit -Sn) $(cat /proc/self/oom_score_adj); sleep 1000")
    await come(lambda: station.log("c").endswith(b"\n"))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    score = content_of("/proc/self/oom_score_adj").strip()
    assert station.log("c").decode().split() == [str(soft), score]
    descriptors = os.listdir(f"/proc/{pid}/fd")
    assert sorted(descriptors)[:3] == ["0", "1", "2"] and len(descriptors) <= 4


async def test_forgotten_in_the_middle_of_an_exec(station: Station) -> None:
    await station.start("c", "sleep 1000")
    execs = [
        asyncio.create_task(station.supervisor.exec("c", f"e{number}", process=process("true"), attach=False))
        for number in range(10)
    ]
    await asyncio.sleep(0.005)
    await station.supervisor.kill("c")
    while (await station.ended()).exec_id:
        pass
    await station.supervisor.forget("c")
    results = await asyncio.gather(*execs, return_exceptions=True)
    assert all(not isinstance(one, BaseException) or isinstance(one, WherryError) for one in results)
    for _ in range(3000):
        if await station.supervisor.processes() == []:
            break
        await asyncio.sleep(0.02)
    assert await station.supervisor.processes() == []
    assert not exists(f"{station.run}/containers/c")
