"""Which part of a log somebody wants."""

from __future__ import annotations

from typing import NamedTuple

from wherry.supervisor.logs.format import STDOUT, Run, timestamp


class Selection(NamedTuple):
    stdout: bool = True
    stderr: bool = True
    since: int = 0
    """Nanoseconds since the epoch; 0 is from the beginning."""
    until: int = 0
    """Nanoseconds since the epoch, itself included; 0 is without end."""
    tail: int = -1
    """Only so many last lines (of the selected streams); -1 is all."""

    def wants(self, stream: int) -> bool:
        return self.stdout if stream == STDOUT else self.stderr


class Filter:
    """Applies streams, since and until to runs that come in order."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._since = timestamp(selection.since) if selection.since else b""
        self._until = timestamp(selection.until) if selection.until else b""
        self.over = False
        """Whether a record later than `until` has been seen: nothing more is wanted."""

    def apply(self, runs: list[Run]) -> list[Run]:
        """The wanted ones."""
        if self._until:
            for index, run in enumerate(runs):
                if run.timestamp > self._until:
                    self.over = True
                    runs = runs[:index]
                    break
        if self._since and runs and runs[0].timestamp < self._since:
            runs = [run for run in runs if run.timestamp >= self._since]
        if self._selection.stdout and self._selection.stderr:
            return runs
        return [run for run in runs if self._selection.wants(run.stream)]
