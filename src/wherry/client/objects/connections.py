"""One API client for each thread, so that an engine object may be shared between threads."""

from __future__ import annotations

import threading
import weakref

from wherry.client.api import Client


class _Closing(Client):
    """A client whose connection goes with it: when its thread ends, or when nobody holds the engine."""

    def __del__(self) -> None:
        self.close()


class Connections:
    """Clients of one address. `close` closes those of all threads, and may be repeated."""

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: weakref.WeakSet[Client] = weakref.WeakSet()

    @property
    def client(self) -> Client:
        """The client of the calling thread; it connects, and starts the engine, with its first call."""
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self.make()
            with self._lock:
                self._all.add(client)
        return client

    def make(self) -> Client:
        """A client for one more thread."""
        return _Closing(self._address)

    def close(self) -> None:
        with self._lock:
            for client in self._all:
                client.close()
