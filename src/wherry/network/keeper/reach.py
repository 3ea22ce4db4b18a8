"""Sockets of the keeper: bound where clients come from, made where containers are.

As root both are one network namespace. Rootless, the keeper lives in the machine's and containers are
behind another: a thread of its own moves there for good and makes the sockets that lead to containers. There
it may also give such a socket its client's address (IP_TRANSPARENT), so that a service sees who asks.
"""

from __future__ import annotations

import errno
import os
import socket

_KINDS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
_IP_TRANSPARENT, _IPV6_TRANSPARENT = 19, 75
_CLONE_NEWNET = 0x40000000

Address = tuple[str, int]


def bind(protocol: str, host_ip: str, port: int) -> socket.socket:
    """A socket on a published port (0: a free one), listening if it is of streams. Raises OSError."""
    kind, number = _KINDS[protocol]
    if host_ip:
        return _bind(socket.AF_INET6 if ":" in host_ip else socket.AF_INET, kind, number, (host_ip, port))
    try:  # one socket for both IP versions
        return _bind(socket.AF_INET6, kind, number, ("::", port))
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
    return _bind(socket.AF_INET, kind, number, ("0.0.0.0", port))  # noqa: S104 (as asked)


def _bind(family: int, kind: int, protocol: int, address: Address) -> socket.socket:
    one = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, protocol)
    try:
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if address[0] == "::" else 1)
        if kind == socket.SOCK_STREAM:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(address)
        if kind == socket.SOCK_STREAM:
            one.listen(1024)
    except OSError:
        one.close()
        raise
    return one


class Reach:
    """Makes the sockets that lead to containers."""

    def __init__(self) -> None:
        self._elsewhere: _Elsewhere | None = None

    def place(self, namespace: int) -> None:
        """Make them in this network namespace (descriptor) from now on. Raises OSError."""
        mine, other = os.stat("/proc/self/ns/net").st_ino, os.fstat(namespace).st_ino
        if mine != other and (self._elsewhere is None or self._elsewhere.identity != other):
            self._elsewhere = _Elsewhere(namespace, other)

    def connect(self, protocol: str, target: Address, client: Address) -> socket.socket:
        """A non-blocking socket on its way to `target` for a client. Raises OSError."""
        family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
        kind, number = _KINDS[protocol]
        if self._elsewhere is None:
            one = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, number)
        else:
            one = self._elsewhere.make(family, kind, number, _source(family, client))
        try:
            one.connect(target)
        except BlockingIOError:
            pass
        except OSError:
            one.close()
            raise
        return one


def _source(family: int, client: Address) -> Address | None:
    """The client's address as the container can see it; None for one that is no use there."""
    host = client[0].removeprefix("::ffff:").partition("%")[0]
    if host.startswith(("127.", "fe80:")) or host == "::1" or (":" in host) != (family == socket.AF_INET6):
        return None
    return host, client[1]


class _Elsewhere:
    """A thread in another network namespace that makes sockets there."""

    def __init__(self, namespace: int, identity: int) -> None:
        import queue
        import threading

        self.identity = identity
        self._wanted: queue.SimpleQueue[tuple[int, int, int, Address | None]] = queue.SimpleQueue()
        self._made: queue.SimpleQueue[socket.socket | OSError] = queue.SimpleQueue()
        threading.Thread(target=self._run, args=(os.dup(namespace),), daemon=True).start()
        if isinstance(failure := self._made.get(), OSError):
            raise failure

    def make(self, family: int, kind: int, protocol: int, source: Address | None) -> socket.socket:
        self._wanted.put((family, kind, protocol, source))
        made = self._made.get()
        if isinstance(made, OSError):
            raise made
        return made

    def _run(self, namespace: int) -> None:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace, _CLONE_NEWNET):
            self._made.put(OSError(ctypes.get_errno(), "cannot enter the containers' network namespace"))
            return
        os.close(namespace)
        self._made.put(socket.socket())  # entered
        while True:
            family, kind, protocol, source = self._wanted.get()
            try:
                one = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
                if source is not None:
                    _pose_as(one, family, source)
                self._made.put(one)
            except OSError as error:
                self._made.put(error)


def _pose_as(one: socket.socket, family: int, source: Address) -> None:
    """Speak with the client's address where that can be had; else the service sees the bridge's."""
    try:
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)
        else:
            one.setsockopt(socket.IPPROTO_IP, _IP_TRANSPARENT, 1)
        one.bind(source)
    except OSError:
        pass
