"""The requests of the Python API, written once for those who block and for those who await.

An operation is a generator: it yields what it needs from outside (an answer, the next bytes of a stream, some
time), is sent what came of it, and returns its result. `blocking` and `awaiting` drive it. Nothing here reads
or writes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from wherry.client.api import Client

R = TypeVar("R")
Steps = Generator["Step", Any, R]
UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


class Call(NamedTuple):
    """A request answered by one JSON document; sent back is that document, or None."""

    method: str
    path: str
    body: object = None


class Open(NamedTuple):
    """A request whose answer is read as it arrives; sent back is a channel for `Receive` and `Close`.

    `pieces`: a body sent in chunks, read from files of this machine; `headers` win over the usual ones.
    """

    method: str
    path: str
    body: object = None
    headers: Mapping[str, str] | None = None
    pieces: Iterable[bytes] | None = None


class Receive(NamedTuple):
    """The next bytes of a channel, none at its end. Raises TimeoutError after `timeout` seconds."""

    channel: Any
    timeout: float | None = None


class Close(NamedTuple):
    """Give a channel up, at its end or before."""

    channel: Any


class Exchange(NamedTuple):
    """A request that takes the connection over: `stdin` is sent meanwhile, sent back is all that comes."""

    path: str
    body: object
    stdin: bytes | None


class Sleep(NamedTuple):
    seconds: float


class Knock(NamedTuple):
    """Whether something takes a connection at an address, and keeps it."""

    address: tuple[str, int]


class Aside(NamedTuple):
    """Work with files of this machine, which blocks in any case; it gets a client of its own."""

    work: Callable[[Client], Any]


Step = Call | Open | Receive | Close | Exchange | Sleep | Knock | Aside
T_co = TypeVar("T_co", covariant=True)


class Decoder(Protocol[T_co]):
    """Makes values of a stream's bytes. `feed` gives those that are complete, `end` what is left."""

    def feed(self, data: bytes) -> Iterable[T_co]: ...
    def end(self) -> Iterable[T_co]: ...


class Feed(NamedTuple):
    """A channel to be read to its end, and what makes values of its bytes."""

    channel: Any
    decoder: Decoder[Any]


def received(path: str, *, method: str = "GET") -> Steps[bytes]:
    """The whole body of an answer."""
    channel = yield Open(method, path)
    return (yield from rest(channel))


def rest(channel: Any) -> Steps[bytes]:
    """All that is still to come of a channel, which is closed then."""
    pieces = []
    try:
        while piece := (yield Receive(channel)):
            pieces.append(piece)
    finally:
        yield Close(channel)
    return b"".join(pieces)
