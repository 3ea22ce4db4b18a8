"""The output of several containers on one screen, and what ends it."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from wherry.cli.console import colourful
from wherry.client.api import query
from wherry.client.objects.frames import STDERR, split
from wherry.compose.removing import each, stop
from wherry.errors import NotFound, WherryError

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def stay(
    opened: Opened,
    applying: Applying,
    *,
    exit_code_from: str,
    abort: bool,
    prefix: bool,
    timeout: int | None,
) -> int:
    """Bring up, then show the logs until all containers have ended; ctrl-C stops them.

    `abort`: the first that ends stops the others. Returns the exit code of `exit_code_from`, or with `abort`
    of the first that ended, else 0; 130 after ctrl-C.
    """
    since = f"{time.time():.6f}"
    mine: list[Present] = []
    try:
        applying.run()
        ids = {identity for found in applying.started.values() for identity in found}
        mine = [one for one in opened.present() if one.id in ids]
        screen = Screen([one.name.removeprefix(f"{opened.name}-") for one in mine], prefix=prefix)
        ended = threading.Semaphore(0)
        codes: list[tuple[str, int]] = []

        def follow(one: Present) -> None:
            options: dict[str, object] = {"follow": True, "tail": "all", "since": since}
            while True:
                copy(opened, one, screen, options)
                try:
                    state = opened.connections.client.get(f"/containers/{one.id}/json")["State"]
                except WherryError:
                    break
                if not (state["Running"] or state.get("Restarting")):
                    codes.append((one.service, int(state["ExitCode"])))
                    short = one.name.removeprefix(f"{opened.name}-")
                    screen.write("", [f"{short} exited with code {state['ExitCode']}".encode()], error=False)
                    break
                options["since"] = f"{time.time():.6f}"
                time.sleep(0.1)
            ended.release()

        for one in mine:
            threading.Thread(target=follow, args=(one,), daemon=True).start()
        for _ in mine if not abort else mine[:1]:
            ended.acquire()
        if abort:
            _stop(opened, mine, timeout)
            first = codes[0][1] if codes else 0
            if exit_code_from:
                client = opened.connections.client
                chosen = [one for one in mine if one.service == exit_code_from]
                if not chosen:
                    raise NotFound(f"no such service: {exit_code_from}")
                return int(client.get(f"/containers/{chosen[0].id}/json")["State"]["ExitCode"])
            return first
        return 0
    except KeyboardInterrupt:
        print("Gracefully stopping... (press Ctrl+C again to force)", file=sys.stderr)
        opened.connections.client.close()
        try:
            _stop(opened, opened.present(), timeout)
        except KeyboardInterrupt:
            opened.connections.client.close()
            for one in opened.present():
                if one.state == "running":
                    opened.connections.client.post(f"/containers/{one.id}/kill")
        return 130


def _stop(opened: Opened, present: list[Present], timeout: int | None) -> None:
    def end(one: Present) -> None:
        stop(opened.connections.client, one, timeout)
        opened.say(f"Container {one.name}", "Stopped")

    each(present, end)
