"""A build on a terminal: what is done moves up, what goes on stands below with its last lines of output."""

from __future__ import annotations

import threading
import time

from wherry.cli.console import paint, visible, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

_LINES = 4  # of output, for each step that runs
_KEPT = 200  # lines of output, to be shown when the step fails
_TICK = 0.5  # seconds


class _Step:
    def __init__(self, event: dict[str, Any]) -> None:
        self.title = visible(f"[{event['stage']} {event['number']}/{event['total']}] {event['text']}")
        self.began = time.monotonic()
        self.lines: list[str] = []
        self.partial = ""

    def take(self, text: str) -> None:
        """Output, line by line; a carriage return begins its line anew."""
        *lines, self.partial = (self.partial + text).split("\n")
        self.lines = [*self.lines, *(line.rstrip("\r").rpartition("\r")[2] for line in lines)][-_KEPT:]

    def last(self, count: int) -> list[str]:
        """The newest lines that are not empty."""
        lines = [line for line in [*self.lines, self.partial.rpartition("\r")[2]] if line.strip()]
        return lines[-count:] if count else []


class Live:
    """One build; `close` when it is over. Safe to use from one thread, while its own draws the time."""

    def __init__(self, out: TextIO, *, explain: bool = False) -> None:
        self.out = out
        self.explain = explain
        self._steps: dict[int, _Step] = {}
        self._pulls: dict[str, str] = {}
        self._drawn = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()

    def show(self, event: dict[str, Any]) -> None:
        """Take one event in and draw."""
        with self._lock:
            for line in self._above(event):
                self._erase()
                print(line, file=self.out)
            self._draw()

    def close(self) -> None:
        """Leave only what is done. Repeatable."""
        self._over.set()
        self._thread.join()
        with self._lock:
            self._erase()
            self.out.flush()

    def _above(self, event: dict[str, Any]) -> list[str]:
        """What is final after this event."""
        kind, step = event.get("event", ""), event.get("step", 0)
        if kind == "started":
            self._steps[step] = _Step(event)
        elif kind == "output" and step in self._steps:
            self._steps[step].take(event["data"])
        elif kind == "done":
            return self._done(self._steps.pop(step), event)
        elif kind == "warning":
            where = f" (line {event['line']})" if event.get("line") else ""
            rule = f"{event['rule']}: " if event.get("rule") else ""
            return [paint(visible(f"{rule}{event['text']}{where}"), "yellow", self.out)]
        elif "status" in event:
            self._pull(event)
        return []

    def _done(self, step: _Step, event: dict[str, Any]) -> list[str]:
        seconds = f"{event['seconds']:.1f}s"
        if event.get("error"):
            if event["error"] == "canceled":
                return [f"{paint('-', 'dim', self.out)} {self._cut(step.title, 14)} canceled"]
            output = [f"  {visible(line)}" for line in step.last(_KEPT)]
            return [f"{paint('x', 'red', self.out)} {self._cut(step.title, 14)} {seconds}", *output]
        mark = paint("=", "cyan", self.out) if event["cached"] else paint("+", "green", self.out)
        end = paint("cached", "cyan", self.out) if event["cached"] else seconds
        lines = [f"{mark} {self._cut(step.title, 14)} {end}"]
        if self.explain:
            lines += [
                paint(f"  not cached: {visible(why)}", "yellow", self.out) for why in event.get("why", ())
            ]
        return lines

    def _pull(self, event: dict[str, Any]) -> None:
        name, text = str(event.get("id", "")), str(event["status"])
        if text in ("Pull complete", "Already exists", "Pushed", "Layer already exists"):
            self._pulls.pop(name, None)
        elif name:
            self._pulls[name] = f"{name}: {text} {event.get('progress', '')}"

    def _draw(self) -> None:
        self._erase()
        now = time.monotonic()
        lines = [visible(line) for line in list(self._pulls.values())[-_LINES:]]
        for step in self._steps.values():
            lines.append(f"> {self._cut(step.title, 14)} {now - step.began:.1f}s")
            lines += [f"  {visible(line)}" for line in step.last(_LINES)]
        room = max(_height() - 2, 3)
        for line in lines[-room:]:
            print(paint(self._cut(line, 2), "dim", self.out), file=self.out)
        self._drawn = len(lines[-room:])
        self.out.flush()

    def _erase(self) -> None:
        if self._drawn:
            self.out.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _cut(self, text: str, spare: int) -> str:
        """At most one line of the screen: a longer one would be drawn as two, and only one erased."""
        text = text.replace("\t", " ").replace("\n", " ")
        room = max(width() - spare, 20)
        return text if len(text) <= room else f"{text[: room - 1]}…"

    def _tick(self) -> None:
        while not self._over.wait(_TICK):
            with self._lock:
                if self._steps:
                    self._draw()


def _height() -> int:
    import os

    try:
        return os.get_terminal_size(2).lines or 24
    except OSError:
        return 24
