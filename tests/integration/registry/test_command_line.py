"""The command line against Debian's docker-registry: passwords, tokens, tags, lists, certificates."""

from __future__ import annotations

import base64
import json
import os
import socket
import stat
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.command import Command
from tests.harness.docker_registry import TokenServer, certificate, docker_registry, password_settings
from tests.harness.engine import EngineUnderTest, UnixConnection

pytestmark = pytest.mark.needs("docker-registry", "busybox")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with docker_registry(tmp_path_factory.mktemp("plain")) as address:
        yield address


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """One of the test's own: what is pushed to it was never there, and is not mounted instead."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    with docker_registry(folder, **password_settings(folder)) as address:
        yield address


@pytest.fixture
def mine(engine: EngineUnderTest, tmp_path: Path) -> Command:
    """The command line with a configuration of its own."""
    return Command({**engine.environment, "DOCKER_CONFIG": str(tmp_path / "docker")}, engine.home)


def _config(command: Command) -> Path:
    return Path(command.environment["DOCKER_CONFIG"]) / "config.json"


@pytest.mark.needs("htpasswd")
def test_login_push_pull_logout_with_a_password(mine: Command, guarded: str) -> None:
    mine("tag", "busybox", f"{guarded}/x:1")
    refused = mine("push", f"{guarded}/x:1", code=1)
    assert "push access denied" in refused.err
    wrong = mine("login", "-u", "me", "--password-stdin", guarded, stdin="wrong\n", code=1)
    assert f"login attempt to http://{guarded}/v2/ failed with status: 401 Unauthorized" in wrong.err
    assert not _config(mine).exists()
    done = mine("login", "-u", "me", "--password-stdin", guarded, stdin="secret\n")
    assert done.line == "Login Succeeded"
    assert stat.S_IMODE(_config(mine).stat().st_mode) == 0o600
    pushed = mine("push", f"{guarded}/x:1").out
    assert f"The push refers to repository [{guarded}/x]" in pushed
    assert ": Pushed\n" in pushed and "1: digest: sha256:" in pushed
    again = mine("login", guarded)
    assert "Authenticating with existing credentials" in again.err
    mine("rmi", f"{guarded}/x:1")
    assert "Status: Downloaded newer image" in mine("pull", f"{guarded}/x:1").out
    assert mine("logout", guarded).line == f"Removing login credentials for {guarded}"
    denied = mine("pull", f"{guarded}/x:1", code=1)
    assert "pull access denied" in denied.err and "docker login" in denied.err
    assert mine("logout", guarded).line == f"Not logged in to {guarded}"
    mine("rmi", f"{guarded}/x:1")


@pytest.mark.needs("htpasswd")
def test_a_build_from_a_guarded_registry(
    mine: Command, engine: EngineUnderTest, guarded: str, tmp_path: Path
) -> None:
    name = f"{guarded}/base/x:1"
    mine("tag", "busybox", name)
    mine("login", "-u", "me", "--password-stdin", guarded, stdin="secret\n")
    mine("push", name)
    mine("rmi", name)
    context = tmp_path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {name}\nLABEL built=yes\n")
    mine("build", "-q", "-t", "guarded:1", str(context))
    mine("logout", guarded)
    mine("rmi", name)
    refused = mine("build", "--pull", "-q", str(context), code=1)
    assert "pull access denied" in refused.err
    with tarfile.open(tmp_path / "context.tar", "w") as tar:
        tar.add(context / "Dockerfile", "Dockerfile")
    auth = {guarded: {"username": "me", "password": "secret"}}
    header = base64.urlsafe_b64encode(json.dumps(auth).encode()).decode()
    connection = UnixConnection(engine.socket, 60)
    connection.request(
        "POST",
        "/build?pull=1&t=guarded:2",
        (tmp_path / "context.tar").read_bytes(),
        {"X-Registry-Config": header, "Content-Type": "application/x-tar"},
    )
    said = connection.getresponse().read().decode()
    connection.close()
    assert "Successfully tagged guarded:2" in said
    mine("rmi", "guarded:1", "guarded:2", name)


def test_clients_that_read_nothing_stop_no_transfer(
    wherry: Command, engine: EngineUnderTest, plain: str
) -> None:
    name = f"{plain}/stalled/x"
    wherry("tag", "busybox", f"{name}:1")
    stalled = []
    for request in (
        f"POST /images/{name}/push?tag=1 HTTP/1.1\r\nHost: x\r\nX-Registry-Auth: e30=\r\n",
        f"POST /images/create?fromImage={name}&tag=1 HTTP/1.1\r\nHost: x\r\n",
    ):
        sock = socket.socket(socket.AF_UNIX)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.connect(str(engine.socket))
        sock.sendall(f"{request}Content-Length: 0\r\n\r\n".encode())
        stalled.append(sock)
        if "push" in request:
            deadline = time.monotonic() + 60
            while wherry.raw("manifest", "inspect", "--insecure", f"{name}:1").returncode:
                assert time.monotonic() < deadline, "the push stands still"
                time.sleep(0.1)
            wherry("rmi", f"{name}:1")
    deadline = time.monotonic() + 60
    while not wherry("images", "-q", f"{name}:1").line:
        assert time.monotonic() < deadline, "the pull stands still"
        time.sleep(0.1)
    wherry("pull", f"{name}:1")  # nothing is held
    for sock in stalled:
        sock.close()
    wherry("rmi", f"{name}:1")


def test_tokens_and_an_identity_that_lasts(mine: Command, tmp_path: Path) -> None:
    tokens = TokenServer(tmp_path / "tokens")
    try:
        with docker_registry(tmp_path / "registry", **tokens.settings()) as address:
            wrong = mine("login", "-u", "me", "--password-stdin", address, stdin="no", code=1)
            assert "unauthorized: incorrect username or password" in wrong.err
            mine("login", "-u", "me", "--password-stdin", address, stdin="secret")
            kept = json.loads(_config(mine).read_text())["auths"][address]
            assert kept["identitytoken"] == TokenServer.IDENTITY
            assert "secret" not in _config(mine).read_text()
            mine("tag", "busybox", f"{address}/a/x:1")
            mine("push", f"{address}/a/x:1")
            mine("tag", "busybox", f"{address}/b/x:1")
            assert "Mounted from a/x" in mine("push", f"{address}/b/x:1").out
            mine("rmi", f"{address}/a/x:1", f"{address}/b/x:1")
            mine("pull", f"{address}/b/x:1")
            mine("rmi", f"{address}/b/x:1")
    finally:
        tokens.close()
    assert any(fields.get("grant_type") == ["refresh_token"] for fields in tokens.asked)


def test_every_tag_goes_and_comes(wherry: Command, plain: str) -> None:
    for tag in ("1", "2", "latest"):
        wherry("tag", "busybox", f"{plain}/all/x:{tag}")
    out = wherry("push", "--all-tags", f"{plain}/all/x").out
    assert [f"{tag}: digest:" in out for tag in ("1", "2", "latest")] == [True] * 3
    assert wherry("push", "-q", f"{plain}/all/x").line == f"{plain}/all/x:latest"
    refused = wherry("push", "--all-tags", f"{plain}/all/x:1", code=1)
    assert "tag can't be used with --all-tags/-a" in refused.err
    for tag in ("1", "2", "latest"):
        wherry("rmi", f"{plain}/all/x:{tag}")
    out = wherry("pull", "--all-tags", f"{plain}/all/x").out
    assert "1: Pulling from all/x" in out and "2: Pulling from all/x" in out
    assert out.rstrip().endswith(f"{plain}/all/x")
    listed = wherry("images", "--format", "{{.Tag}}", f"{plain}/all/x").out.split()
    assert sorted(listed) == ["1", "2", "latest"]
    digests = wherry("images", "--digests", "--format", "{{.Digest}}", f"{plain}/all/x").out.split()
    assert len(set(digests)) == 1 and digests[0].startswith("sha256:")
    by_digest = f"{plain}/all/x@{digests[0]}"
    assert wherry("pull", by_digest).out.rstrip().endswith(by_digest)
    inspected = json.loads(wherry("image", "inspect", f"{plain}/all/x:1").out)[0]
    assert by_digest in inspected["RepoDigests"]
    refused = wherry("pull", "--all-tags", f"{plain}/all/x:1", code=1)
    assert "tag can't be used with --all-tags/-a" in refused.err
    for tag in ("1", "2", "latest"):
        wherry("rmi", f"{plain}/all/x:{tag}")


def test_errors_have_dockers_words(wherry: Command, plain: str) -> None:
    missing = wherry("pull", f"{plain}/no/such:1", code=1)
    assert f"manifest for {plain}/no/such:1 not found: manifest unknown" in missing.err
    absent = wherry("push", f"{plain}/never/made:1", code=1)
    assert f"An image does not exist locally with the tag: {plain}/never/made" in absent.err
    assert "invalid reference format" in wherry("pull", "UPPER/x::", code=1).err
    assert "cannot push a digest reference" in wherry("push", f"{plain}/x@sha256:{'0' * 64}", code=1).err


def test_run_pulls_when_it_should(wherry: Command, plain: str) -> None:
    name = f"{plain}/run/x:1"
    wherry("tag", "busybox", name)
    wherry("push", name)
    wherry("rmi", name)
    common = ("run", "--rm", "--network", "none")
    refused = wherry(*common, "--pull=never", name, "true", code=125)
    assert f"No such image: {name}" in refused.err
    first = wherry(*common, name, "echo", "hi")
    assert f"Unable to find image '{name}' locally" in first.err and first.out == "hi\n"
    assert "locally" not in wherry(*common, name, "true").err
    assert "Image is up to date" in wherry(*common, "--pull=always", name, "true").err
    wherry("rmi", name)


def test_manifest_lists_are_made_and_pulled_by_platform(
    mine: Command, engine: EngineUnderTest, plain: str
) -> None:
    name = f"{plain}/multi/x"
    mine("tag", "busybox", f"{name}:native")
    mine("push", f"{name}:native")
    tar = mine.raw("save", "busybox").stdout  # something of another platform
    assert tar
    made = engine.home / "other.tar"
    made.write_bytes(b"\0" * 10240)
    mine("import", "--platform", "linux/s390x", str(made), f"{name}:other")
    mine("push", f"{name}:other")
    created = mine("manifest", "create", f"{name}:1", f"{name}:native", f"{name}:other")
    assert created.line == f"Created manifest list {name}:1"
    assert "refusing to amend" in mine("manifest", "create", f"{name}:1", f"{name}:native", code=1).err
    mine("manifest", "annotate", "--variant", "z15", f"{name}:1", f"{name}:other")
    draft = json.loads(mine("manifest", "inspect", f"{name}:1").out)
    assert [one["platform"]["architecture"] for one in draft["manifests"]][1] == "s390x"
    digest = mine("manifest", "push", "--purge", f"{name}:1").line
    assert digest.startswith("sha256:")
    assert "No such manifest" in mine("manifest", "rm", f"{name}:1", code=1).err
    there = json.loads(mine("manifest", "inspect", f"{name}:1").out)
    assert there["manifests"][1]["platform"] == {"architecture": "s390x", "os": "linux", "variant": "z15"}
    verbose = json.loads(mine("manifest", "inspect", "-v", f"{name}:1").out)
    assert len(verbose) == 2 and verbose[0]["OCIManifest"]["schemaVersion"] == 2
    mine("rmi", f"{name}:native", f"{name}:other")
    mine("pull", "--platform", "linux/s390x/z15", f"{name}:1")
    other = mine("image", "inspect", "-f", "{{.Id}}", f"{name}:1").line
    assert mine("image", "inspect", "-f", "{{.Architecture}}", other).line == "s390x"
    mine("pull", f"{name}:1")
    assert mine("image", "inspect", "-f", "{{.Architecture}}", f"{name}:1").line != "s390x"
    nothing = mine("pull", "--platform", "linux/ppc64le", f"{name}:1", code=1)
    assert "no matching manifest for linux/ppc64le in the manifest list entries" in nothing.err
    status, said = engine.api("GET", f"/distribution/{name}:1/json")
    assert status == 200 and said["Descriptor"]["digest"] == digest
    assert {one["architecture"] for one in said["Platforms"]} >= {"s390x"}
    mine("rmi", f"{name}:1", other)


def test_a_registry_that_cannot_be_searched_is_said_to_be_so(wherry: Command, plain: str) -> None:
    refused = wherry("search", f"{plain}/x", code=1)
    assert f"{plain} can't be searched: it has no /v1/search" in refused.err


@pytest.fixture
def settings(engine: EngineUnderTest) -> Iterator[Path]:
    """The user's registries.toml, to be written; gone after the test."""
    path = engine.home / "user" / ".config" / "wherry" / "registries.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.needs("openssl")
