"""`wherry engine status`: whether the engine is there, and what it holds."""

from __future__ import annotations

import os
import time

from wherry.cli.command import Command, Invocation
from wherry.cli.engine.process import engine_process, listening
from wherry.cli.format.human import binary_size, duration
from wherry.client.address import chosen_address

NOT_RUNNING = 3  # as service managers report it


def run(invocation: Invocation) -> int:
    address = chosen_address(invocation.host)
    if address.scheme != "unix" or not listening(address.target):
        print(f"no engine on {address}: the next command that needs one starts it")
        return NOT_RUNNING
    info = invocation.client.get("/info")
    print(f"engine     {info.get('ServerVersion', '')} on {address}")
    process = engine_process(address.target)
    if process is not None:
        print(f"process    {process}, {_memory(process)}, up {_age(process)}")
    if info.get("DockerRootDir"):
        print(f"state      {info['DockerRootDir']}")
    running, total = info.get("ContainersRunning", 0), info.get("Containers", 0)
    print(f"holds      {total} containers ({running} running), {info.get('Images', 0)} images")
    return 0


def _memory(process: int) -> str:
    with open(f"/proc/{process}/statm", encoding="ascii") as file:
        return binary_size(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))


def _age(process: int) -> str:
    return duration(time.time() - os.stat(f"/proc/{process}").st_ctime).lower()


COMMAND = Command(run, details="Ends with 3 when there is none.")
