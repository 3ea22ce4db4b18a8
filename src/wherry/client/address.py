"""Where an engine listens: `unix:///path`, `tcp://host:port`, `ssh://user@host:port/socket`."""

from __future__ import annotations

import os

from wherry.errors import Invalid, Unavailable
from wherry.paths import api_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wherry.client.http import Stream
    from wherry.client.tls import Tls


class Address:
    """One engine's address.

    `own` marks the engine of this user, which is started when nothing listens. `tls` is how to speak to it
    over TCP, where that is not left to the environment.
    """

    __slots__ = ("own", "scheme", "target", "tls")

    def __init__(self, scheme: str, target: str, *, own: bool = False) -> None:
        self.scheme = scheme
        self.target = target
        self.own = own
        self.tls: Tls | None = None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.target}"

    def connect(self) -> Stream:
        """A new connection. Raises Unavailable, with what to do about it, when nothing answers."""
        if self.scheme != "unix":
            from wherry.client.remote import connect

            return connect(self)
        import _socket

        if not hasattr(_socket, "AF_UNIX"):  # Windows
            from wherry.client.autostart import elsewhere

            raise elsewhere()
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            sock.connect(self.target)
            return sock
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            sock.close()
            if not self.own:
                raise self.silent(error) from None
        except OSError as error:
            sock.close()
            raise self.silent(error) from None
        from wherry.client.autostart import start_engine

        return start_engine(self.target)

    def silent(self, error: OSError) -> Unavailable:
        """The error for an engine that does not answer at this address."""
        if isinstance(error, PermissionError):
            hint = "the socket belongs to another user: each user has an engine of their own, so leave -H out"
        elif self.scheme == "unix":
            hint = "is that engine running? WHERRY_HOST, DOCKER_HOST and -H choose another one"
        else:
            hint = "is the address right, and the port open?"
        return Unavailable(f"cannot connect to the engine at {self}: {error.strerror or error}", hint=hint)


def parse_address(text: str) -> Address:
    """The address that a user wrote. Raises Invalid for a form that no engine listens on."""
    scheme, found, target = text.partition("://")
    if not found:
        scheme, target = ("unix", text) if text.startswith("/") else ("tcp", text)
    if scheme == "unix" and target:
        target = os.path.abspath(target)
        return Address("unix", target, own=target == api_socket())
    if scheme in ("tcp", "http", "https") and target:
        return Address(scheme, target.rstrip("/"))
    if scheme == "ssh" and target and not target.startswith("-"):
        return Address("ssh", target)
    raise Invalid(
        f"unable to parse engine host {text!r}",
        hint="use unix:///path/to/socket, tcp://host:port or ssh://user@host",
    )


def chosen_address(host: str = "") -> Address:
    """The engine to speak to: the first that is there of -H, WHERRY_HOST, DOCKER_HOST, WHERRY_CONTEXT,
    DOCKER_CONTEXT, what `context use` chose, this user's own."""
    text = host or os.environ.get("WHERRY_HOST") or os.environ.get("DOCKER_HOST")
    if text:
        return parse_address(text)
    name = os.environ.get("WHERRY_CONTEXT") or os.environ.get("DOCKER_CONTEXT") or ""
    if not name:
        try:
            with open(chosen_context(), encoding="utf-8") as file:
                name = file.read().strip()
        except OSError:
            pass
    if name and name != "default":
        from wherry.client.contexts import address_of

        return address_of(name)
    return Address("unix", api_socket(), own=True)


def chosen_context() -> str:
    """The file in which `wherry context use` notes its choice.

    Not Docker's `currentContext`: that one often names an engine of Docker's own, for Docker's client."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "wherry", "context")
