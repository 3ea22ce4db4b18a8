"""The `syslog` driver: RFC 3164 and RFC 5424 over UDP, TCP, TLS and Unix sockets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence

from wherry.errors import Invalid
from wherry.supervisor.logs.format import STDOUT

from .destination import Address, Line, Sockets, parse_address, tls_context
from .messages import Message
from .options import truth
from .tags import About, tag_of

OPTIONS = frozenset(
    (
        "syslog-address",
        "syslog-facility",
        "syslog-format",
        "syslog-tls-ca-cert",
        "syslog-tls-cert",
        "syslog-tls-key",
        "syslog-tls-skip-verify",
    )
)
SCHEMES = ("tcp", "udp", "tcp+tls", "unix", "unixgram")
FORMATS = ("", "rfc3164", "rfc5424", "rfc5424micro")
LOCAL = ("/dev/log", "/var/run/syslog", "/var/run/log")
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("", "", "", ""),
    *("local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"),
)
_ERROR, _INFORMATION = 3, 6
_DAEMON = 3


def check(options: dict[str, str]) -> None:
    _address(options)
    facility(options.get("syslog-facility", ""))
    truth(options, "syslog-tls-skip-verify")
    if options.get("syslog-format", "") not in FORMATS:
        raise Invalid("Invalid syslog format", hint="rfc3164, rfc5424 or rfc5424micro")


def facility(text: str) -> int:
    """The number of a facility, by name or number; daemon where none is given. Raises Invalid."""
    if not text:
        return _DAEMON
    if text in FACILITIES:
        return FACILITIES.index(text)
    if text.isdecimal() and int(text) <= 23:
        return int(text)
    raise Invalid("invalid syslog facility", hint="kern, user, daemon, local0, … or 0 to 23")


class Destination:
    """See `destination.Destination`."""

    def __init__(self, about: About, options: dict[str, str], sockets: Sockets | None) -> None:
        """Raises Invalid for certificates that can't be read."""
        address = _address(options)
        self._tag = tag_of(about, options)
        self._facility = facility(options.get("syslog-facility", ""))
        self._format = options.get("syslog-format", "")
        self._counted = (
            address is not None and address.scheme == "tcp+tls" and self._format.startswith("rfc5424")
        )
        self._datagrams = address is not None and address.scheme in ("udp", "unixgram")
        self._local = address is None
        context = None
        if address is not None and address.scheme == "tcp+tls":
            context = tls_context(
                ca=options.get("syslog-tls-ca-cert", ""),
                certificate=options.get("syslog-tls-cert", ""),
                key=options.get("syslog-tls-key", ""),
                verify=not truth(options, "syslog-tls-skip-verify"),
            )
        self._line = Line(address or Address("unixgram", path=LOCAL[0]), sockets, context)
        self._host = socket.gethostname()

    def connect(self) -> None:
        if not self._local:
            self._line.connect()
            return
        failure: OSError = FileNotFoundError("Unix syslog delivery error")
        for path in LOCAL:
            for scheme in ("unixgram", "unix"):
                self._line.address = Address(scheme, path=path)
                try:
                    self._line.connect()
                except OSError as error:
                    if not isinstance(error, FileNotFoundError):
                        failure = error
                    continue
                self._datagrams = scheme == "unixgram"
                return
        raise failure

    def send(self, messages: Sequence[Message]) -> None:
        if self._datagrams:
            for message in messages:
                self._line.sendall(self._formatted(message))
            return
        self._line.sendall(b"".join(self._framed(self._formatted(message)) for message in messages))

    def interrupt(self) -> None:
        self._line.interrupt()

    def close(self) -> None:
        self._line.drop()

    def _framed(self, text: bytes) -> bytes:
        """One message of a stream: counted (RFC 5425) or ended by a newline (RFC 6587)."""
        return b"%d %s" % (len(text), text) if self._counted else text + b"\n"

    def _formatted(self, message: Message) -> bytes:
        severity = _INFORMATION if message.stream == STDOUT else _ERROR
        priority = self._facility << 3 | severity
        pid, tag, host = os.getpid(), self._tag, self._host
        if self._format.startswith("rfc5424"):
            stamp = _stamp(message.time, 6 if self._format.endswith("micro") else 0)
            head = f"<{priority}>1 {stamp} {host} {tag} {pid} {tag} - "
        elif self._format == "rfc3164":
            head = f"<{priority}>{_short(message.time)} {host} {tag}[{pid}]: "
        elif self._local:
            head = f"<{priority}>{_short(message.time)} {tag}[{pid}]: "
        else:
            head = f"<{priority}> {_stamp(message.time, 0)} {host} {tag}[{pid}]: "
        return head.encode() + message.text


def _address(options: dict[str, str]) -> Address | None:
    text = options.get("syslog-address", "")
    if not text:
        return None
    if "://" not in text:
        raise Invalid(f"syslog-address should be in form proto://address, got {text}")
    address = parse_address(text, schemes=SCHEMES, port=514, option="syslog-address")
    if address.path and not os.path.exists(address.path):
        raise Invalid(f"stat {address.path}: no such file or directory")
    return address


def _stamp(moment: int, digits: int) -> str:
    seconds, rest = divmod(moment, 1_000_000_000)
    fraction = f".{rest // 10 ** (9 - digits):0{digits}d}" if digits else ""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + fraction + "Z"


def _short(moment: int) -> str:
    local = time.localtime(moment // 1_000_000_000)
    return f"{time.strftime('%b', local)} {local.tm_mday:2d} {time.strftime('%H:%M:%S', local)}"
