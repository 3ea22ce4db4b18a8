"""Queries, addresses, and an engine's errors as exceptions of a kind."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qs, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry import errors
from wherry.client.address import chosen_address, parse_address
from wherry.client.api import Client, escape, failure, query


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escape(text: str) -> None:
    assert unquote(escape(text)) == text
    assert escape(text).isascii()


def test_query() -> None:
    assert query(a=True, b=False, c=None, d="", e="x y&z", f={"k": ["v"]}, g=0) == (
        "?a=1&e=x%20y%26z&f=%7B%22k%22:%5B%22v%22%5D%7D&g=0"
    )
    assert query() == ""
    assert parse_qs(query(a="1=2&3")[1:]) == {"a": ["1=2&3"]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("unix:///run/x.sock", "unix:///run/x.sock"),
        ("/run/x.sock", "unix:///run/x.sock"),
        ("tcp://1.2.3.4:2375", "tcp://1.2.3.4:2375"),
        ("1.2.3.4:2375", "tcp://1.2.3.4:2375"),
        ("ssh://me@host:22", "ssh://me@host:22"),
    ],
)
def test_addresses(text: str, shown: str) -> None:
    assert str(parse_address(text)) == shown


@pytest.mark.parametrize("text", ["ftp://x", "unix://", "ssh://", "ssh://-oProxyCommand=x", "://"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(errors.Invalid, match="unable to parse engine host"):
        parse_address(text)


def test_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WHERRY_HOME", os.fspath(tmp_path))
    monkeypatch.delenv("WHERRY_HOST", raising=False)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    own = chosen_address()
    assert own.own
    assert own.target == f"{tmp_path}/run/wherry.sock"
    monkeypatch.setenv("DOCKER_HOST", "tcp://docker:1")
    assert str(chosen_address()) == "tcp://docker:1"
    monkeypatch.setenv("WHERRY_HOST", "tcp://wherry:1")
    assert str(chosen_address()) == "tcp://wherry:1"
    assert str(chosen_address("tcp://flag:1")) == "tcp://flag:1"
    assert chosen_address(f"unix://{tmp_path}/run/wherry.sock").own


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable, match="cannot connect to the engine at unix://") as error:
        Client(f"unix://{tmp_path}/none.sock").get("/version")
    assert error.value.hint


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (304, errors.NotModified),
        (400, errors.Invalid),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (422, errors.Invalid),
        (500, errors.Internal),
        (501, errors.Unsupported),
        (503, errors.Unavailable),
    ],
)
def test_failure(status: int, kind: type[errors.WherryError]) -> None:
    found = failure(status, b'{"message":"No such container: x","hint":"look"}')
    assert type(found) is kind
    assert (found.message, found.hint) == ("No such container: x", "look")
    assert failure(status, b"plain text\n").message == "plain text"
    assert str(status) in failure(status, b"").message
