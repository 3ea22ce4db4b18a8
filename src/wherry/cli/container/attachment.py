"""An attached container: its streams joined to this process, from before its start to its exit code."""

from __future__ import annotations

import os

from wherry.cli.container.pump import pump
from wherry.client.api import query
from wherry.errors import Invalid, NotFound, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wherry.client.api import Client, Pending

UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


def require_terminal(tty: bool, stdin: bool) -> None:
    """Raise Invalid when a terminal is asked for and standard input is none."""
    if tty and stdin and not os.isatty(0):
        raise Invalid("the input device is not a TTY", hint="leave -t out, or run this from a terminal")


class Attachment:
    """The streams of one container. `open` before the start, `carry` after it, then `exit_code`."""

    def __init__(
        self,
        client: Client,
        container: str,
        *,
        tty: bool,
        stdin: bool,
        stdout: bool = True,
        stderr: bool = True,
        detach_keys: str = "",
        proxy: bool = True,
    ) -> None:
        self._client = client
        self._container = container
        self._tty = tty
        self._stdin = stdin
        self._outputs = (stdout, stderr)
        self._detach_keys = detach_keys
        self._proxy = proxy
        self._streams: Pending | None = None
        self._exit: Pending | None = None

    def open(self, *, removed: bool, start_follows: bool, logs: bool = False) -> None:
        """Join the streams and watch for the exit. Nothing that happens after this is missed.

        `removed`: the exit is known when the container is gone (--rm). Returns once the engine has agreed to
        both, so that a container which ends at once does not slip through.
        """
        stdout, stderr = self._outputs
        attach = query(
            stream=True,
            stdin=self._stdin,
            stdout=stdout,
            stderr=stderr,
            logs=logs,
            detachKeys=self._detach_keys,
        )
        if self._stdin or stdout or stderr:
            self._streams = self._client.begin(
                "POST", f"/containers/{self._container}/attach{attach}", headers=UPGRADE
            )
        condition = "removed" if removed else ("next-exit" if start_follows else "not-running")
        self._exit = self._client.begin("POST", f"/containers/{self._container}/wait?condition={condition}")
        if self._streams is not None:
            self._stream, self._left = self._streams.upgraded()
        self._answer = self._exit.response()

    def carry(self) -> bool:
        """Pass everything on until the streams end; True when the detach keys were typed."""
        if self._streams is None:
            return False
        if not self._tty:
            from wherry.cli.container.signals import Proxy

            with Proxy(self._client, self._container, active=self._proxy):
                return pump(self._stream, self._left, raw=False, stdin=self._stdin)
        return self._carry_terminal()

    def _carry_terminal(self) -> bool:
        from wherry.cli.container.detach import KeyWatch, parse_keys
        from wherry.cli.container.signals import Proxy, Resizing
        from wherry.cli.container.terminal import RawMode

        keys = KeyWatch(parse_keys(self._detach_keys)) if self._stdin and os.isatty(0) else None
        resize = f"/containers/{self._container}/resize"
        with (
            Proxy(self._client, self._container, active=self._proxy),
            Resizing(self._client, resize),
            RawMode(active=self._stdin),
        ):
            return pump(self._stream, self._left, raw=True, stdin=self._stdin, keys=keys)

    def exit_code(self) -> int:
        """The container's exit code; blocks until it has ended (or, with `removed`, is gone).

        An engine that ended meanwhile takes no container with it, so the next one is asked. Raises
        Unavailable when that one does not know any more.
        """
        try:
            answer: Any = self._answer.json() or {}
        except (Unavailable, OSError):
            answer = self._asked_again()
        finally:
            self._answer.close()
        problem = answer.get("Error") or {}
        if problem.get("Message"):
            from wherry.cli.failure import say

            say(problem["Message"])
        return int(answer.get("StatusCode", 125))

    def _asked_again(self) -> Any:
        try:
            return self._client.post(f"/containers/{self._container}/wait?condition=not-running") or {}
        except NotFound:
            raise Unavailable(
                f"the engine was lost while container {self._container[:12]} ran, and its exit code with it"
            ) from None

    def abandon(self, timeout: float | None = None) -> None:
        """Give up after a failed start; with a timeout, wait first for the engine to remove the container."""
        if timeout and self._exit is not None:
            connection = self._answer.upgraded()[0]
            connection.settimeout(timeout)
            try:
                connection.recv(1)
            except OSError:
                pass
        for pending in (self._streams, self._exit):
            if pending is not None:
                pending.close()
