"""Taking over from a supervisor that died: its processes run on, and what it wrote down says which.

Everything comes from the run directory (`process.json` of each process, the FIFOs, the spool), except what
has no name: terminals' masters, and pidfds of processes that ended meanwhile, which the engine kept.
"""

from __future__ import annotations

import json
import os

from wherry.linux import pidfd as pidfds
from wherry.supervisor import exits, streams
from wherry.supervisor.logs.options import from_wire
from wherry.supervisor.logs.recorder import Recorder
from wherry.supervisor.loop import report
from wherry.supervisor.protocol import Message
from wherry.supervisor.session import Session
from wherry.supervisor.supervised import Supervised
from wherry.supervisor.table import Table

Kept = dict[tuple[str, str], list[int]]


def records(run_dir: str) -> list[Message]:
    """What the dead supervisor wrote down, containers before what was exec'd in them."""
    found: list[Message] = []
    top = os.path.join(run_dir, "containers")
    try:
        containers = sorted(os.listdir(top))
    except FileNotFoundError:
        return []
    for container in containers:
        directory = os.path.join(top, container)
        try:
            names = sorted(name for name in os.listdir(directory) if name.endswith("process.json"))
        except OSError:
            continue
        for name in names:
            try:
                with open(os.path.join(directory, name), "rb") as file:
                    record = json.load(file)
                if isinstance(record, dict) and record["container"] == container:
                    found.append(record)
            except (OSError, ValueError, KeyError) as error:
                report(error)
    return sorted(found, key=lambda record: bool(record["exec"]))


def adopt(table: Table, record: Message, kept: list[int]) -> Supervised:
    """Take one process over, running or ended. Owns `kept`: a pidfd, then what `Session.kept` was.

    One that ended while nobody looked gets its exit status from the kept pidfd, where the kernel can tell.
    """
    process = table.new(record["container"], record["exec"])
    process.child = False
    process.pid, process.start_time = record["pid"], record["start_time"]
    process.started_at, process.terminal = record["started_at"], record["terminal"]
    process.settings = {
        name: record[name]
        for name in ("stdin", "stdin_once", "log", "runtime", "cgroup", "group_dies")
        if name in record
    }
    process.seccomp = _seccomp(process.layout.seccomp)
    process.group_dies = bool(record.get("group_dies"))
    pidfd = kept.pop(0) if kept else _open(process.pid, process.start_time)
    try:
        _reconnect(process, kept)
    except FileNotFoundError:
        process.session = None  # the container was removed meanwhile, and is only to be forgotten
    except OSError as error:
        report(error)
        process.session = None
    if record.get("cgroup"):
        process.group = table.find_group(process, record["cgroup"])
    if process.session is not None:
        process.session.flow()
    known = None if process.exec_id else exits.read(process.layout.exit)
    if known is not None:
        if pidfd >= 0:
            os.close(pidfd)
        process.ended(None, known=known)
    elif pidfd < 0:
        process.ended(None, "it ended while no supervisor was running")
    else:
        process.taken_over(pidfd, record["status"])
    return process


def _reconnect(process: Supervised, kept: list[int]) -> None:
    recorder = None
    if process.settings.get("log") is not None:
        config = from_wire(process.settings["log"])
        if config.keeps:
            recorder = Recorder(process.layout.log, process.layout.spool, config)
    session: Session = process.make_session(
        stdin_once=bool(process.settings.get("stdin_once")), recorder=recorder
    )
    if not process.terminal:
        stdin = bool(process.settings.get("stdin"))
        if kept or os.path.exists(process.layout.prefix + "stdout"):
            ends = streams.reopen(process.layout.prefix, stdin=stdin, kept=kept, logged=recorder is not None)
            session.over_streams(ends)
        return
    relay = kept[1] if len(kept) > 1 else None
    if recorder is not None and relay is None:
        relay = streams.create_relay(process.layout.prefix, again=True)
    if kept:
        session.over_terminal(kept[0], relay)


def _seccomp(path: str) -> Message | None:
    """The profile that was written down, None when there was none; a damaged one is an error."""
    try:
        with open(path, "rb") as file:
            profile: Message = json.load(file)
            return profile
    except FileNotFoundError:
        return None


def _open(pid: int, start_time: int) -> int:
    """A pidfd of exactly that process; -1 when it is gone."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return -1
    if pidfds.start_time(pid) != start_time:
        os.close(pidfd)
        return -1
    return pidfd
