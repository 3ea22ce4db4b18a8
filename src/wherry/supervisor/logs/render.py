"""Runs of a log as the API sends them: bare (terminals) or in frames, each line with what marks it."""

from __future__ import annotations

from wherry.supervisor.logs.format import Run


class Renderer:
    """One reader's output. Remembers which streams are in the middle of a line: no mark goes there."""

    def __init__(self, *, framed: bool, timestamps: bool, details: bytes = b"") -> None:
        """`details` goes before each line (after its timestamp), as it is."""
        self._framed = framed
        self._timestamps = timestamps
        self._details = details
        self._unfinished: set[int] = set()

    def render(self, runs: list[Run]) -> bytes:
        """All of `runs`. Framed, each line is a frame of its own, as clients expect of Docker's logs."""
        parts: list[bytes] = []
        for run in runs:
            if self._framed:
                self._frames(run, parts)
            else:
                parts.append(self._marked(run))
        return b"".join(parts)

    def _frames(self, run: Run, parts: list[bytes]) -> None:
        kind = b"%c\0\0\0" % run.stream
        for line in self._marked(run).split(b"\n"):
            parts += (kind, (len(line) + 1).to_bytes(4, "big"), line, b"\n")
        # The last piece had no newline; usually it is what is left after the one that ends the content.
        del parts[-4:]
        if line:
            parts += (kind, len(line).to_bytes(4, "big"), line)

    def _marked(self, run: Run) -> bytes:
        if not self._timestamps and not self._details:
            return run.content
        mark = (run.timestamp + b" " if self._timestamps else b"") + self._details
        ended = run.content.endswith(b"\n")
        lines = run.content[:-1] if ended else run.content
        text = lines.replace(b"\n", b"\n" + mark) + (b"\n" if ended else b"")
        unfinished = run.stream in self._unfinished
        if ended:
            self._unfinished.discard(run.stream)
        else:
            self._unfinished.add(run.stream)
        return text if unfinished else mark + text
