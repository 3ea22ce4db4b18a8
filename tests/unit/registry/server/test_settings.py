"""The registry's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from wherry.errors import Invalid
from wherry.registry.server import quantities
from wherry.registry.server.access import EVERYTHING, caller
from wherry.registry.server.settings import read


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "registry.toml"
    path.write_text(text)
    return str(path)


def test_flags_are_laid_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'listen = ":1"\nworkers = 3\n[accounts]\nhtpasswd = "a"\ntoken_life = "1m"\n')
    settings = read(path, {"listen": "127.0.0.1:2", "accounts": {"htpasswd": "b"}})
    assert settings.address() == ("127.0.0.1", 2)
    assert settings.workers == 3
    assert (settings.accounts.htpasswd, settings.accounts.token_life) == ("b", "1m")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listen = 5", "Expected `str`, got `int`"),
        ("lsten = ':5'", "unknown field `lsten`"),
        ("listen = 'x'", "invalid address"),
        ("listen = ':99999'", "invalid address"),
        ("[[grant]]\nwho = 'a'\nrights = ['rule']", "no such right: rule"),
        ("[[grant]]\nrights = ['pull']", "missing required field `who`"),
        ("[[quota]]\nsize = 'much'", "invalid size 'much'"),
        ("[[retention]]\nolder = 'long'", "invalid duration 'long'"),
        ("[[retention]]\ntags = '*'", "would delete everything"),
        ("[collection]\ngrace = '1y'", "invalid duration"),
        ("not toml", "can't use"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(written(tmp_path, text), {})
    assert said in caught.value.message


def test_without_accounts_everybody_may_do_everything_with_them_only_they() -> None:
    assert caller("", read("", {}).grants()).may("any/thing", "delete")
    closed = read("", {"accounts": {"htpasswd": "x"}}).grants()
    assert not caller("", closed).may("any/thing", "pull")
    assert all(caller("alice", closed).may("any/thing", right) for right in EVERYTHING)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("10", 10), ("1kB", 1000), ("1.5GiB", 3 << 29), ("2 MB", 2_000_000), ("1t", 10**12)],
)
def test_sizes(text: str, size: int) -> None:
    assert quantities.size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5h", 5400), ("30d", 2_592_000), ("2w", 1_209_600)]
)
def test_durations(text: str, seconds: float) -> None:
    assert quantities.seconds(text) == seconds
