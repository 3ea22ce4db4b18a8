"""What the stand-ins for Google's and Azure's object storage share: objects in memory, over HTTP."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit


class Kept(NamedTuple):
    """One object."""

    data: bytes
    changed: float

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}-{self.changed:.6f}"'

    @property
    def modified(self) -> str:
        return formatdate(self.changed, usegmt=True)


class Shelf(ThreadingHTTPServer):
    """A server and what it keeps. Use in a `with` block."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[Asking]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.lock = threading.Lock()
        self.kept: dict[str, Kept] = {}
        self.parts: dict[str, dict[str, bytes]] = {}
        """Of objects that are put together: by upload, by the part's name."""
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    def __enter__(self) -> Shelf:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def put(self, key: str, data: bytes, *, new: bool = False) -> Kept | None:
        """None when there is one already and it must be new."""
        with self.lock:
            if new and key in self.kept:
                return None
            self.kept[key] = Kept(data, time.time())
            return self.kept[key]

    def page(self, prefix: str, after: str, most: int) -> tuple[list[tuple[str, Kept]], str]:
        """Objects in the order of their keys, and the key to go on after, or ""."""
        with self.lock:
            found = sorted(pair for pair in self.kept.items() if pair[0].startswith(prefix))
        found = [pair for pair in found if pair[0] > after]
        return found[:most], found[most - 1][0] if len(found) > most else ""


class Asking(BaseHTTPRequestHandler):
    """One connection; a protocol defines `answer`, which calls `reply` once."""

    server: Shelf
    protocol_version = "HTTP/1.1"
    query: dict[str, str]
    path_of: str
    body: bytes

    def answer(self) -> None:
        raise NotImplementedError

    def reply(self, status: int, data: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send(self, key: str, missing: bytes) -> None:
        """GET and HEAD of an object, or of a range of it."""
        kept = self.server.kept.get(key)
        if kept is None:
            return self.reply(404, missing, Content_Type="application/xml")
        about = {"ETag": kept.etag, "Last_Modified": kept.modified, "Accept_Ranges": "bytes"}
        size = len(kept.data)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            return self.reply(200, kept.data, Content_Length=str(size), **about)
        start, end = int(asked[1]), min(int(asked[2]) + 1 if asked[2] else size, size)
        if start >= size:
            return self.reply(416, Content_Range=f"bytes */{size}")
        part = kept.data[start:end]
        return self.reply(206, part, Content_Range=f"bytes {start}-{end - 1}/{size}", **about)

    def _any(self) -> None:
        parts = urlsplit(self.path)
        self.path_of = unquote(parts.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query, True).items()}
        self.body = b"".join(self._chunks())
        self.answer()

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            while size := int(self.rfile.readline().strip() or b"0", 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        elif length := int(self.headers.get("Content-Length") or 0):
            yield self.rfile.read(length)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _any  # noqa: N815 (the library's names)

    def log_message(self, *_: object) -> None:
        pass
