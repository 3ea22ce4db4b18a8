"""Whoever can reach a registry of ours: rights, tokens, passwords, names (security.md, "our registry")."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.integration.registry.server.conftest import Serve, Talk, digest_of, manifest_of
from wherry.errors import Invalid
from wherry.registry.server.identity.accounts import parse, set_password

RIGHTS = """
[[grant]]
repositories = "public/*"
who = "*"
rights = ["pull"]
[[grant]]
repositories = "team/*"
who = "alice"
rights = ["pull", "push", "delete", "overwrite", "catalog"]
[[grant]]
repositories = "public/*"
who = "alice"
rights = ["push", "overwrite"]
[[grant]]
repositories = "team/*"
who = "bob"
rights = ["pull", "push"]
[[grant]]
repositories = "bob/*"
who = "bob"
rights = ["pull", "push"]
"""


@pytest.fixture
async def closed(serve: Serve, tmp_path: Path) -> Talk:
    """A registry with two accounts and public repositories; asked as nobody."""
    path = str(tmp_path / "htpasswd")
    set_password(path, "alice", "wonder")
    set_password(path, "bob", "builder")
    return await serve(
        f'[accounts]\nhtpasswd = "{path}"\n[audit]\npath = "{tmp_path}/audit"\npulls = true\n'
        f"[limits]\nwrong_passwords = 5\n{RIGHTS}"
    )


async def token(registry: Talk, *scopes: str, offline: str = "") -> dict[str, Any]:
    query = "&".join(f"scope={scope}" for scope in scopes)
    path = f"/token?service=wherry-registry&{query}&offline_token={offline}"
    status, _, body = await registry.ask("GET", path)
    assert status == 200, body
    return dict(body)


def codes(body: Any) -> list[str]:
    return [error["code"] for error in body["errors"]]


async def test_nobody_in_particular_pulls_what_is_public_and_nothing_else(closed: Talk) -> None:
    alice = closed.as_account("alice", "wonder")
    for name in ("public/one", "team/one"):
        assert (await alice.image(name, "1", b"layer"))[0] == 201
    assert (await closed.ask("GET", "/v2/public/one/manifests/1"))[0] == 200
    assert (await closed.ask("GET", f"/v2/public/one/blobs/{digest_of(b'layer')}"))[2] == b"layer"
    status, headers, body = await closed.ask("GET", "/v2/team/one/manifests/1")
    assert (status, codes(body)) == (401, ["UNAUTHORIZED"])
    assert 'scope="repository:team/one:pull"' in headers["WWW-Authenticate"]
    assert (await closed.ask("POST", "/v2/public/one/blobs/uploads/"))[0] == 401
    assert (await closed.ask("GET", "/v2/_catalog"))[0] == 401
    assert (await closed.ask("GET", "/v2/"))[0] == 401


async def test_the_same_with_a_token_for_nobody(closed: Talk) -> None:
    alice = closed.as_account("alice", "wonder")
    for name in ("public/one", "team/one"):
        assert (await alice.image(name, "1", b"layer"))[0] == 201
    said = await token(closed, "repository:public/one:pull,push", "repository:team/one:pull")
    bearer = closed.with_token(said["token"])
    assert (await bearer.ask("GET", "/v2/"))[0] == 200
    assert (await bearer.ask("GET", "/v2/public/one/manifests/1"))[0] == 200
    assert (await bearer.ask("GET", "/v2/team/one/manifests/1"))[0] == 401
    assert (await bearer.ask("POST", "/v2/public/one/blobs/uploads/"))[0] == 401


async def test_a_token_is_good_for_its_scope_alone(closed: Talk) -> None:
    alice = closed.as_account("alice", "wonder")
    assert (await alice.image("team/one", "1", b"layer"))[0] == 201
    said = await token(alice, "repository:team/one:pull")
    bearer = closed.with_token(said["token"])
    assert (await bearer.ask("GET", "/v2/team/one/manifests/1"))[0] == 200
    status, headers, _ = await bearer.ask("POST", "/v2/team/one/blobs/uploads/")
    assert status == 401
    assert 'error="insufficient_scope"' in headers["WWW-Authenticate"]
    assert (await bearer.ask("GET", "/v2/team/two/tags/list"))[0] == 401


async def test_tokens_give_no_more_than_the_account_has(closed: Talk) -> None:
    bob = closed.as_account("bob", "builder")
    said = await token(bob, "repository:public/one:push", "repository:team/one:*", "registry:catalog:*")
    claims = jwt.decode(said["token"], options={"verify_signature": False})
    assert claims["access"] == [{"type": "repository", "name": "team/one", "actions": ["pull", "push"]}]


async def test_cve_2025_24976_a_token_never_says_which_key_to_trust(closed: Talk, tmp_path: Path) -> None:
    own = b"k" * 64
    now = int(time.time())
    claims = {
        "iss": "wherry-registry",
        "sub": "alice",
        "aud": "wherry-registry",
        "exp": now + 600,
        "access": [{"type": "repository", "name": "team/one", "actions": ["*"]}],
    }
    key = {"kty": "oct", "k": base64.urlsafe_b64encode(own).rstrip(b"=").decode()}
    forged = [
        jwt.encode(claims, own, algorithm="HS256", headers={"jwk": key, "kid": "1"}),
        jwt.encode(claims, own, algorithm="HS256", headers={"x5c": ["MIIB"], "kid": str(tmp_path)}),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode({**claims, "aud": "another"}, own, algorithm="HS256"),
        "a.b.c",
        "x" * 100_000,
    ]
    for one in forged:
        status, _, _ = await closed.with_token(one[:8000]).ask("GET", "/v2/team/one/tags/list")
        assert status == 401, one[:100]
    real = (tmp_path / "registry" / "token.key").read_bytes()
    for change in ({"exp": now - 60}, {"aud": "other"}, {"iss": "other"}, {"sub": "mallory"}):
        signed = jwt.encode({**claims, **change}, real, algorithm="HS256")
        assert (await closed.with_token(signed).ask("GET", "/v2/team/one/tags/list"))[0] == 401, change
    for name in ("exp", "aud", "iss"):
        less = {key: value for key, value in claims.items() if key != name}
        signed = jwt.encode(less, real, algorithm="HS256")
        assert (await closed.with_token(signed).ask("GET", "/v2/team/one/tags/list"))[0] == 401, name
    assert (tmp_path / "registry" / "token.key").stat().st_mode & 0o777 == 0o600


async def test_cve_2026_31801_a_tag_is_not_overwritten_without_the_right(closed: Talk) -> None:
    bob, alice = closed.as_account("bob", "builder"), closed.as_account("alice", "wonder")
    status, digest = await bob.image("team/one", "1", b"first")
    assert status == 201
    assert (await bob.image("team/one", "1", b"first"))[0] == 201  # the same again changes nothing
    status, _ = await bob.image("team/one", "1", b"second")
    assert status == 403
    said = await token(bob, "repository:team/one:pull,push")
    assert (await closed.with_token(said["token"]).image("team/one", "1", b"third"))[0] == 403
    _, headers, _ = await bob.ask("GET", "/v2/team/one/manifests/1")
    assert headers["Docker-Content-Digest"] == digest
    assert (await bob.ask("DELETE", "/v2/team/one/manifests/1"))[0] == 403
    assert (await alice.image("team/one", "1", b"second"))[0] == 201


async def test_cve_2024_39897_mounting_needs_the_right_to_read_the_source(closed: Talk) -> None:
    alice, bob = closed.as_account("alice", "wonder"), closed.as_account("bob", "builder")
    assert await alice.blob("team/secret", b"secret") == 201
    mount = f"/v2/bob/one/blobs/uploads/?mount={digest_of(b'secret')}&from="
    assert (await bob.ask("POST", mount + "team/secret"))[0] == 201  # bob may read team/*
    said = await token(bob, "repository:bob/two:pull,push")
    bearer = closed.with_token(said["token"])
    mount = mount.replace("bob/one", "bob/two")
    for source in ("team/secret", "team/none", ""):
        status, _, _ = await bearer.ask("POST", mount + source)
        assert status == 202, source  # an upload like any other: not told whether it is there
    assert (await bearer.ask("HEAD", f"/v2/bob/two/blobs/{digest_of(b'secret')}"))[0] == 404
    # nor by naming it in a manifest
    config = b"{}"
    assert await bearer.blob("bob/two", config) == 201
    status, _, body = await bearer.put("bob/two", "1", manifest_of(config, b"secret"))
    assert (status, codes(body)) == (404, ["MANIFEST_BLOB_UNKNOWN"])


async def test_cve_2023_2253_the_catalog_is_bounded_and_filtered(closed: Talk) -> None:
    alice, bob = closed.as_account("alice", "wonder"), closed.as_account("bob", "builder")
    for name in ("public/one", "team/one", "team/two"):
        assert await alice.blob(name, b"x") == 201
    assert await bob.blob("bob/one", b"x") == 201
    for n in ("1000000000000", "-1", "1e9", "0x10", "%00"):
        status, _, body = await alice.ask("GET", f"/v2/_catalog?n={n}")
        assert (status, codes(body)) == (400, ["PAGINATION_NUMBER_INVALID"]), n
    status, _, body = await alice.ask("GET", "/v2/_catalog?n=999999999")
    assert (status, body["repositories"]) == (200, ["public/one", "team/one", "team/two"])
    status, headers, body = await alice.ask("GET", "/v2/_catalog?n=2")
    assert body["repositories"] == ["public/one", "team/one"]
    assert "last=team%2Fone" in headers["Link"]
    assert (await bob.ask("GET", "/v2/_catalog"))[0] == 403


async def test_wrong_passwords_are_refused_and_then_for_a_while_all(closed: Talk) -> None:
    wrong = closed.as_account("alice", "guess")
    statuses = [(await wrong.ask("GET", "/v2/"))[0] for _ in range(7)]
    assert statuses[:5] == [401] * 5
    assert 429 in statuses
    status, headers, body = await closed.as_account("alice", "wonder").ask("GET", "/v2/")
    assert (status, codes(body)) == (429, ["TOOMANYREQUESTS"])
    assert int(headers["Retry-After"]) >= 1


async def test_malformed_credentials(closed: Talk) -> None:
    for header in ("Basic !!!", "Basic " + base64.b64encode(b"nocolon").decode(), "Digest x", "Bearer", "x"):
        closed.headers = {"Authorization": header}
        assert (await closed.ask("GET", "/v2/"))[0] in (401, 429), header


async def test_an_account_that_is_gone_is_out_at_once(closed: Talk, tmp_path: Path) -> None:
    bob = closed.as_account("bob", "builder")
    said = await token(bob, "repository:team/one:pull", offline="true")
    assert (await closed.with_token(said["token"]).ask("GET", "/v2/team/one/tags/list"))[0] == 404
    path = tmp_path / "htpasswd"
    path.write_text("".join(f"{line}\n" for line in path.read_text().splitlines() if line[:3] != "bob"))
    assert (await bob.ask("GET", "/v2/"))[0] == 401
    assert (await closed.with_token(said["token"]).ask("GET", "/v2/team/one/tags/list"))[0] == 401
    form = {"grant_type": "refresh_token", "refresh_token": said["refresh_token"]}
    assert (await closed.ask("POST", "/token", data=form))[0] == 401


async def test_refresh_tokens_get_tokens_and_open_nothing_else(closed: Talk) -> None:
    bob = closed.as_account("bob", "builder")
    said = await token(bob, offline="true")
    assert (await closed.with_token(said["refresh_token"]).ask("GET", "/v2/"))[0] == 401
    form = {
        "grant_type": "refresh_token",
        "refresh_token": said["refresh_token"],
        "service": "wherry-registry",
        "scope": "repository:team/one:pull",
    }
    status, _, body = await closed.ask("POST", "/token", data=form)
    assert status == 200
    assert (await closed.with_token(body["access_token"]).ask("GET", "/v2/team/one/tags/list"))[0] == 404


async def test_the_audit_log_says_who_did_what_and_no_secret(closed: Talk, tmp_path: Path) -> None:
    bob = closed.as_account("bob", "builder")
    await bob.image("team/one", "1", b"layer")
    await bob.ask("DELETE", "/v2/team/one/manifests/1")
    await bob.ask("GET", "/v2/team/one/manifests/1")
    said = await token(bob, "repository:team/one:pull")
    text = (tmp_path / "audit").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(line["who"] == "bob" for line in lines)
    did = [(line["action"], line.get("reference", ""), line["status"]) for line in lines]
    assert did == [
        ("push-blob", "", 201),
        ("push-blob", "", 201),
        ("push", "1", 201),
        ("DELETE /v2/team/one/manifests/1", "", 403),
        ("pull", "1", 200),
        ("token", "", 200),
    ]
    assert "builder" not in text
    assert said["token"] not in text


async def test_names_that_lead_elsewhere_lead_nowhere(closed: Talk, tmp_path: Path) -> None:
    outside = tmp_path / "registry" / "objects" / "outside"
    outside.mkdir(parents=True)
    (outside / "_tags").mkdir()
    alice = closed.as_account("alice", "wonder")
    names = ["..", "team/..", "team/../../x", "%2e%2e/x", "team/%2e%2e/x", "Team/x", "team//x", "team/_tags"]
    names += ["a" * 256, "team/x%00", "team/x%0a", "team%2f..%2fx", "team/x\\y", "team/.x", "team/x.", "%ff"]
    for name in names:
        for path in (f"/v2/{name}/tags/list", f"/v2/{name}/manifests/latest"):
            status, _, _ = await alice.ask("GET", path)
            assert status in (400, 401, 403, 404), (name, status)
    for reference in (
        "..",
        "%2e%2e%2fx",
        "a" * 129,
        "sha256:../../x",
        "sha256:" + "g" * 64,
        "md5:" + "0" * 32,
    ):
        status, _, _ = await alice.ask("GET", f"/v2/team/one/manifests/{reference}")
        assert status in (400, 404), reference
    for upload in ("..", "%2e%2e", "x", "a" * 33, "%2e%2e%2fobjects"):
        status, _, _ = await alice.ask("PATCH", f"/v2/team/one/blobs/uploads/{upload}", data=b"x")
        assert status in (400, 401, 403, 404, 405), upload
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "line", ["alice:{SHA}x", "alice:$apr1$x", "alice:plain", "noline", ":$2y$10$x"], ids=lambda line: line[:9]
)
def test_only_bcrypt_is_taken(line: str) -> None:
    with pytest.raises(Invalid):
        parse(line)
