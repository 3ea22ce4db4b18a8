"""How a build is shown: line by line, as JSON, or not at all; on a terminal see `live`."""

from __future__ import annotations

import json
import os
import sys

from wherry.cli.console import paint, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TextIO

    class View(Protocol):
        """One way to show a build."""

        def show(self, event: dict[str, Any]) -> None:
            """Take one event in."""

        def close(self) -> None:
            """The build is over. Repeatable."""


class Plain:
    """Lines, each with its step's number before it."""

    def __init__(self, out: TextIO, *, explain: bool = False) -> None:
        self.out = out
        self.explain = explain
        self._steps: dict[int, dict[str, Any]] = {}
        self._partial: dict[int, str] = {}
        self._started = 0.0

    def show(self, event: dict[str, Any]) -> None:
        """Print one event."""
        kind = event.get("event", "")
        step = event.get("step", 0)
        if kind == "started":
            self._steps[step] = event
            title = f"[{event['stage']} {event['number']}/{event['total']}] {event['text']}"
            self._line(step, paint(visible(title), "bold", self.out))
        elif kind == "output":
            text = self._partial.pop(step, "") + event["data"]
            *lines, rest = text.split("\n")
            for line in lines:
                self._line(step, line.rstrip("\r"))
            if rest:
                self._partial[step] = rest
        elif kind == "done":
            if rest := self._partial.pop(step, ""):
                self._line(step, rest)
            self._done(step, event)
        elif kind == "warning":
            where = f" (line {event['line']})" if event.get("line") else ""
            rule = f"{event['rule']}: " if event.get("rule") else ""
            print(paint(f"{rule}{event['text']}{where}", "yellow", self.out), file=self.out)
        elif "status" in event and not event.get("progressDetail"):
            part = f"{event['id']}: " if event.get("id") else ""
            print(f"{part}{event['status']}", file=self.out)
        self.out.flush()

    def close(self) -> None:
        """Nothing is left to do."""

    def _done(self, step: int, event: dict[str, Any]) -> None:
        if event.get("error"):
            self._line(step, paint("ERROR", "red", self.out))
        elif event["cached"]:
            self._line(step, paint("CACHED", "cyan", self.out))
        else:
            self._line(step, f"DONE {event['seconds']:.1f}s")
        if self.explain:
            for reason in event.get("why", ()):
                self._line(step, paint(f"not cached: {visible(reason)}", "yellow", self.out))

    def _line(self, step: int, text: str) -> None:
        print(f"#{step} {text}", file=self.out)


class Raw:
    """Every event as a line of JSON."""

    def __init__(self, out: TextIO) -> None:
        self.out = out

    def show(self, event: dict[str, Any]) -> None:
        print(json.dumps(event), file=self.out, flush=True)

    def close(self) -> None:
        """Nothing is left to do."""


class Quiet:
    """Nothing, except (when asked for) why steps ran."""

    def show(self, event: dict[str, Any]) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Nothing is left to do."""


def shown(kind: str, *, quiet: bool, explain: bool) -> View:
    """What `--progress` and `--quiet` ask for; on standard error, as Docker's."""
    from wherry.errors import Invalid

    if kind not in ("", "auto", "plain", "tty", "quiet", "rawjson"):
        raise Invalid(f"invalid progress mode {kind!r}", hint="auto, plain, tty, quiet or rawjson")
    if quiet or kind == "quiet":
        return Quiet()
    if kind == "rawjson":
        return Raw(sys.stderr)
    if kind == "tty" or (kind in ("", "auto") and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"):
        from wherry.cli.build.live import Live

        return Live(sys.stderr, explain=explain)
    return Plain(sys.stderr, explain=explain)
