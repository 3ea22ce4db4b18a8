"""The head of a request: RFC 9112's request line and fields, read strictly.

Pure: bytes in, a value out. What is ambiguous between two readers (both a length and chunks, a space before a
colon, a line folded or ended by a bare newline) is refused rather than guessed.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_HEAD = 256 * 1024
"""Bytes; filters and registry credentials travel in it, so it is generous."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class BadRequest(Exception):
    """The bytes are no acceptable HTTP request; `status` is the answer, after which the connection closes."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Head(NamedTuple):
    """A request without its body. Field names are lower case; repeated fields are joined by a comma."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    http_1_0: bool
    length: int | None
    """Bytes of body that follow; None when it comes in chunks."""

    @property
    def keep_alive(self) -> bool:
        connection = self.headers.get("connection", "").lower()
        return "keep-alive" in connection if self.http_1_0 else "close" not in connection

    @property
    def upgrade(self) -> str:
        """The protocol that the client wants to switch to, lower case, or ""."""
        if "upgrade" not in self.headers.get("connection", "").lower():
            return ""
        return self.headers.get("upgrade", "").strip().lower()


def parse_head(data: bytes) -> Head:
    """Read one head, without its closing empty line. Raises BadRequest."""
    request_line, *lines = data.split(b"\r\n")
    parts = request_line.split(b" ")
    if len(parts) != 3 or not parts[1]:
        raise BadRequest("malformed request line")
    method, target, version = parts
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise BadRequest("unsupported HTTP version", 505)
    name = method.decode("latin-1")
    if name not in METHODS:
        raise BadRequest("page not found", 404)  # as Docker answers; what its body would be is not known
    headers: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(b":")
        if (
            not colon
            or not key
            or not _TOKEN.issuperset(key)
            or b"\n" in value
            or b"\r" in value
            or b"\0" in value
        ):
            raise BadRequest("malformed header field")
        field = key.decode("latin-1").lower()
        text = value.strip(b" \t").decode("utf-8", "replace")
        if field in headers:
            if field in ("content-length", "transfer-encoding", "host"):
                raise BadRequest(f"repeated {field} header field")
            text = f"{headers[field]}, {text}"
        headers[field] = text
    path, _, query = target.partition(b"?")
    if not path.startswith(b"/"):
        path = _path_of_absolute(path)
    return Head(
        method=name,
        path=decode_percent(path),
        query=parse_query(query),
        headers=headers,
        http_1_0=version == b"HTTP/1.0",
        length=_body_length(headers),
    )


def _path_of_absolute(target: bytes) -> bytes:
    """The path of a target in absolute form, `http://host/path` (RFC 9112 section 3.2.2)."""
    scheme, separator, rest = target.partition(b"://")
    if not separator or scheme.lower() not in (b"http", b"https"):
        raise BadRequest("malformed request target")
    return b"/" + rest.partition(b"/")[2]


def _body_length(headers: dict[str, str]) -> int | None:
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is not None:
        if length is not None:
            raise BadRequest("both content-length and transfer-encoding")
        if coding.lower() != "chunked":
            raise BadRequest("unsupported transfer encoding", 501)
        return None
    if length is None:
        return 0
    if not length.isascii() or not length.isdigit() or len(length) > 18:
        raise BadRequest("malformed content-length")
    return int(length)


def decode_percent(raw: bytes) -> str:
    """Undo percent encoding; what is not two hexadecimal digits stays as it is."""
    if b"%" not in raw:
        return raw.decode("utf-8", "replace")
    first, *rest = raw.split(b"%")
    decoded = [first]
    for part in rest:
        try:
            decoded.append(bytes((_hex(part[:2]),)) + part[2:])
        except ValueError:
            decoded.append(b"%" + part)
    return b"".join(decoded).decode("utf-8", "replace")


def _hex(digits: bytes) -> int:
    if len(digits) != 2 or not digits.isalnum():  # int() alone takes "+f" and "_" too
        raise ValueError(digits)
    return int(digits, 16)


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """Names to all their values in order, as `application/x-www-form-urlencoded` has them."""
    query: dict[str, list[str]] = {}
    for pair in raw.split(b"&"):
        if pair:
            name, _, value = pair.replace(b"+", b" ").partition(b"=")
            query.setdefault(decode_percent(name), []).append(decode_percent(value))
    return query
