"""What the registry client decides without a network: challenges, hosts, platforms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.errors import Invalid
from wherry.oci.manifest import Descriptor, Platform
from wherry.registry.client.challenge import Challenge, parse_challenges
from wherry.registry.client.hosts import Hosts
from wherry.registry.client.platforms import choose, parse_platform


def test_challenges_are_read_with_quotes_and_several_schemes() -> None:
    header = 'Bearer realm="https://auth.example/token",service="r, \\"1\\"",scope=a:b, Basic realm="x"'
    assert parse_challenges(header) == [
        Challenge("bearer", {"realm": "https://auth.example/token", "service": 'r, "1"', "scope": "a:b"}),
        Challenge("basic", {"realm": "x"}),
    ]


@given(st.text(max_size=200))
def test_no_header_breaks_the_reader(header: str) -> None:
    parse_challenges(header)


def test_mirrors_come_first_and_only_for_their_registry() -> None:
    hosts = Hosts([{"mirrors": ["https://m.example/hub"], "insecure": ["lan:5000"]}])
    assert [one.base for one in hosts.places("docker.io")] == [
        "https://m.example/hub",
        "https://registry-1.docker.io",
    ]
    assert [one.mirror for one in hosts.places("docker.io")] == [True, False]
    assert [one.base for one in hosts.places("quay.example")] == ["https://quay.example"]


@pytest.mark.parametrize(
    ("host", "plain", "verified"),
    [
        ("localhost:5000", True, True),
        ("127.0.0.1:5000", True, True),
        ("[::1]:5000", True, True),
        ("lan:5000", True, False),
        ("10.1.2.3:5000", True, False),
        ("registry.example", False, True),
    ],
)
def test_plain_http_is_for_loopback_and_what_is_listed(host: str, plain: bool, verified: bool) -> None:
    origin = Hosts([{"insecure": ["lan:5000", "10.0.0.0/8"]}]).origin(host)
    assert (origin.plain, origin.verify) == (plain, verified)


def test_settings_that_are_no_lists_are_refused() -> None:
    with pytest.raises(Invalid, match="must be a list of strings"):
        Hosts([{"mirrors": "https://m.example"}]).places("docker.io")


def _manifest(architecture: str, variant: str = "", system: str = "linux") -> Descriptor:
    platform = Platform(architecture=architecture, os=system, variant=variant)
    return Descriptor(
        "application/vnd.oci.image.manifest.v1+json", f"sha256:{'0' * 64}", 1, platform=platform
    )


@pytest.mark.parametrize(
    ("wanted", "offered", "chosen"),
    [
        ("linux/amd64", [("arm64", "v8"), ("amd64", "")], ("amd64", "")),
        ("linux/arm64", [("arm64", "v8"), ("amd64", "")], ("arm64", "v8")),
        ("arm", [("arm", "v5"), ("arm", "v6"), ("arm64", "v8")], ("arm", "v6")),
        ("linux/arm/v6", [("arm", "v7"), ("arm", "v5")], ("arm", "v5")),
        ("linux/amd64", [("unknown", "")], None),
        ("linux/s390x", [("amd64", "")], None),
    ],
)
def test_the_best_manifest_for_a_platform(
    wanted: str, offered: list[tuple[str, str]], chosen: tuple[str, str] | None
) -> None:
    found = choose([_manifest(*one) for one in offered], parse_platform(wanted))
    got = (found.platform.architecture, found.platform.variant) if found and found.platform else None
    assert got == chosen


def test_a_platform_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="unknown operating system or architecture"):
        parse_platform("linux/amd64/v1/more")
