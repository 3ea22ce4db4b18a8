"""Docker's multiplexed stream: frames of 8 bytes of header (stream, 0, 0, 0, length) and their payload.

A container that writes 500 MB/s must not wait for its client, so what one `recv` brought is cut into views,
not copied, and consecutive frames of one stream go out in one `writev`.
"""

from __future__ import annotations

import os

from wherry.errors import Internal

BUFFER = 1 << 20  # bytes that one read asks for
_VECTORS = 1000  # below Linux' IOV_MAX of 1024
_SEVERAL = hasattr(os, "writev")  # not on Windows


def write_all(fd: int, views: list[memoryview]) -> None:
    """Write every byte of `views` to `fd`, also when it is non-blocking. Raises OSError as write does."""
    while views:
        try:
            written = os.writev(fd, views[:_VECTORS]) if _SEVERAL else os.write(fd, views[0])
        except BlockingIOError:
            import select

            poll = select.poll()
            poll.register(fd, select.POLLOUT)
            poll.poll()
            continue
        done = 0
        while done < len(views) and written >= len(views[done]):
            written -= len(views[done])
            done += 1
        del views[:done]
        if views and written:
            views[0] = views[0][written:]


class Demultiplexer:
    """Turns a multiplexed stream back into what was written to standard output and to standard error."""

    __slots__ = ("_fd", "_header", "_left", "_stderr", "_stdout")

    def __init__(self, stdout: int, stderr: int) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._header = b""
        self._left = 0  # bytes of the current frame's payload still to come
        self._fd = stdout

    def feed(self, data: memoryview) -> None:
        """Write out the next bytes of the stream. Raises Internal for an error that the engine put in it."""
        position, end = 0, len(data)
        views: list[memoryview] = []
        while position < end:
            if self._left:
                take = self._left if self._left <= end - position else end - position
                views.append(data[position : position + take])
                position += take
                self._left -= take
                continue
            if self._header or end - position < 8:
                take = min(8 - len(self._header), end - position)
                self._header += bytes(data[position : position + take])
                position += take
                if len(self._header) < 8:
                    break
                header, self._header = self._header, b""
            else:
                header = bytes(data[position : position + 8])
                position += 8
            self._left = int.from_bytes(header[4:], "big")
            fd = self._stdout if header[0] < 2 else self._stderr
            if header[0] > 3 or header[1:4] != b"\0\0\0":
                raise Internal("the engine's stream is not in Docker's frames")
            if fd != self._fd:
                write_all(self._fd, views)
                views = []
                self._fd = fd
        write_all(self._fd, views)
