"""The registry as a service: TLS, quotas, limits, counters, health, its commands."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.harness.docker_registry import certificate
from tests.harness.registry import RegistryUnderTest
from tests.integration.registry.server.conftest import Serve, digest_of
from tests.integration.registry.server.test_faults import Client, wait_until


async def test_a_quota_is_held_for_uploads_and_mounts(serve: Serve) -> None:
    registry = await serve('[[quota]]\nrepositories = "team/*"\nsize = "10kB"\n')
    assert await registry.blob("free/a", b"z" * 20_000) == 201
    assert await registry.blob("team/a", b"x" * 6000) == 201
    status, headers, _ = await registry.ask("POST", "/v2/team/a/blobs/uploads/")
    where = headers["Location"]
    status, _, body = await registry.ask("PATCH", where, data=b"y" * 6000)
    assert (status, body["errors"][0]["code"]) == (403, "DENIED")
    assert "10 kB" in body["errors"][0]["message"]

    async def unknown_length() -> object:
        for _ in range(20):
            yield b"y" * 1000

    _, headers, _ = await registry.ask("POST", "/v2/team/a/blobs/uploads/")
    status, _, body = await registry.ask("PATCH", headers["Location"], data=unknown_length())
    assert status == 403
    assert (await registry.ask("GET", headers["Location"]))[0] == 404  # what it sent takes no room
    mount = f"/v2/team/a/blobs/uploads/?mount={digest_of(b'z' * 20_000)}&from=free/a"
    assert (await registry.ask("POST", mount))[0] == 403
    assert await registry.blob("team/a", b"y" * 3000) == 201
    assert await registry.blob("team/b", b"y" * 6000) == 201


async def test_a_quota_is_not_overshot_by_many_at_once(serve: Serve) -> None:
    replicas = [await serve('[[quota]]\nsize = "10kB"\n') for _ in range(2)]
    blobs = [os.urandom(3000) for _ in range(12)]
    pushes = [replicas[n % 2].blob("team/a", blob) for n, blob in enumerate(blobs)]
    answers = await asyncio.gather(*pushes)
    assert set(answers) <= {201, 403}

    async def held() -> list[bytes]:
        asked = [replicas[0].ask("HEAD", f"/v2/team/a/blobs/{digest_of(blob)}") for blob in blobs]
        return [blob for blob in blobs if (await asked.pop(0))[0] == 200]

    there = await held()
    assert len(there) == answers.count(201) <= 3
    for blob in blobs:
        await replicas[1].blob("team/a", blob)
    assert len(await held()) == 3
    await replicas[0].blob("team/a", (await held())[0])  # whatever it says, nothing is lost by it
    assert len(await held()) == 3


async def test_requests_behind_a_proxy_are_told_apart(serve: Serve, tmp_path: Path) -> None:
    log = tmp_path / "audit"
    told = f'[limits]\nrequests = 0.01\nburst = 2\n[audit]\npath = "{log}"\npulls = true\n'
    open_one = await serve('trusted_proxies = ["127.0.0.1"]\n')
    open_one.headers = {"X-Forwarded-For": "192.0.2.1"}
    blob = os.urandom(3 << 20)
    assert await open_one.blob("team/a", blob) == 201
    assert (await open_one.ask("GET", f"/v2/team/a/blobs/{digest_of(blob)}"))[2] == blob
    trusting = await serve(f'trusted_proxies = ["127.0.0.0/8"]\n{told}')
    for address in ("192.0.2.1", "192.0.2.2"):
        headers = {"X-Forwarded-For": f"203.0.113.9, {address}"}
        answers = [await trusting.ask("GET", "/v2/", headers=headers) for _ in range(3)]
        assert [status for status, _, _ in answers] == [200, 200, 429]
    headers = {"Forwarded": 'for="[2001:db8::1]:4711";proto=https'}
    await trusting.ask("DELETE", "/v2/x/manifests/1", headers=headers)
    wary = await serve(told)
    headers = {"X-Forwarded-For": "192.0.2.77"}
    await wary.ask("DELETE", "/v2/x/manifests/1", headers=headers)
    await wary.ask("GET", "/v2/", headers=headers)
    assert (await wary.ask("GET", "/v2/", headers={"X-Forwarded-For": "192.0.2.78"}))[0] == 429
    assert "192.0.2.77" not in log.read_text()


async def test_too_many_requests(serve: Serve) -> None:
    registry = await serve("[limits]\nrequests = 1\nburst = 5\n")
    answers = [await registry.ask("GET", "/v2/") for _ in range(8)]
    assert [status for status, _, _ in answers][:5] == [200] * 5
    status, headers, body = answers[-1]
    assert (status, body["errors"][0]["code"], headers["Retry-After"]) == (429, "TOOMANYREQUESTS", "1")
    assert (await registry.ask("GET", "/healthz"))[0] == 200


async def test_health_and_counters(serve: Serve) -> None:
    registry = await serve()
    await registry.image("team/a", "1", b"x" * 1000)
    assert (await registry.ask("GET", "/readyz"))[2] == b"ok\n"
    _, headers, text = await registry.ask("GET", "/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = re.search(rb"wherry_registry_received_bytes_total (\d+)", text)
    assert found is not None
    assert int(found[1]) > 1000


def test_https(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *new, *names, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    told = f'[tls]\ncert = "{cert}"\nkey = "{key}"\n'
    with RegistryUnderTest(tmp_path, told, workers=2, scheme="https") as registry:
        context = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(f"{registry.url}/v2/", context=context, timeout=10) as answer:
            assert json.load(answer) == {}


def test_a_certificate_is_renewed_without_a_restart(tmp_path: Path) -> None:
    for name in ("old", "new"):
        certificate(tmp_path, name)
    for kind in ("crt", "key"):
        (tmp_path / f"used.{kind}").write_bytes((tmp_path / f"old.{kind}").read_bytes())
    told = f'[tls]\ncert = "{tmp_path}/used.crt"\nkey = "{tmp_path}/used.key"\n'

    def shown(registry: RegistryUnderTest) -> str:
        return ssl.get_server_certificate(("127.0.0.1", registry.port))

    def replace(kind: str, data: bytes) -> None:
        draft = tmp_path / "draft"
        draft.write_bytes(data)
        draft.replace(tmp_path / f"used.{kind}")

    with RegistryUnderTest(tmp_path, told, workers=2, scheme="https") as registry:
        before = shown(registry)
        assert before == (tmp_path / "old.crt").read_text()
        context = ssl.create_default_context(cafile=str(tmp_path / "old.crt"))
        lasting = http.client.HTTPSConnection("127.0.0.1", registry.port, context=context, timeout=60)
        lasting.request("GET", "/v2/")
        assert lasting.getresponse().read() == b"{}"
        replace("crt", b"nonsense")
        assert registry.process is not None
        registry.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the one before is used on" in (tmp_path / "log").read_text())
        assert shown(registry) == before
        replace("crt", (tmp_path / "new.crt").read_bytes())
        replace("key", (tmp_path / "new.key").read_bytes())
        wait_until(lambda: shown(registry) == (tmp_path / "new.crt").read_text())
        wait_until(lambda: (tmp_path / "log").read_text().count("is used from now on") == 2)
        lasting.request("GET", "/v2/")
        assert lasting.getresponse().read() == b"{}"
        lasting.close()


def test_what_cannot_work_is_said_before_anything_starts(tmp_path: Path) -> None:
    with RegistryUnderTest(tmp_path) as registry:
        done = subprocess.run(
            registry.command("serve", "--listen", registry.address),
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 1
        assert f"can't listen on {registry.address}: address already in use" in done.stderr
        missing = ["--tls-cert", "/none", "--tls-key", "/none"]
        done = subprocess.run(
            registry.command("serve", "--listen", "127.0.0.1:0", *missing),
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 1
        assert "can't use the certificate /none" in done.stderr


@pytest.mark.parametrize("dry", [True, False])
def test_the_commands_of_upkeep(tmp_path: Path, dry: bool) -> None:
    told = '[[retention]]\ntags = "ci-*"\nkeep = 1\n'
    with RegistryUnderTest(tmp_path, told) as registry:
        client = Client(registry)
        for tag in ("ci-1", "ci-2", "release"):
            assert client.push("team/a", tag, tag.encode()) == 201
        said = registry.run("retain", *(["--dry-run"] if dry else []))
        assert ("would delete" if dry else "deleted") + " team/a:ci-1" in said
        tags = json.loads(client.ask("GET", "/v2/team/a/tags/list")[2])["tags"]
        assert tags == (["ci-1", "ci-2", "release"] if dry else ["ci-2", "release"])
        assert "freed 0 B" in registry.run("gc")
        blob = next((registry.storage / "objects" / "blobs" / "sha256").glob("*/*"))
        blob.write_bytes(b"?")
        assert f"damaged: sha256:{blob.name}" in registry.run("check", code=1)
        Client.close_all()
