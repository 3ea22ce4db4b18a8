"""The `fluentd` driver: Fluentd's forward protocol (mode "forward": many entries a message)."""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from wherry.errors import Invalid
from wherry.supervisor.logs.format import NAMES

from .destination import Address, Line, Sockets, parse_address, tls_context
from .messages import Message
from .options import truth
from .tags import About, extra, tag_of

OPTIONS = frozenset(
    (
        "fluentd-address",
        "fluentd-async",
        "fluentd-request-ack",
        "fluentd-sub-second-precision",
        # What they limit is not there to be limited: messages wait in the log file, and are tried for ever.
        "fluentd-async-reconnect-interval",
        "fluentd-buffer-limit",
        "fluentd-max-retries",
        "fluentd-retry-wait",
        "fluentd-read-timeout",
        "fluentd-write-timeout",
    )
)
SCHEMES = ("tcp", "tls", "unix")


def check(options: dict[str, str]) -> None:
    _address(options)
    for name in ("fluentd-async", "fluentd-request-ack", "fluentd-sub-second-precision"):
        truth(options, name)


class Destination:
    """See `destination.Destination`."""

    def __init__(self, about: About, options: dict[str, str], sockets: Sockets | None) -> None:
        address = _address(options)
        context = None
        if address.scheme == "tls":
            context = tls_context(ca="", certificate="", key="", verify=True)
        self._line = Line(address, sockets, context)
        self._tag = tag_of(about, options)
        self._exact = truth(options, "fluentd-sub-second-precision")
        self._acknowledged = truth(options, "fluentd-request-ack")
        self._common = {
            "container_id": about.id,
            "container_name": f"/{about.name}",
            **extra(about, options),
        }

    def connect(self) -> None:
        self._line.connect()

    def send(self, messages: Sequence[Message]) -> None:
        entries = [[self._moment(message.time), self._record(message)] for message in messages]
        option: dict[str, Any] = {"size": len(entries)}
        if self._acknowledged:
            option["chunk"] = base64.b64encode(os.urandom(16)).decode()
        self._line.sendall(msgspec.msgpack.encode([self._tag, entries, option]))
        if self._acknowledged:
            self._await_word(option["chunk"])

    def interrupt(self) -> None:
        self._line.interrupt()

    def close(self) -> None:
        self._line.drop()

    def _record(self, message: Message) -> dict[str, str]:
        record = {
            **self._common,
            "source": NAMES[message.stream].decode(),
            "log": message.text.decode("utf-8", "replace"),
        }
        return {**record, "partial_message": "true"} if message.partial else record

    def _moment(self, moment: int) -> int | msgspec.msgpack.Ext:
        seconds, rest = divmod(moment, 1_000_000_000)
        return msgspec.msgpack.Ext(0, struct.pack(">II", seconds, rest)) if self._exact else seconds

    def _await_word(self, chunk: str) -> None:
        said = self._line.sock.recv(4096)
        if not said:
            raise ConnectionResetError("fluentd closed the connection")
        try:
            answer = msgspec.msgpack.decode(said)
        except msgspec.DecodeError as error:
            raise ConnectionError(f"fluentd answered nonsense: {error}") from None
        if not isinstance(answer, dict) or answer.get("ack") != chunk:
            raise ConnectionError("fluentd acknowledged something else")


def _address(options: dict[str, str]) -> Address:
    text = options.get("fluentd-address", "") or "127.0.0.1:24224"
    address = parse_address(text, schemes=SCHEMES, port=24224, option="fluentd-address")
    if address.scheme == "unix" and not address.path.strip("/"):
        raise Invalid("unix path not provided in fluentd-address")
    return address
