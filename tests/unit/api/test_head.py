"""Request heads: what is read, and what is refused rather than guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.api.http.head import BadRequest, decode_percent, parse_head, parse_query


def test_a_whole_head() -> None:
    head = parse_head(
        b"POST /v1.43/containers/a%20b/start?x=1&x=2&y=%2F+z HTTP/1.1\r\n"
        b"Host: docker\r\nX-Thing: one\r\nx-thing:  two\t\r\nContent-Length: 7"
    )
    assert head.method == "POST"
    assert head.path == "/v1.43/containers/a b/start"
    assert head.query == {"x": ["1", "2"], "y": ["/ z"]}
    assert head.headers["x-thing"] == "one, two"
    assert head.length == 7
    assert head.keep_alive


@pytest.mark.parametrize(
    ("extra", "length"),
    [(b"", 0), (b"Content-Length: 0", 0), (b"Content-Length: 12", 12), (b"Transfer-Encoding: Chunked", None)],
)
def test_the_length_of_the_body(extra: bytes, length: int | None) -> None:
    assert parse_head(b"GET / HTTP/1.1\r\n" + extra if extra else b"GET / HTTP/1.1").length == length


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"GET /", 400),
        (b"GET  HTTP/1.1", 400),
        (b"GET / HTTP/2.0", 505),
        (b"BREW / HTTP/1.1", 404),
        (b"GET / HTTP/1.1\r\nBad Name: x", 400),
        (b"GET / HTTP/1.1\r\nName : x", 400),
        (b"GET / HTTP/1.1\r\n folded: x", 400),
        (b"GET / HTTP/1.1\r\nA: b\nContent-Length: 5", 400),
        (b"GET / HTTP/1.1\r\nA: b\0", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: +1", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: 1_0", 400),
        (b"GET / HTTP/1.1\r\nContent-Length: -1", 400),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked", 501),
        (b"GET ../etc HTTP/1.1", 400),
    ],
)
def test_refused(raw: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_head(raw)
    assert caught.value.status == status


def test_keep_alive_depends_on_the_version() -> None:
    assert not parse_head(b"GET / HTTP/1.0").keep_alive
    assert parse_head(b"GET / HTTP/1.0\r\nConnection: keep-alive").keep_alive
    assert not parse_head(b"GET / HTTP/1.1\r\nConnection: close").keep_alive


def test_upgrade_needs_both_fields() -> None:
    assert parse_head(b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: TCP").upgrade == "tcp"
    assert parse_head(b"GET / HTTP/1.1\r\nUpgrade: tcp").upgrade == ""


def test_a_target_in_absolute_form() -> None:
    assert parse_head(b"GET http://docker/info?a=b HTTP/1.1").path == "/info"


def test_what_is_no_percent_code_stays() -> None:
    assert decode_percent(b"100%") == "100%"
    assert decode_percent(b"%zz%4") == "%zz%4"
    assert decode_percent(b"%+f%_1") == "%+f%_1"
    assert decode_percent(b"%C3%A4") == "ä"


@given(st.binary(max_size=400))
def test_any_bytes_are_a_head_or_a_bad_request(raw: bytes) -> None:
    try:
        parse_head(raw)
    except BadRequest:
        pass


@given(st.dictionaries(st.text(min_size=1), st.lists(st.text(), min_size=1, max_size=3), max_size=5))
def test_queries_come_back(query: dict[str, list[str]]) -> None:
    from urllib.parse import urlencode

    encodable = {k: v for k, v in query.items() if all(_encodable(t) for t in (k, *v))}
    assert parse_query(urlencode(encodable, doseq=True).encode()) == encodable


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
