"""Where a request comes from, by what trusted proxies say."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from wherry.errors import Invalid
from wherry.registry.server.origins import Origins

TRUSTED = ["10.0.0.0/8", "2001:db8::/64"]


def seen(peer: str, headers: dict[str, str], trusted: list[str] = TRUSTED) -> str | None:
    request = make_mocked_request("GET", "/v2/", headers=headers).clone(remote=peer)
    return Origins(trusted).seen(request).remote


@pytest.mark.parametrize(
    ("peer", "header", "value", "origin"),
    [
        ("192.0.2.1", "X-Forwarded-For", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.1", "X-Forwarded-For", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "X-Forwarded-For", "203.0.113.9, 198.51.100.1, 10.2.3.4", "198.51.100.1"),
        ("10.0.0.1", "X-Forwarded-For", "10.9.9.9, 10.2.3.4", "10.9.9.9"),
        ("10.0.0.1", "X-Forwarded-For", "198.51.100.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "X-Forwarded-For", "198.51.100.1:443", "198.51.100.1"),
        ("10.0.0.1", "X-Forwarded-For", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "X-Forwarded-For", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::5", "Forwarded", "for=198.51.100.1;by=x, For=10.0.0.3", "198.51.100.1"),
        ("10.0.0.1", "Forwarded", 'proto=https;for="[2001:db8:1::7]:80"', "2001:db8:1::7"),
        ("10.0.0.1", "Forwarded", "for=198.51.100.1, for=_hidden", "10.0.0.1"),
        ("10.0.0.1", "Forwarded", "for=198.51.100.1, for=unknown, for=10.1.1.1", "10.1.1.1"),
        ("10.0.0.1", "Forwarded", 'for="a, for=198.51.100.1"', "10.0.0.1"),
    ],
)
def test_only_what_trusted_proxies_wrote_counts(peer: str, header: str, value: str, origin: str) -> None:
    assert seen(peer, {header: value}) == origin


def test_nobody_is_trusted_unless_told() -> None:
    assert seen("10.0.0.1", {"X-Forwarded-For": "198.51.100.1"}, []) == "10.0.0.1"
    with pytest.raises(Invalid, match="trusted_proxies"):
        Origins(["everybody"])


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200))
def test_no_header_breaks_it(text: str) -> None:
    for header in ("Forwarded", "X-Forwarded-For"):
        assert seen("10.0.0.1", {header: text})
