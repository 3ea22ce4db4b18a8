"""Streams that outlive an engine: what was followed is gone on with at the next one, without a gap.

An engine may be replaced while clients follow logs or events: by an upgrade, a restart of its service, a
crash. A client notices by a stream that is cut, waits for the next engine and asks it for the rest.
"""

from __future__ import annotations

import os
import time

from wherry.errors import NotFound, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from wherry.client.address import Address
    from wherry.client.api import Client
    from wherry.client.http import Response

PATIENCE = 30.0
"""Seconds that the next engine may take to come."""
_PAUSE = 0.05


def requested_again(client: Client, path: str, lost: Exception) -> Response:
    """The answer of the next engine to a GET. Blocks for at most PATIENCE; then raises what `lost` says."""
    deadline = time.monotonic() + PATIENCE
    pause = _PAUSE
    while True:
        if _there(client.address):
            try:
                return client.stream("GET", path)
            except (Unavailable, OSError):
                pass
        if time.monotonic() > deadline:
            raise lost
        time.sleep(pause)
        pause = min(pause * 1.5, 1.0)


def _there(address: Address) -> bool:
    """Whether to connect. An engine that was ended took its socket away: not for us to start another."""
    return address.scheme != "unix" or os.path.exists(address.target)


def events(client: Client, *, since: str, until: str, filters: object) -> Iterator[Any]:
    """The events, from one engine to the next."""
    from wherry.client.api import query

    last = 0 if since else time.time_ns()
    known = 0  # in another connection: what happened up to then has been told
    path = "/events" + query(since=since, until=until, filters=filters)
    response = client.stream("GET", path)
    while True:
        try:
            for event in response.documents():
                moment = event.get("timeNano", 0)
                if moment > known:
                    last = max(last, moment)
                    yield event
            return
        except (Unavailable, OSError) as error:
            response.close()
            after = f"{last / 1e9 - 0.001:.6f}" if last else since
            known = last
            path = "/events" + query(since=after, until=until, filters=filters)
            response = requested_again(client, path, error)


class FollowedLog:
    """A container's log, followed from one engine to the next.

    Each line carries its time, which says where to go on; a line's bytes that have come already are left out.
    """

    def __init__(
        self, client: Client, container: str, *, framed: bool, timestamps: bool, **options: Any
    ) -> None:
        """`options` are those of the API: since, until, tail, details, stdout, stderr."""
        self._client = client
        self._path = f"/containers/{container}/logs"
        self._framed = framed
        self._timestamps = timestamps
        self._options = options
        self._begun = time.time_ns()
        self._streams = {1: _Marked(timestamps), 2: _Marked(timestamps)}

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """Stream (1 or 2) and bytes, as they come. Raises Unavailable when no engine comes after one."""
        from wherry.client.api import query

        options = {**self._options, "follow": True, "timestamps": True}
        response = self._client.stream("GET", self._path + query(**options))
        while True:
            try:
                yield from self._of(response)
                return
            except (Unavailable, OSError) as error:
                response.close()
                if any(marked.last for marked in self._streams.values()) or not options.get("since"):
                    options = {**options, "since": self._reached(), "tail": "all"}
                for marked in self._streams.values():
                    marked.again()
                try:
                    response = requested_again(self._client, self._path + query(**options), error)
                except NotFound:
                    return  # it ended meanwhile, and was removed

    def _of(self, response: Response) -> Iterator[tuple[int, bytes]]:
        rest = b""
        for chunk in response.chunks():
            rest += chunk
            position = 0
            if self._framed:
                while len(rest) - position >= 8:
                    end = position + 8 + int.from_bytes(rest[position + 4 : position + 8], "big")
                    if end > len(rest):
                        break
                    stream = 2 if rest[position] == 2 else 1
                    if shown := self._streams[stream].take(rest[position + 8 : end]):
                        yield stream, shown
                    position = end
                rest = rest[position:]
                continue
            # A terminal's: a line's mark may be cut in two, so what has no line end waits for its mark.
            *lines, tail = rest.split(b"\n")
            shown = b"".join(self._streams[1].take(line + b"\n") for line in lines)
            rest = tail
            if tail and (self._streams[1].open or b" " in tail[:36]):
                shown += self._streams[1].take(tail)
                rest = b""
            if shown:
                yield 1, shown

    def _reached(self) -> str:
        """Where to go on, as the API takes it: a moment before what was reached of each stream."""
        import calendar

        stamps = [marked.reached for marked in self._streams.values() if marked.last]
        if not stamps:
            return f"{self._begun / 1e9:.6f}"
        oldest = min(stamps).decode()
        seconds = calendar.timegm(time.strptime(oldest[:19], "%Y-%m-%dT%H:%M:%S"))
        return f"{seconds + float('0' + oldest[19:].rstrip('Z')) - 0.001:.6f}"


class _Marked:
    """One stream's lines with their times: knows how far it is, and leaves out what came before."""

    def __init__(self, timestamps: bool) -> None:
        self._timestamps = timestamps
        self.last = b""
        """The time of the last line."""
        self._before = b""  # the time of the line before all those of that time
        self.open = False
        """Whether a line has begun and not ended."""
        self._count = 0  # bytes of the lines of that time, in this connection
        self._seen = 0  # and in all
        self._resuming = False  # in another connection, not yet beyond what is known
        self._old = False

    @property
    def reached(self) -> bytes:
        """The time from which another connection has to tell.

        A line before those of the last time, whose end may have come in one piece with these: without its
        beginning it would be taken for one of them.
        """
        return min(self._before or self.last, self.last)

    def again(self) -> None:
        """Another connection begins, somewhere before the last line."""
        self.open = False
        self._count = 0
        self._resuming = bool(self.last)

    def take(self, piece: bytes) -> bytes:
        """What of a piece (a line with its time, or more of a line) is new."""
        stamp, content = b"", piece
        begins = not self.open
        if begins:
            stamp, _, content = piece.partition(b" ")
            self._old = self._resuming and stamp < self.last
            if not self._old and stamp != self.last:  # also an earlier one: clocks are set back
                self._before, self.last = self.last, stamp
                self._count = self._seen = 0
                self._resuming = False
        self.open = not content.endswith(b"\n")
        if self._old:
            return b""
        known = max(0, self._seen - self._count)
        self._count += len(content)
        if self._count > self._seen:
            self._seen = self._count
            self._resuming = False
        if begins and not known and self._timestamps:
            return stamp + b" " + content
        return content[known:]
