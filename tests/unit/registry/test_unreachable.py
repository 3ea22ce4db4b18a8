"""What is said of a registry that was not reached."""

from __future__ import annotations

import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey

from wherry.registry.client.unreachable import unreachable

KEY = ConnectionKey("registry.example", 443, True, True, None, None, None)
REFUSED = ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 443)")
SEVERAL = OSError(
    "Multiple exceptions: [Errno 101] Connect call failed ('::1', 443), [Errno 111] Connect call failed"
)

UNTRUSTED = ssl.SSLCertVerificationError(1, "[SSL] certificate verify failed")
UNTRUSTED.verify_message = "unable to get issuer"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            aiohttp.ClientConnectorError(KEY, REFUSED),
            "dial tcp registry.example:443: connect: connection refused",
        ),
        (
            aiohttp.ClientConnectorError(KEY, SEVERAL),
            "dial tcp registry.example:443: connect: network is unreachable",
        ),
        (
            aiohttp.ClientProxyConnectionError(KEY, REFUSED),
            "proxyconnect tcp: dial tcp registry.example:443: connect: connection refused",
        ),
        (
            aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "Name or service not known")),
            "dial tcp: lookup registry.example: no such host",
        ),
        (
            aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "[SSL] wrong version number (_ssl.c:1)")),
            "tls: [SSL] wrong version number",
        ),
        (
            aiohttp.ClientConnectorCertificateError(KEY, UNTRUSTED),
            "its certificate is not trusted: unable to get issuer",
        ),
        (TimeoutError(), "it did not answer in time"),
        (aiohttp.ServerDisconnectedError(), "the connection was closed without an answer"),
        (aiohttp.ClientPayloadError("cut"), "cut"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_the_words_are_dockers_and_have_nothing_of_the_library(error: Exception, said: str) -> None:
    message = unreachable("https://registry.example/v2/", error).message
    assert message.startswith(f'Get "https://registry.example/v2/": {said}')
    assert "SSLContext" not in message and "ssl:" not in message
