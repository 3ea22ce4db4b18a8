"""Processes as `ps` describes them, read from /proc (proc_pid_stat(5)): there need be no `ps` on the
machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Process(NamedTuple):
    """One process. Times in seconds, sizes in KiB; ids as the engine sees them."""

    pid: int
    ppid: int
    pgid: int
    session: int
    terminal: int
    state: str
    nice: int
    priority: int
    threads: int
    processor: int
    user_id: int
    group_id: int
    cpu: float
    started: float
    virtual: int
    resident: int
    name: str
    command: str
    leader: bool
    foreground: bool


def read(pid: int) -> Process | None:
    """None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
        with open(f"/proc/{pid}/cmdline", "rb") as binary:
            words = binary.read(65536).rstrip(b"\0").split(b"\0")
        status = os.stat(f"/proc/{pid}")
    except OSError:
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    command = b" ".join(words).decode("utf-8", "replace")
    return Process(
        pid=pid,
        ppid=int(fields[1]),
        pgid=int(fields[2]),
        session=int(fields[3]),
        terminal=int(fields[4]),
        state=fields[0],
        nice=int(fields[16]),
        priority=int(fields[15]),
        threads=int(fields[17]),
        processor=int(fields[36]),
        user_id=status.st_uid,
        group_id=status.st_gid,
        cpu=(int(fields[11]) + int(fields[12])) / _TICKS,
        started=_boot() + int(fields[19]) / _TICKS,
        virtual=int(fields[20]) // 1024,
        resident=int(fields[21]) * _PAGE // 1024,
        name=name,
        command=_printable(command) if command else f"[{name}]",
        leader=int(fields[3]) == pid,
        foreground=int(fields[5]) == int(fields[2]),
    )


def _boot() -> float:
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _terminal(process: Process) -> str:
    if not process.terminal:
        return "?"
    major = process.terminal >> 8 & 0xFFF
    minor = process.terminal & 0xFF | process.terminal >> 12 & 0xFFF00
    return f"pts/{minor + (major - 136) * 256}" if 136 <= major <= 143 else f"tty{minor}"


def _cpu_time(process: Process) -> str:
    seconds = int(process.cpu)
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days}-{text}" if days else text


def _elapsed(process: Process) -> str:
    seconds = max(0, int(time.time() - process.started))
    days, rest = divmod(seconds, 86400)
    text = f"{rest // 60 % 60:02}:{rest % 60:02}"
    if rest >= 3600 or days:
        text = f"{rest // 3600:02}:{text}"
    return f"{days}-{text}" if days else text


def _short_start(process: Process) -> str:
    local = time.localtime(process.started)
    now = time.localtime()
    if local[:3] == now[:3]:
        return time.strftime("%H:%M", local)
    return time.strftime("%b%d" if local[0] == now[0] else "%Y", local)


def _share_of_cpu(process: Process) -> float:
    lived = max(time.time() - process.started, 1e-3)
    return 100 * process.cpu / lived


def _share_of_memory(process: Process) -> str:
    whole = os.sysconf("SC_PHYS_PAGES") * _PAGE // 1024
    return f"{100 * process.resident / whole:.1f}"


def _long_state(process: Process) -> str:
    text = process.state
    if process.nice < 0:
        text += "<"
    elif process.nice > 0:
        text += "N"
    text += "s" if process.leader else ""
    text += "l" if process.threads > 1 else ""
    return text + ("+" if process.foreground and process.terminal else "")


Show = Callable[[Process], str]
USER, GROUP = "user", "group"
"""Columns whose values need the container's own names: `top` fills them in."""

# name → (heading, value)
COLUMNS: dict[str, tuple[str, Show]] = {
    "pid": ("PID", lambda p: str(p.pid)),
    "ppid": ("PPID", lambda p: str(p.ppid)),
    "pgid": ("PGID", lambda p: str(p.pgid)),
    "sid": ("SID", lambda p: str(p.session)),
    "c": ("C", lambda p: str(min(99, int(_share_of_cpu(p))))),
    "pcpu": ("%CPU", lambda p: f"{_share_of_cpu(p):.1f}"),
    "pmem": ("%MEM", _share_of_memory),
    "vsz": ("VSZ", lambda p: str(p.virtual)),
    "rss": ("RSS", lambda p: str(p.resident)),
    "tty": ("TTY", _terminal),
    "stat": ("STAT", _long_state),
    "s": ("S", lambda p: p.state),
    "stime": ("STIME", _short_start),
    "start": ("STARTED", lambda p: time.strftime("%H:%M:%S", time.localtime(p.started))),
    "lstart": ("STARTED", lambda p: time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(p.started))),
    "time": ("TIME", _cpu_time),
    "etime": ("ELAPSED", _elapsed),
    "etimes": ("ELAPSED", lambda p: str(max(0, int(time.time() - p.started)))),
    "ni": ("NI", lambda p: str(p.nice)),
    "pri": ("PRI", lambda p: str(39 - p.priority)),
    "nlwp": ("NLWP", lambda p: str(p.threads)),
    "psr": ("PSR", lambda p: str(p.processor)),
    "comm": ("COMMAND", lambda p: p.name),
    "args": ("COMMAND", lambda p: p.command),
    "cmd": ("CMD", lambda p: p.command),
    USER: ("USER", lambda p: str(p.user_id)),
    GROUP: ("GROUP", lambda p: str(p.group_id)),
    "uid": ("UID", lambda p: str(p.user_id)),
    "gid": ("GID", lambda p: str(p.group_id)),
}
OTHER_NAMES = {
    "%cpu": "pcpu",
    "%mem": "pmem",
    "vsize": "vsz",
    "rsz": "rss",
    "rssize": "rss",
    "tt": "tty",
    "tname": "tty",
    "state": "s",
    "cputime": "time",
    "bsdstart": "stime",
    "start_time": "stime",
    "nice": "ni",
    "thcount": "nlwp",
    "ucmd": "comm",
    "ucomm": "comm",
    "command": "args",
    "euser": USER,
    "ruser": USER,
    "uname": USER,
    "egroup": GROUP,
    "rgroup": GROUP,
    "euid": "uid",
    "ruid": "uid",
    "egid": "gid",
    "rgid": "gid",
    "pgrp": "pgid",
    "sess": "sid",
    "session": "sid",
}
