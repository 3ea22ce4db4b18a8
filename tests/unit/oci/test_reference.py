"""References: Docker's rules for what may be left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.errors import Invalid
from wherry.oci import looks_like_id, parse_reference

_DIGEST = "sha256:" + "a1" * 32


@pytest.mark.parametrize(
    ("text", "canonical", "familiar"),
    [
        ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
        ("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("index.docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
        ("me/app:v1", "docker.io/me/app:v1", "me/app:v1"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"),
        ("ghcr.io/a/b/c:x", "ghcr.io/a/b/c:x", "ghcr.io/a/b/c:x"),
        ("Uppercase/app", "Uppercase/app:latest", "Uppercase/app:latest"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        (f"busybox@{_DIGEST}", f"docker.io/library/busybox@{_DIGEST}", f"busybox@{_DIGEST}"),
        (f"a/b:c@{_DIGEST}", f"docker.io/a/b:c@{_DIGEST}", f"a/b:c@{_DIGEST}"),
        ("a__b/c.d-e", "docker.io/a__b/c.d-e:latest", "a__b/c.d-e:latest"),
        ("library/app/deep", "docker.io/library/app/deep:latest", "library/app/deep:latest"),
    ],
)
def test_a_reference_is_normalised_and_shortened(text: str, canonical: str, familiar: str) -> None:
    reference = parse_reference(text).tagged
    assert str(reference) == canonical
    assert reference.familiar == familiar
    assert parse_reference(familiar).tagged == reference


@pytest.mark.parametrize(
    "text",
    ["", ":", "a:", "a@", "-a", "a/", "/a", "a//b", "a:b:c", "a..b", "a:-x", "busybox@sha256:abc", "a b",
     "a/../b", "http://x/y", "a" * 256, "x:" + "t" * 129, "ex_ample.com/x"],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_reference(text)


def test_refusals_use_docker_s_words() -> None:
    with pytest.raises(Invalid, match="invalid reference format"):
        parse_reference("a//b")
    with pytest.raises(Invalid, match=r"repository name \(library/BusyBox\) must be lowercase"):
        parse_reference("BusyBox")
    with pytest.raises(Invalid, match="cannot specify 64-byte hexadecimal strings"):
        parse_reference("ab" * 32)


def test_the_tag_beside_a_digest_is_kept_for_show() -> None:
    reference = parse_reference(f"busybox:1@{_DIGEST}")
    assert (reference.tag, reference.digest) == ("1", _DIGEST)


def test_ids_and_their_beginnings() -> None:
    assert looks_like_id("abc123")
    assert looks_like_id("sha256:" + "0" * 64)
    assert not looks_like_id("busybox")
    assert not looks_like_id("ABC")


_component = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-)[a-z0-9]{1,4}){0,2}", fullmatch=True)


@given(
    domain=st.sampled_from(["docker.io", "ghcr.io", "localhost", "r.example:5000", "10.0.0.1:80"]),
    path=st.lists(_component, min_size=1, max_size=3).map("/".join),
    tag=st.sampled_from(["", "latest", "v1.2_3-x"]),
    digest=st.sampled_from(["", _DIGEST]),
)
def test_writing_and_reading_give_the_same_reference(domain: str, path: str, tag: str, digest: str) -> None:
    text = f"{domain}/{path}" + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    reference = parse_reference(text)
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.familiar) == reference
