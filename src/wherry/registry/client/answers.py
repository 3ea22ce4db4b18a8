"""What a registry's answers say: the error that a status stands for, how long to wait before another try."""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from urllib.parse import urlsplit

import aiohttp
import msgspec

from wherry.errors import Forbidden, Internal, Invalid, NotFound, Unauthorized, Unavailable, WherryError

# whatever the connection did, short of an answer
BROKEN = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)

_LARGEST_ERROR = 1 << 16
_KINDS: dict[int, type[WherryError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    413: Invalid,
    416: Invalid,
    507: Internal,  # full: no try of ours makes room there
}


async def whole(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body. Raises Invalid when it is longer than `limit` bytes, and what the connection does."""
    pieces, size = [], 0
    async for piece in response.content.iter_chunked(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise Invalid(f"{shown(str(response.url))} answers with more than {limit} bytes")
    return b"".join(pieces)


async def error_of(response: aiohttp.ClientResponse) -> WherryError:
    """The error that an answer stands for, in the registry's own words."""
    code, said = "", ""
    try:
        body = msgspec.json.decode(await whole(response, _LARGEST_ERROR))
        first = body["errors"][0]
        code, said = str(first.get("code", "")), str(first.get("message", ""))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Invalid):
        pass
    except (KeyError, IndexError, TypeError, AttributeError, *BROKEN):
        pass
    said = "".join(letter for letter in said if letter.isprintable())[:500]
    words = ": ".join(part for part in (code.lower().replace("_", " ")[:60], said) if part)
    where = f"{response.method} {shown(str(response.url))}"
    text = f"{words or response.reason or 'no reason given'} ({where}: {response.status})"
    if response.status == 429:
        return Unavailable(
            f"the registry asks to slow down: {text}", hint="wait, or log in for a higher limit"
        )
    if response.status in _KINDS:
        return _KINDS[response.status](text)
    return Unavailable(text) if response.status >= 500 else Internal(text)


def pause_before(attempt: int) -> float:
    """Seconds before try number `attempt` + 1 (from 0): growing, and not the same for everyone."""
    return min(0.25 * 2.0**attempt, 8.0) * random.uniform(0.75, 1.25)


def wanted_pause(response: aiohttp.ClientResponse, attempt: int) -> float:
    """Seconds to wait before the next try: what Retry-After says, else our own measure."""
    wanted = response.headers.get("Retry-After", "").strip()
    if wanted.isascii() and wanted.isdigit():
        return float(wanted[:12])
    if wanted:
        try:
            moment = email.utils.parsedate_to_datetime(wanted).timestamp()
            return max(0.0, moment - time.time())
        except (ValueError, OverflowError):
            pass
    return pause_before(attempt)


def shown(url: str) -> str:
    """A URL without what may be secret in it: user information and query."""
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
