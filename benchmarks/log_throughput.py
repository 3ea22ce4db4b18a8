"""How fast the supervisor logs a container that writes as fast as it can, and how it answers meanwhile.

    python -m benchmarks.log_throughput [--megabytes 1000] [--root busybox.tar] [--clients 0]

As root. The container (its root is that archive's) cats a file of 100-byte lines; what is measured is from
start to exit event, when the log is complete. Meanwhile another request is made every 10 ms. No peer takes
part: `benchmarks.run` has the comparison with Docker and Podman.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wherry.supervisor.client import Supervisor
from wherry.supervisor.logs.options import LogConfig
from wherry.supervisor.records import Exit

LINE = b"x" * 99 + b"\n"
FILE_MEGABYTES = 50
IDS = [{"containerID": 0, "hostID": 300_000, "size": 65536}]


def specification(script: str) -> dict[str, object]:
    kinds = ("pid", "mount", "ipc", "uts", "network", "user")
    return {
        "ociVersion": "1.2.0",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/sh", "-c", script],
            "env": ["PATH=/bin:/usr/bin"],
            "cwd": "/",
        },
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {
            "namespaces": [{"type": kind} for kind in kinds],
            "uidMappings": IDS,
            "gidMappings": IDS,
        },
    }


def processor_seconds(pid: int) -> float:
    """What a process has used so far, which says more than wall time on a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def latencies(supervisor: Supervisor, stop: asyncio.Event) -> list[float]:
    """Milliseconds that requests took, one every 10 ms, until `stop`."""
    took: list[float] = []
    while not stop.is_set():
        began = time.perf_counter()
        await supervisor.processes()
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.01)
    return took


async def drain(supervisor: Supervisor, name: str) -> int:
    """Attach and read everything; returns the bytes."""
    attached = await supervisor.attach(name)
    assert attached.connection is not None
    count = 0
    with attached.connection as connection:
        while data := await asyncio.get_running_loop().sock_recv(connection, 1 << 20):
            count += len(data)
    return count


async def measure(home: Path, root: Path, megabytes: int, clients: int) -> None:
    exits: asyncio.Queue[Exit] = asyncio.Queue()
    supervisor = await Supervisor.connect(str(home / "state"), str(home / "run"), on_exit=exits.put_nowait)
    names = " ".join(["/lines"] * (megabytes // FILE_MEGABYTES))
    for part in ("upper", "work"):
        (home / part).mkdir()
    layers = {
        "type": "overlay",
        "target": "/",
        "lower": [str(root)],
        "upper": str(home / "upper"),
        "work": str(home / "work"),
    }
    rootfs = {"mounts": [layers], "readonly": False}
    await supervisor.create("c", spec=specification(f"exec cat {names}"), rootfs=rootfs, log=LogConfig())
    stop = asyncio.Event()
    readers = [asyncio.create_task(drain(supervisor, "c")) for _ in range(clients)]
    asking = asyncio.create_task(latencies(supervisor, stop))
    used = processor_seconds(supervisor.pid)
    began = time.perf_counter()
    await supervisor.start("c")
    ended = await exits.get()
    seconds = time.perf_counter() - began
    used = processor_seconds(supervisor.pid) - used
    stop.set()
    took = sorted(await asking)
    await asyncio.gather(*readers)
    await supervisor.forget("c")
    await supervisor.shutdown()
    megabytes = megabytes // FILE_MEGABYTES * FILE_MEGABYTES
    assert ended.code == 0, ended
    sys.stdout.write(
        f"{megabytes} MB in {seconds:.2f} s: {megabytes / seconds:.0f} MB/s"
        f" ({used:.2f} s of processor time: {megabytes / used:.0f} MB for each second);"
        f" {len(took)} requests meanwhile: median {statistics.median(took):.1f} ms,"
        f" 95th percentile {took[len(took) * 95 // 100]:.1f} ms, worst {took[-1]:.1f} ms\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument(
        "--root", type=Path, default=Path("busybox.tar"), help="archive of a root with sh and cat"
    )
    parser.add_argument("--clients", type=int, default=0, help="attached clients that read along")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="wherry-log-", dir="/var/tmp"))
    try:
        root = home / "root"
        root.mkdir(mode=0o755)
        subprocess.run(["tar", "-xf", options.root, "-C", root], check=True)
        (root / "lines").write_bytes(LINE * (FILE_MEGABYTES * 10_000))
        asyncio.run(measure(home, root, options.megabytes, options.clients))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
