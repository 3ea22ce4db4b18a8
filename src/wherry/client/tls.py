"""What a client's TLS connection is made with."""

from __future__ import annotations

from typing import NamedTuple


class Tls(NamedTuple):
    """Paths of PEM files, "" for none."""

    authority: str = ""
    """Who must have signed the engine's certificate; "" for those that the machine trusts."""
    certificate: str = ""
    key: str = ""
    verify: bool = True
