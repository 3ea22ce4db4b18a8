"""The certificate that a registry shows, taken anew when its files change: connections go on meanwhile."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl

from wherry.errors import Invalid
from wherry.registry.server.settings import Tls

_LOG = logging.getLogger("registry")
_LOOK = 5.0  # seconds


class Certificates:
    """One certificate chain and its key."""

    def __init__(self, told: Tls) -> None:
        """Raises Invalid for files that can't be used."""
        self._told = told
        self._read = self._changed()
        self.context = self._load()

    def renew(self) -> None:
        """Use what the files hold now, for connections to come; when that can't be used, what was before."""
        now = self._changed()
        if now == self._read:
            return
        self._read = now
        try:
            self._load()  # first beside: half a change would leave a chain without its key
            self.context.load_cert_chain(self._told.cert, self._told.key)
        except (Invalid, OSError) as error:
            _LOG.warning("%s; the one before is used on", error)
            return
        _LOG.warning("the certificate %s has changed and is used from now on", self._told.cert)

    async def watch(self) -> None:
        """Renew whenever the files have changed. Ends when cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            self.renew()

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._told.cert, self._told.key)
        except OSError as error:
            raise Invalid(f"can't use the certificate {self._told.cert}: {error}") from error
        return context

    def _changed(self) -> tuple[tuple[int, int], ...]:
        found = []
        for path in (self._told.cert, self._told.key):
            try:
                status = os.stat(path)
                found.append((status.st_ino, status.st_mtime_ns))
            except OSError:
                found.append((0, 0))
        return tuple(found)
