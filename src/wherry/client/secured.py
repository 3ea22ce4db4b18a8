"""TLS in front of a connection, so that all else knows only plain sockets.

The end of what the plain side sends is told by `close_notify`, which ends one half: what the other side has
still to say is read. OpenSSL tells the two halves apart only as long as it is not asked to end the connection
while data of the other side waits to be read (it then gives up with "application data after close notify",
and the data is gone); so it never sees the socket, and is asked when it has nothing.
"""

from __future__ import annotations

import selectors
import socket
import ssl

_PIECE = 1 << 16


class Secured:
    """The client's end of a TLS connection over `outer`, a connected socket, which it owns from then on."""

    def __init__(self, outer: socket.socket, context: ssl.SSLContext, host: str) -> None:
        """Shake hands. Blocks. Raises OSError, and ssl.SSLError when the two can't agree."""
        self._outer = outer
        self._arriving, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arriving, self._leaving, server_hostname=host)
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                outer.sendall(self._leaving.read())
                data = outer.recv(_PIECE)
                if not data:
                    raise ConnectionResetError("the other side hung up") from None
                self._arriving.write(data)
        outer.sendall(self._leaving.read())

    def carry(self, plain: socket.socket) -> None:
        """Carry bytes both ways between the connection and `plain` until the other side has ended or one of
        the two is gone; closes both. Neither way waits for the other."""
        outer, inward = self._outer, bytearray()
        listening = self._decrypt(inward)  # the other side may still say something
        speaking = True  # so may ours
        outward = memoryview(b"")
        outer.setblocking(False)
        plain.setblocking(False)
        with outer, plain, selectors.DefaultSelector() as selector:
            try:
                while listening or inward:
                    if not outward:
                        outward = memoryview(self._leaving.read())
                    _watch(selector, outer, reading=listening and not inward, writing=bool(outward))
                    _watch(selector, plain, reading=speaking and not outward, writing=bool(inward))
                    for key, events in selector.select():
                        reading, writing = events & selectors.EVENT_READ, events & selectors.EVENT_WRITE
                        if key.fileobj is outer and reading:
                            listening = self._receive() and self._decrypt(inward)
                        elif key.fileobj is outer and writing:
                            outward = outward[outer.send(outward) :]
                        elif writing:
                            del inward[: plain.send(inward)]
                        elif reading:
                            speaking = self._give(plain.recv(_PIECE))
            except OSError:
                pass  # somebody is gone, and nothing is left to tell them

    def _receive(self) -> bool:
        """Whether something came, and not the connection's end."""
        try:
            data = self._outer.recv(_PIECE)
        except ConnectionError:  # gone, as after an end; what it said before is still to be delivered
            return False
        self._arriving.write(data)
        return bool(data)

    def _decrypt(self, inward: bytearray) -> bool:
        """Take in what has come; whether more can come."""
        try:
            while piece := self._tls.read(_PIECE):
                inward += piece
        except ssl.SSLWantReadError:
            return True
        except ssl.SSLZeroReturnError:
            pass
        return False

    def _give(self, data: bytes) -> bool:
        """Encrypt what is to be sent, or the end; whether more can follow."""
        if data:
            self._tls.write(data)
            return True
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            pass  # told; the other side's end is still to come
        return False


def _watch(selector: selectors.BaseSelector, sock: socket.socket, *, reading: bool, writing: bool) -> None:
    events = selectors.EVENT_READ * reading | selectors.EVENT_WRITE * writing
    known = sock in selector.get_map()
    if known and not events:
        selector.unregister(sock)
    elif known:
        selector.modify(sock, events)
    elif events:
        selector.register(sock, events)
