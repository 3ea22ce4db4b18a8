"""Which proxy a request goes through."""

from __future__ import annotations

import pytest

from wherry.errors import Invalid
from wherry.registry.client.proxies import proxy_for


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://registry.example/v2/", "http://secure.lan:3128"),
        ("http://registry.example/v2/", "http://plain.lan"),
        ("https://near.example/v2/", None),
        ("https://deep.near.example:5000/v2/", None),
        ("https://10.1.2.3/v2/", None),
        ("https://11.1.2.3/v2/", "http://secure.lan:3128"),
        ("http://127.0.0.1:5000/v2/", None),
        ("http://localhost:5000/v2/", None),
    ],
)
def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://secure.lan:3128")
    monkeypatch.setenv("http_proxy", "plain.lan")
    monkeypatch.setenv("NO_PROXY", "near.example,10.0.0.0/8")
    assert proxy_for(url) == proxy


def test_a_kind_of_proxy_that_is_not_spoken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://lan:1080")
    with pytest.raises(Invalid, match="socks5"):
        proxy_for("https://registry.example/v2/")
