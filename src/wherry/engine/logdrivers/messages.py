"""From the records of a log to messages of one line each."""

from __future__ import annotations

import calendar
import time
from typing import NamedTuple

from wherry.supervisor.logs.format import Run

LONGEST = 16 * 1024
"""Bytes of a line that go into one message; the rest follows in more of them, marked as parts."""


class Message(NamedTuple):
    stream: int
    time: int
    """Nanoseconds since 1970."""
    text: bytes
    """Without the newline."""
    partial: bool = False
    """Whether the line goes on in the next message of this stream."""


class Lines:
    """Puts lines together from runs. What has no end yet is kept."""

    def __init__(self, unfinished: dict[int, bytes] | None = None) -> None:
        self.unfinished = dict(unfinished or {})
        """By stream: the beginning of its last line."""

    def feed(self, runs: list[Run]) -> list[Message]:
        messages: list[Message] = []
        for run in runs:
            moment = nanoseconds(run.timestamp)
            content = self.unfinished.pop(run.stream, b"") + run.content
            *lines, rest = content.split(b"\n")
            for line in lines:
                while len(line) > LONGEST:
                    messages.append(Message(run.stream, moment, line[:LONGEST], True))
                    line = line[LONGEST:]
                messages.append(Message(run.stream, moment, line))
            while len(rest) > LONGEST:
                messages.append(Message(run.stream, moment, rest[:LONGEST], True))
                rest = rest[LONGEST:]
            if rest:
                self.unfinished[run.stream] = rest
        return messages

    def finish(self) -> list[Message]:
        """The lines that will have no end: their container has ended."""
        left = [Message(stream, time.time_ns(), text) for stream, text in self.unfinished.items()]
        self.unfinished.clear()
        return left


def nanoseconds(stamp: bytes) -> int:
    """A record's timestamp since 1970."""
    seconds = calendar.timegm(time.strptime(stamp[:19].decode(), "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1_000_000_000 + int(stamp[20:29])
