"""API versions in paths, in Docker's words."""

from __future__ import annotations

import pytest

from wherry.api.versions import split
from wherry.errors import Invalid


@pytest.mark.parametrize(
    ("path", "version", "rest"),
    [
        ("/info", (1, 51), "/info"),
        ("/v1.24/info", (1, 24), "/info"),
        ("/v1.51/images/v1.9/json", (1, 51), "/images/v1.9/json"),
        ("/version", (1, 51), "/version"),
        ("/volumes", (1, 51), "/volumes"),
        ("/v1.43", (1, 51), "/v1.43"),
        ("/v1.x/info", (1, 51), "/v1.x/info"),
    ],
)
def test_split(path: str, version: tuple[int, int], rest: str) -> None:
    assert split(path) == (version, rest)


def test_too_new_and_too_old() -> None:
    with pytest.raises(Invalid) as caught:
        split("/v1.52/info")
    assert caught.value.message == "client version 1.52 is too new. Maximum supported API version is 1.51"
    with pytest.raises(Invalid) as caught:
        split("/v1.9/info")
    assert caught.value.message == (
        "client version 1.9 is too old. Minimum supported API version is 1.24, "
        "please upgrade your client to a newer version"
    )
