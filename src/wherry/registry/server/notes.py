"""What is found out about a request while it is answered: for the counters and the audit log."""

from __future__ import annotations

from wherry.registry.server.access import Caller
from wherry.registry.server.audit import Deed


class Notes:
    """`kind` is what was asked about, `sent` and `received` are bytes of blobs and manifests.

    `stalled` is whether the client was given up while its body was waited for.
    """

    __slots__ = ("caller", "deed", "kind", "received", "sent", "stalled")

    def __init__(self, kind: str = "", deed: Deed | None = None) -> None:
        self.kind = kind
        self.deed = deed
        self.caller = Caller("", ())
        self.received = 0
        self.sent = 0
        self.stalled = False
