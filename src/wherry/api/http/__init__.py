"""A small HTTP/1.1 server on sockets that stay ours.

aiohttp would do, but importing it costs about 150 ms of the first command's time (this package: 6 ms over
asyncio), and an attach must take the connection's socket away from the server and give it to the supervisor.
So a connection here owns its socket, and a handler may take it.

    Listener ── accepts, checks the peer ── Connection ── one request at a time ── handler
"""

from wherry.api.http.connection import Connection
from wherry.api.http.head import BadRequest, Head, parse_head
from wherry.api.http.listener import Listener
from wherry.api.http.request import Request
from wherry.api.http.response import Response, ResponseStream

__all__ = [
    "BadRequest",
    "Connection",
    "Head",
    "Listener",
    "Request",
    "Response",
    "ResponseStream",
    "parse_head",
]
