"""The platform of an image beside the one that was asked for."""

from __future__ import annotations

import pytest

from wherry.engine.containers.platforms import check_platform
from wherry.errors import Invalid, NotFound
from wherry.oci.image_config import ImageConfig

AMD = ImageConfig(os="linux", architecture="amd64")


@pytest.mark.parametrize("asked", ["", "linux", "amd64", "linux/amd64", "linux/x86_64", "LINUX/AMD64"])
def test_what_fits(asked: str) -> None:
    assert check_platform(asked, AMD, "box", "amd64") == []


@pytest.mark.parametrize("asked", ["linux/arm64", "arm64", "windows/amd64", "linux/arm64/v8", "nonsense"])
def test_another_than_was_asked_for_is_not_found(asked: str) -> None:
    with pytest.raises(NotFound, match=r"platform \(linux/amd64\) does not match the specified platform"):
        check_platform(asked, AMD, "box", "amd64")


def test_there_is_only_one_that_is_built_in() -> None:
    with pytest.raises(Invalid, match="image host is built in, for linux/amd64 alone"):
        check_platform("linux/arm64", AMD, "host", "amd64", built_in=True)
    assert check_platform("linux/amd64", AMD, "host", "amd64", built_in=True) == []


def test_another_than_this_machines_is_warned_of_unless_asked_for() -> None:
    (warning,) = check_platform("", AMD, "box", "arm64")
    assert "does not match the detected host platform (linux/arm64)" in warning
    assert check_platform("linux/amd64", AMD, "box", "arm64") == []


def test_an_image_that_does_not_say() -> None:
    assert check_platform("", ImageConfig(), "box", "amd64") == []
