"""An engine that makes nothing: it answers every request and keeps what was asked."""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple


class Asked(NamedTuple):
    method: str
    path: str
    body: Any


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def address_string(self) -> str:
        return "client"

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        self.server.asked.append(Asked(self.command, self.path, json.loads(body) if body else None))
        made = "/create" in self.path
        content = json.dumps({"Id": "a" * 64, "Warnings": []} if made else {}).encode()
        self.send_response(201 if made else 200)
        self.send_header("Api-Version", "1.50")
        self.send_header("Ostype", "linux")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_HEAD = do_DELETE = do_PUT = _answer  # noqa: N815


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: str) -> None:
        self.asked: list[Asked] = []
        super().__init__(path, _Handler)


class Recorder:
    """`with Recorder(folder) as recorder:` listens on `recorder.address`; `take` empties what it kept."""

    def __init__(self, folder: Path) -> None:
        self._server = _Server(str(folder / "recorder.sock"))
        self.address = f"unix://{folder}/recorder.sock"

    def take(self) -> list[Asked]:
        asked, self._server.asked = self._server.asked, []
        return asked

    def __enter__(self) -> Recorder:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
