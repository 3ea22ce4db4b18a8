"""Why a registry was not reached, in the words that Docker has for it."""

from __future__ import annotations

import os
import re

import aiohttp

from wherry.errors import Unavailable, WherryError

_ERRNO = re.compile(r"\[Errno (\d+)\]")


def unreachable(url: str, error: BaseException) -> WherryError:
    """The error for a request to `url` that got no answer."""
    hint = "is the name right, and is the registry running?"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        hint = "give its certificate as `ca` in registries.toml, or list it under `insecure`"
    return Unavailable(f'Get "{url}": {_why(error)}', hint=hint)


def _why(error: BaseException) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"dial tcp: lookup {error.host}: no such host"
        case aiohttp.ClientConnectorCertificateError():
            cause = error.certificate_error
            return f"its certificate is not trusted: {getattr(cause, 'verify_message', '') or cause}"
        case aiohttp.ClientConnectorSSLError():
            return f"tls: {getattr(error.os_error, 'reason', '') or error.os_error}"
        case aiohttp.ClientConnectorError():
            through = "proxyconnect tcp: " if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
            host = f"[{error.host}]" if ":" in error.host else error.host
            return f"{through}dial tcp {host}:{error.port}: connect: {_of_system(error.os_error)}"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy answers {error.status} {error.message}".rstrip()
        case TimeoutError():
            return "it did not answer in time"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed without an answer"
    return str(error) or type(error).__name__


def _of_system(error: OSError) -> str:
    """The system's words for it; of several addresses that failed, those for the first."""
    number = error.errno or next((int(one) for one in _ERRNO.findall(str(error))), 0)
    return os.strerror(number).lower() if number else str(error)
