"""Files from URLs. Blocking: called in threads, which end when nobody waits for them any more."""

from __future__ import annotations

import contextlib
import email.utils
import hashlib
import http.client
import os
import socket
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from wherry.errors import Invalid, NotFound, Unavailable
from wherry.store.apart import stopped_by

__all__ = ["download"]

_CHUNK = 1 << 20
_CONNECT = 30  # seconds
_TIMEOUT = 300  # seconds without a byte


def download(url: str, directory: str, *, checksum: str = "") -> str:
    """Fetch into a file in `directory` (made), named as the URL ends; its name. Raises Invalid for a wrong
    checksum (`sha256:…`), NotFound, Unavailable; nothing is left then."""
    name = os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(url).path)) or "index"
    if name in (".", "..") or "/" in name or "\0" in name:
        raise Invalid(f"cannot determine a file name from the URL {url}")
    algorithm, _, wanted = checksum.partition(":")
    if checksum and algorithm not in ("sha256", "sha384", "sha512"):
        raise Invalid(f"unsupported checksum {checksum!r}", hint="for instance sha256:…")
    os.makedirs(directory, mode=0o700, exist_ok=True)
    path = os.path.join(directory, name)
    state = hashlib.new(algorithm or "sha256")
    request = urllib.request.Request(url, headers={"User-Agent": "wherry"})
    connections = _Connections()
    try:
        with (
            stopped_by(connections.cut),
            connections.opener().open(request, timeout=_TIMEOUT) as answer,
            open(path, "wb") as file,
        ):
            while data := answer.read(_CHUNK):
                state.update(data)
                file.write(data)
            modified = (
                email.utils.parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp()
                if (answer.headers.get("Last-Modified"))
                else 0
            )
    except urllib.error.HTTPError as error:
        kind = NotFound if error.code in (404, 410) else Unavailable
        raise kind(f"fetching {url}: status {error.code} {error.reason}") from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        raise Unavailable(f"fetching {url}: {getattr(error, 'reason', error)}") from None
    if checksum and state.hexdigest() != wanted:
        os.unlink(path)
        raise Invalid(f"digest mismatch {algorithm}:{state.hexdigest()}: {checksum} was expected for {url}")
    os.chmod(path, 0o600)
    os.utime(path, (modified, modified))
    return name


class _Connections:
    """Those of one download; several where it is redirected."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._cut = False

    def opener(self) -> urllib.request.OpenerDirector:
        """What opens URLs by connections that can be cut."""
        outer = self

        class Plain(http.client.HTTPConnection):
            def connect(self) -> None:
                outer._connect(self, super().connect)

        class Secure(http.client.HTTPSConnection):
            def connect(self) -> None:
                outer._connect(self, super().connect)

        class OverPlain(urllib.request.HTTPHandler):
            def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
                return self.do_open(Plain, req)

        class OverSecure(urllib.request.HTTPSHandler):
            def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
                return self.do_open(Secure, req)

        return urllib.request.build_opener(OverPlain, OverSecure)

    def cut(self) -> None:
        """End all reading, now and later. For another thread."""
        self._cut = True
        for one in self._sockets:
            with contextlib.suppress(OSError):  # it is over already
                one.shutdown(socket.SHUT_RDWR)

    def _connect(self, connection: http.client.HTTPConnection, connect: Any) -> None:
        connection.timeout = _CONNECT
        connect()
        connection.sock.settimeout(_TIMEOUT)
        self._sockets.append(connection.sock)
        if self._cut:
            self.cut()
