"""What is found out about a request while it is answered: for the counters and the audit log."""

from __future__ import annotations

from wherry.registry.server.access import Caller
from wherry.registry.server.audit import Deed


class Notes:
    """`kind` is what was asked about, `sent` and `received` are bytes of blobs and manifests."""

    __slots__ = ("caller", "deed", "kind", "received", "sent")

    def __init__(self, kind: str = "", deed: Deed | None = None) -> None:
        self.kind = kind
        self.deed = deed
        self.caller = Caller("", ())
        self.received = 0
        self.sent = 0
