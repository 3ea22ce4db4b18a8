"""How long from a specification to a running program: `python -m benchmarks.launch [--runs N]`, as root.

Our runtime in a warm process, as the supervisor uses it, and as a command, beside `runc run` and `crun run`
on the same bundle. `create→exec` ends when the program executes, `run` when it has ended and is reaped.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.folder import busybox_image
from wherry import runtime
from wherry.linux import interpreter
from wherry.runtime.command.verbs.spec import default

WARM_UP = 3


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.launch", description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args(arguments)
    directory = tempfile.mkdtemp(prefix="wherry-launch-", dir="/var/tmp")
    try:
        _compare(directory, options.runs)
    finally:
        shutil.rmtree(directory)
    return 0


def _compare(directory: str, runs: int) -> None:
    bundle = os.path.join(directory, "bundle")
    os.makedirs(f"{bundle}/rootfs")
    subprocess.run(["tar", "-C", f"{bundle}/rootfs", "-xf", str(busybox_image())], check=True)
    spec = default()
    spec["process"].update(terminal=False, args=["true"])
    spec["root"]["readonly"] = False
    spec["ociVersion"] = "1.0.2"  # what older ones take
    with open(f"{bundle}/config.json", "w") as file:
        json.dump(spec, file)
    plain = {"mounts": [{"type": "bind", "target": "/", "source": f"{bundle}/rootfs", "idmap": False}]}
    own = default(rootless=True)
    own["process"].update(terminal=False, args=["true"])
    for kind in ("uidMappings", "gidMappings"):
        own["linux"][kind] = [{"containerID": 0, "hostID": 1_000_000, "size": 65536}]

    def overlay(number: int) -> dict[str, Any]:
        place = f"{directory}/writable/{number}"
        os.makedirs(f"{place}/upper")
        os.makedirs(f"{place}/work")
        layer = {"lower": [f"{bundle}/rootfs"], "upper": f"{place}/upper", "work": f"{place}/work"}
        return {"mounts": [{"type": "overlay", "target": "/", **layer}]}

    gc.freeze()
    rows: list[tuple[str, Callable[[int], list[float]]]] = [
        ("wherry, warm, own users, overlay", lambda number: _warm(own, overlay(number))),
        ("wherry, warm, this bundle", lambda number: _warm(spec, plain)),
        ("wherry-runtime run", lambda number: _command(_ours(directory), bundle, number)),
    ]
    for name in ("runc", "crun"):
        path = shutil.which(name)
        if path:
            words = [path, "--root", f"{directory}/{name}"]
            rows.append((f"{name} run", lambda number, words=words: _command(words, bundle, number)))  # type: ignore[misc]
    sys.stdout.write(f"{'':34} {'create→exec, ms':>26} {'run, ms':>26}\n")
    for title, measure in rows:
        try:
            taken = [measure(number) for number in range(runs + WARM_UP)][WARM_UP:]
        except subprocess.CalledProcessError as error:
            sys.stdout.write(f"{title:34} fails here: {error.stderr.decode().strip()}\n")
            continue
        columns = [_figures(list(column)) for column in zip(*taken, strict=True)]
        sys.stdout.write(f"{title:34} {''.join(f'{column:>26} ' for column in columns[::-1][:2][::-1])}\n")


def _warm(spec: dict[str, Any], rootfs: dict[str, Any]) -> list[float]:
    begin = time.perf_counter()
    launch = runtime.launch(spec, rootfs=rootfs)
    _until(launch)
    launch.start()
    _until(launch)
    executing = time.perf_counter()
    os.waitpid(launch.pid, 0)
    ended = time.perf_counter()
    os.close(launch.pidfd)
    return [(executing - begin) * 1000, (ended - begin) * 1000]


def _until(launch: runtime.Launch) -> None:
    while not launch.advance():
        select.select([launch], [], [])


def _ours(directory: str) -> list[str]:
    return [sys.executable, "-m", "wherry.runtime.command", "--root", f"{directory}/ours"]


def _command(words: list[str], bundle: str, number: int) -> list[float]:
    begin = time.perf_counter()
    subprocess.run([*words, "run", "--bundle", bundle, f"launch-{number}"], capture_output=True, check=True)
    return [float("nan"), (time.perf_counter() - begin) * 1000]


def _figures(values: list[float]) -> str:
    if values[0] != values[0]:
        return "-"
    return f"{min(values):.1f} / {statistics.median(values):.1f} / {max(values):.1f}"


if __name__ == "__main__":
    interpreter.protect()
    sys.exit(main(sys.argv[1:]))
