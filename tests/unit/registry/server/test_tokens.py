"""Signed tokens, with a secret and with Ed25519 keys."""

from __future__ import annotations

import jwt
import pytest

from wherry.errors import Invalid
from wherry.registry.server.access import Scope, caller
from wherry.registry.server.identity.tokens import BadToken, Tokens, read_key, rights_of

ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
SCOPES = [Scope("team/one", frozenset({"pull", "push", "overwrite"})), Scope("", frozenset({"catalog"}))]


def pair() -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives import serialization as form

    key = ed25519.Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    return private, public


def tokens(key: bytes, life: float = 60) -> Tokens:
    return Tokens(key, service="here", issuer="us", life=life)


@pytest.mark.parametrize("kind", ["secret", "ed25519"])
def test_what_is_issued_is_read(kind: str) -> None:
    key = pair()[0] if kind == "ed25519" else b"k" * 32
    mine = tokens(key)
    assert mine.read(mine.issue("alice", SCOPES)) == ("alice", tuple(SCOPES))
    with pytest.raises(BadToken):
        tokens(key, life=-60).read(tokens(key, life=-60).issue("alice", SCOPES))
    with pytest.raises(BadToken):
        mine.read(mine.issue("alice", [], refresh=True))
    with pytest.raises(BadToken):
        mine.read(mine.issue("alice", SCOPES)[:-4] + "AAAA")


def test_a_public_key_reads_what_the_private_one_signs_and_issues_nothing() -> None:
    private, public = pair()
    reader = tokens(public)
    assert not reader.issues
    assert reader.read(tokens(private).issue("alice", SCOPES))[0] == "alice"
    # the public key, which anybody may know, is no secret to sign with
    claims = {"iss": "us", "sub": "mallory", "aud": "here", "exp": 1 << 40}
    with pytest.raises((BadToken, jwt.exceptions.InvalidKeyError)):
        reader.read(jwt.encode(claims, b"x" * 32, algorithm="HS256"))


def test_keys_that_are_none() -> None:
    for key in (b"", b"short", b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(Invalid):
            tokens(key)


def test_a_key_is_made_once(tmp_path: object) -> None:
    path = f"{tmp_path}/below/token.key"
    assert read_key(path) == read_key(path)
    assert len(read_key(path)) == 64


def test_scopes_narrow_and_never_widen() -> None:
    from wherry.registry.server.access import Grant

    grants = [Grant("team/*", "alice", frozenset({"pull"})), Grant("open/*", "*", frozenset({"pull"}))]
    wide = (Scope("team/one", rights_of(["*"])), Scope("other/one", rights_of(["*"])))
    alice = caller("alice", grants, wide)
    assert alice.may("team/one", "pull")
    assert not alice.may("team/one", "push")
    assert not alice.may("team/two", "pull")
    assert not alice.may("other/one", "pull")
    assert alice.may("open/x", "pull")
    assert not alice.may("", "catalog")
