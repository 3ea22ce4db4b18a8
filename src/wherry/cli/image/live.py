"""A block of lines at the end of a terminal, one for each layer on its way, redrawn a few times a second.

Layers that are done move out of the block when it would not fit on the screen; the last line sums up.
"""

from __future__ import annotations

import os
import time

from wherry.cli.console import visible
from wherry.cli.format.human import size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_PERIOD = 0.08  # seconds between two drawings
DONE = ("Pull complete", "Already exists", "Pushed", "Layer already exists", "Mounted from")


class Live:
    """Not thread-safe. `finish` leaves the last state on the screen."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._layers: dict[str, tuple[str, int, int]] = {}
        self._drawn = 0
        self._next = 0.0
        self._began = time.monotonic()

    def update(self, part: str, status: str, current: int, total: int) -> None:
        """What a layer is at; `current` and `total` are bytes, 0 when not known."""
        known = self._layers.get(part, ("", 0, 0))[2]
        if status.startswith(DONE) or status.endswith("complete"):
            current = total = known
        self._layers[part] = (status, current, total or known)
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PERIOD
            self._draw(finished=False)

    def say(self, line: str) -> None:
        """A line that stays, above the block."""
        self._erase()
        self._out.write(visible(line) + "\n")
        if self._layers:
            self._draw(finished=False)
        self._out.flush()

    def finish(self) -> None:
        """Draw the last state; what is said afterwards comes below."""
        if self._layers:
            self._draw(finished=True)
        self._layers.clear()
        self._drawn = 0

    def _draw(self, *, finished: bool) -> None:
        try:
            columns, rows = os.get_terminal_size(self._out.fileno())
        except (OSError, ValueError):
            columns, rows = 80, 24
        lines = [self._line(part, columns) for part in self._shown(rows, finished=finished)]
        if not finished:
            lines.append(self._summary()[: columns - 1])
        self._erase()
        self._out.write("".join(f"{line}\n" for line in lines))
        self._out.flush()
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}A\r\x1b[J")
            self._drawn = 0

    def _shown(self, rows: int, *, finished: bool) -> list[str]:
        room = max(3, rows - 3)
        if finished or len(self._layers) <= room:
            return list(self._layers)
        busy = [part for part, (_, current, _) in self._layers.items() if current and not self._is_done(part)]
        return busy[:room]

    def _is_done(self, part: str) -> bool:
        return self._layers[part][0].startswith(DONE)

    def _line(self, part: str, columns: int) -> str:
        status, current, total = self._layers[part]
        line = f"{visible(part)}: {visible(status)}"
        if total and current < total:
            amounts = f"{size(current)} of {size(total)}"
            width = min(40, columns - len(line) - len(amounts) - 5)
            if width >= 8:
                filled = current * width // total
                line += f" [{'=' * filled}{'>' if filled < width else ''}{' ' * (width - filled - 1)}]"
            line += f" {amounts}"
        return line[: columns - 1]

    def _summary(self) -> str:
        done = sum(self._is_done(part) for part in self._layers)
        current = sum(layer[1] for layer in self._layers.values())
        total = sum(layer[2] for layer in self._layers.values())
        line = f"{done} of {len(self._layers)} layers"
        elapsed = time.monotonic() - self._began
        if total and current and elapsed > 0.5:
            rate = current / elapsed
            line += f", {size(current)} of {size(total)}, {size(int(rate))}/s"
            if current < total:
                line += f", {(total - current) / rate:.0f} s left"
        return line
