"""Signals to this process that are meant for the container.

Handlers run between bytecodes of the main thread, also while it waits in a system call, and speak to the
engine on a connection of their own, so a container's full pipe never holds up Ctrl-C.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` wraps it in enum: 4 ms

from wherry.errors import WherryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.client.api import Client

_FORWARDED = {
    getattr(_signal, f"SIG{name}"): name
    for name in ("HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "TERM")
    if hasattr(_signal, f"SIG{name}")  # Windows has two of them
}
_PATIENCE = 3  # interrupts in a row that nothing came of, after which the command line gives up


class Proxy:
    """`with Proxy(…):` forwards signals to a container, so that Ctrl-C ends it as it ends a program.

    When the engine refuses three of them, the third interrupts this process instead. Not `active`, it does
    nothing.
    """

    def __init__(self, client: Client, container: str, *, active: bool = True) -> None:
        self._active = active
        self._client = client
        self._container = container
        self._refused = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        for number in _FORWARDED if self._active else ():
            # What is ignored from the start, as nohup has it with SIGHUP, is not for the container either.
            if _signal.getsignal(number) != _signal.SIG_IGN:
                self._before[number] = _signal.signal(number, self._forward)

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            _signal.signal(number, handler)

    def _forward(self, number: int, frame: object) -> None:
        path = f"/containers/{self._container}/kill?signal={_FORWARDED[number]}"
        try:
            pending = self._client.begin("POST", path)
            pending.response().read()
            pending.close()
            self._refused = 0
        except (WherryError, OSError):
            self._refused += 1
            if self._refused >= _PATIENCE:
                raise KeyboardInterrupt from None


class Resizing:
    """`with Resizing(…):` keeps a container's terminal as large as the one here."""

    def __init__(self, client: Client, path: str) -> None:
        self._client = client
        self._path = path  # of the API's resize

    def __enter__(self) -> None:
        self.resize()
        if not hasattr(_signal, "SIGWINCH"):  # Windows: as large as it was at the start
            return
        self._before = _signal.signal(_signal.SIGWINCH, lambda number, frame: self.resize())

    def __exit__(self, *exception: object) -> None:
        if hasattr(_signal, "SIGWINCH"):
            _signal.signal(_signal.SIGWINCH, self._before)

    def resize(self) -> None:
        """Tell the engine the size now. A container that has ended meanwhile has none to set."""
        from wherry.cli.container.terminal import size

        found = size()
        if found is None:
            return
        try:
            pending = self._client.begin("POST", f"{self._path}?h={found[0]}&w={found[1]}")
            pending.response().read()
            pending.close()
        except (WherryError, OSError):
            pass