def test_certificates_of_ones_own(wherry: Command, settings: Path, tmp_path: Path) -> None:
    # 127.0.0.2 is loopback too, so that nothing here depends on names
    certificate(tmp_path, "ca")
    certificate(tmp_path, "server", issuer="ca")
    certificate(tmp_path, "client", issuer="ca")
    tls = {
        "HTTP_TLS_CERTIFICATE": str(tmp_path / "server.crt"),
        "HTTP_TLS_KEY": str(tmp_path / "server.key"),
        "HTTP_TLS_CLIENTCAS": f"[{tmp_path / 'ca.crt'}]",
    }
    with docker_registry(tmp_path / "registry", **tls) as address:
        name = f"{address}/tls/x:1"
        wherry("tag", "busybox", name)
        unknown = wherry("push", name, code=1)
        assert "certificate" in unknown.err and "registries.toml" in unknown.err
        settings.write_text(f'[registry."{address}"]\nca = "{tmp_path}/ca.crt"\n')
        assert wherry("push", name, code=1).err  # it wants to see a certificate of ours
        settings.write_text(
            f'[registry."{address}"]\nca = "{tmp_path}/ca.crt"\n'
            f'cert = "{tmp_path}/client.crt"\nkey = "{tmp_path}/client.key"\n'
        )
        wherry("push", name)
        settings.write_text(
            f'insecure = ["{address}"]\n[registry."{address}"]\n'
            f'cert = "{tmp_path}/client.crt"\nkey = "{tmp_path}/client.key"\n'
        )
        assert "up to date" in wherry("pull", name).out
        folder = settings.parent / "certs.d" / address
        folder.mkdir(parents=True)
        for there, here in (
            ("ca.crt", "ca.crt"),
            ("client.cert", "client.crt"),
            ("client.key", "client.key"),
        ):
            os.symlink(tmp_path / here, folder / there)
        settings.unlink()
        assert "up to date" in wherry("pull", name).out
        wherry("rmi", name)


def test_settings_that_cannot_be_read_are_named(wherry: Command, settings: Path, plain: str) -> None:
    settings.write_text("mirrors = [")
    refused = wherry("pull", f"{plain}/x", code=1)
    assert str(settings) in refused.err
