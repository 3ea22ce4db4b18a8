"""The output of several containers on one screen, and what ends it."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from wherry.cli.console import colourful
from wherry.client.api import query
from wherry.client.objects.frames import STDERR, split
from wherry.compose.removing import each, stop
from wherry.errors import NotFound, WherryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wherry.cli.compose.opened import Opened
    from wherry.compose.applying import Applying
    from wherry.compose.present import Present

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class Screen:
    """Writes whole lines, each behind its container's name. From any thread."""

    def __init__(self, names: Iterable[str], *, prefix: bool) -> None:
        self._lock = threading.Lock()
        self._prefix = prefix
        self._names = sorted(names)
        self._width = max(map(len, self._names), default=0)

    def begin(self, name: str) -> str:
        """What stands before a container's lines."""
        if not self._prefix:
            return ""
        text = f"{name:<{self._width}}  | "
        if colourful(sys.stdout):
            colour = _COLOURS[self._names.index(name) % len(_COLOURS)] if name in self._names else 36
            return f"\x1b[{colour}m{text}\x1b[0m"
        return text

    def write(self, begin: str, lines: list[bytes], *, error: bool) -> None:
        out = sys.stderr if error else sys.stdout
        mark = begin.encode()
        with self._lock:
            out.buffer.write(b"".join(mark + line + b"\n" for line in lines))
            out.flush()


def copy(opened: Opened, one: Present, screen: Screen, options: dict[str, object]) -> None:
    """Show a container's log until its end, or until it is gone. Blocks."""
    client = opened.connections.client
    try:
        details = client.get(f"/containers/{one.id}/json")
        path = f"/containers/{one.id}/logs" + query(stdout=True, stderr=True, **options)
        response = client.stream("GET", path)
    except NotFound:
        return
    begin = screen.begin(one.name.removeprefix(f"{opened.name}-"))
    rest = {1: b"", STDERR: b""}
    try:
        for kind, data in split(response.chunks(), raw=bool(details["Config"].get("Tty"))):
            *lines, rest[kind] = (rest[kind] + data).split(b"\n")
            if lines:
                screen.write(begin, lines, error=kind == STDERR)
    except (OSError, WherryError, ValueError):
        pass  # the engine, or this program, is on its way out
    finally:
        response.close()
        for kind, line in rest.items():
            if line:
                screen.write(begin, [line], error=kind == STDERR)


class Staying(NamedTuple):
    """How `up` stays: what it shows, and what ends it.

    `shown`: services whose output is shown. `abort`: the first container that ends stops the others; with
    `only_failures` the first that fails. `exit_code_from`: the service whose exit code is that of `up`.
    """

    shown: frozenset[str]
    abort: bool = False
    only_failures: bool = False
    exit_code_from: str = ""
    prefix: bool = True
    timestamps: bool = False
    timeout: int | None = None


def stay(opened: Opened, applying: Applying, how: Staying, watching: Callable[[], None] | None = None) -> int:
    """Bring up, then show the logs until the containers that are shown have ended; ctrl-C stops all.

    `watching` runs meanwhile. Returns the exit code of `exit_code_from`, or with `abort` of the first that
    ended, else 0; 130 after ctrl-C.
    """
    since = f"{time.time():.6f}"
    try:
        applying.run()
        ids = {identity for found in applying.started.values() for identity in found}
        mine = [one for one in opened.present() if one.id in ids]
        chosen = [one for one in mine if one.service == how.exit_code_from]
        if how.exit_code_from and not chosen:
            raise NotFound(f"no such service: {how.exit_code_from}")
        followed = _followed(opened, mine, how, since)
        if watching is not None:
            threading.Thread(target=watching, daemon=True).start()
        first = followed.wait(how)
        if how.abort:
            _stop(opened, mine, how.timeout)
            if chosen:
                details = opened.connections.client.get(f"/containers/{chosen[0].id}/json")
                return int(details["State"]["ExitCode"])
            return first
        if watching is not None:
            threading.Event().wait()
        return 0
    except KeyboardInterrupt:
        print("Gracefully stopping... (press Ctrl+C again to force)", file=sys.stderr)
        opened.connections.client.close()
        try:
            _stop(opened, opened.present(), how.timeout)
        except KeyboardInterrupt:
            opened.connections.client.close()
            for one in opened.present():
                if one.state == "running":
                    opened.connections.client.post(f"/containers/{one.id}/kill")
        return 130


class _Ends:
    """The ends of containers, as they come."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._ended = threading.Semaphore(0)
        self._codes: list[int] = []

    def note(self, code: int, *, counted: bool) -> None:
        self._codes.append(code if counted else -1)
        self._ended.release()

    def wait(self, how: Staying) -> int:
        """Block until all that counts has ended, or with `abort` the first; its exit code."""
        position = 0
        while self._left:
            self._ended.acquire()
            code, position = self._codes[position], position + 1
            if how.abort and (code > 0 or (code == 0 and not how.only_failures)):
                return code
            if code >= 0:
                self._left -= 1
        return 0


def _followed(opened: Opened, mine: list[Present], how: Staying, since: str) -> _Ends:
    shown = [one for one in mine if one.service in how.shown]
    screen = Screen([one.name.removeprefix(f"{opened.name}-") for one in shown], prefix=how.prefix)
    ends = _Ends(len(mine) if how.abort else len(shown))

    def follow(one: Present) -> None:
        options: dict[str, object] = {"follow": True, "tail": "all", "since": since}
        options["timestamps"] = how.timestamps
        code = 0
        while True:
            try:
                if one in shown:
                    copy(opened, one, screen, options)
                else:
                    _until_end(opened, one)
                state = opened.connections.client.get(f"/containers/{one.id}/json")["State"]
            except WherryError:
                break
            if not (state["Running"] or state.get("Restarting")):
                code = int(state["ExitCode"])
                short = one.name.removeprefix(f"{opened.name}-")
                screen.write("", [f"{short} exited with code {code}".encode()], error=False)
                break
            options["since"] = f"{time.time():.6f}"
            time.sleep(0.1)
        ends.note(code, counted=how.abort or one in shown)

    for one in mine:
        threading.Thread(target=follow, args=(one,), daemon=True).start()
    return ends


def _until_end(opened: Opened, one: Present) -> None:
    response = opened.connections.client.stream("POST", f"/containers/{one.id}/wait")
    response.read()
    response.close()


def _stop(opened: Opened, present: list[Present], timeout: int | None) -> None:
    hooks = opened.hooks()

    def end(one: Present) -> None:
        stop(opened.connections.client, one, timeout, hooks)
        opened.say(f"Container {one.name}", "Stopped")

    each(present, end)
