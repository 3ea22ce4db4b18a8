"""The API on TCP: mutual TLS for our client and Docker's, and what is refused."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.harness.capabilities import python
from tests.harness.certificates import Authority
from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest
from tests.harness.ports import free_port
from tests.harness.waiting import until

pytestmark = [pytest.mark.needs("openssl")]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


class Secured:
    """An engine behind TLS, and a command line that reaches it so."""

    def __init__(self, engine: EngineUnderTest, authority: Authority) -> None:
        self.engine = engine
        self.authority = authority
        server, self.client = authority.issue("server"), authority.issue("client")
        self.port = free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        engine.stop()
        files = (
            "--tlscacert",
            server / "ca.pem",
            "--tlscert",
            server / "cert.pem",
            "--tlskey",
            server / "key.pem",
        )
        engine.start("--host", self.address, "--tlsverify", *map(str, files))
        self.environment = {
            **engine.environment,
            "DOCKER_HOST": self.address,
            "DOCKER_TLS_VERIFY": "1",
            "DOCKER_CERT_PATH": str(self.client),
        }
        self.wherry = Command(self.environment, engine.home)

    def connect(self, context: ssl.SSLContext) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=20)


@pytest.fixture
def secured(own_engine: EngineUnderTest, authority: Authority) -> Secured:
    return Secured(own_engine, authority)


def test_streams_of_our_own_client(secured: Secured, image: str) -> None:
    run = ("run", "--rm", "-i", "--network", "none", image)
    wherry = secured.wherry
    assert wherry(*run, "sh", "-c", "read x; echo got $x; cat | wc -c", stdin="a\n" + "y" * 300_000).out == (
        "got a\n300000\n"
    )
    assert wherry(*run, "sh", "-c", "echo out; echo err >&2; exit 3", code=3).out == "out\n"
    wherry("run", "-d", "--name", "far", "--network", "none", image, "sh", "-c", "seq 1 20000; sleep 600")
    until(lambda: wherry("logs", "--tail", "1", "far").out == "20000\n")
    assert wherry("logs", "far").out == "".join(f"{n}\n" for n in range(1, 20001))
    assert wherry("exec", "far", "echo", "inside").out == "inside\n"
    stranger = {"DOCKER_CERT_PATH": os.fspath(secured.engine.home)}
    assert "no secure connection to" in wherry("ps", code=1, env=stranger).err


@pytest.mark.needs("docker-cli")
def test_dockers_client(secured: Secured, image: str) -> None:
    command = ["docker", "run", "--rm", "-i", "--network", "none", image, "sh", "-c", "cat; exit 4"]
    environment = {"PATH": os.environ["PATH"], **secured.environment}
    done = subprocess.run(
        command, input=b"x" * 100_000, capture_output=True, timeout=60, env=environment, check=False
    )
    assert (done.returncode, len(done.stdout)) == (4, 100_000), done.stderr


def test_who_has_no_certificate_is_nobody(secured: Secured, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "elsewhere").issue("stranger")
    context = ssl.create_default_context(cafile=str(secured.client / "ca.pem"))
    for certificate in (None, stranger):
        if certificate is not None:
            context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        connection = secured.connect(context)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connection.request("GET", "/_ping")
            connection.getresponse()
        connection.close()
    with socket.create_connection(("127.0.0.1", secured.port), 20) as plain:
        plain.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"OK" not in plain.recv(4096)
    assert secured.engine.answers()
    assert "Traceback" not in secured.engine.log_text()


def test_clients_that_go_leave_nothing(secured: Secured, image: str) -> None:
    secured.wherry("run", "-d", "--name", "far", "--network", "none", image, "sleep", "600")
    context = ssl.create_default_context(cafile=str(secured.client / "ca.pem"))
    context.load_cert_chain(secured.client / "cert.pem", secured.client / "key.pem")
    process = secured.engine.process
    assert process is not None

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{process.pid}/fd"))

    def come_and_go() -> None:
        for path in ("/containers/far/logs?follow=1&stdout=1", "/events", "/containers/far/stats"):
            connection = secured.connect(context)
            connection.request("GET", path)
            assert connection.getresponse().status == 200
            connection.close()

    come_and_go()  # what watches logs is made with the first of them, and stays
    before = descriptors()
    for _ in range(5):
        come_and_go()
        socket.create_connection(("127.0.0.1", secured.port), 20).close()  # not even a handshake
    until(lambda: descriptors() <= before)


def test_contexts_lead_there(secured: Secured) -> None:
    wherry = secured.engine.wherry
    files = ",".join(
        f"{name}={secured.client}/{file}"
        for name, file in (("ca", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem"))
    )
    wherry(
        "context",
        "create",
        "lab",
        "--description",
        "over there",
        "--docker",
        f"host={secured.address},{files}",
    )
    listed = wherry("context", "ls").out
    assert "default *" in listed
    assert any(line.split() == ["lab", "over", "there", secured.address] for line in listed.splitlines())
    versions = "{{.Server.Os}} {{eq .Server.APIVersion .Server.ApiVersion}}"
    assert wherry("--context", "lab", "version", "--format", versions).out == "linux true\n"
    wherry("context", "use", "lab")
    assert wherry("context", "show").out == "lab\n"
    assert wherry("ps", "-q").out == ""
    wherry("context", "export", "lab", "lab.tar")
    wherry("context", "import", "copy", "lab.tar")
    assert wherry("--context", "copy", "info", "--format", "{{.OSType}}").out == "linux\n"
    assert "in use" in wherry("context", "rm", "lab", code=1).err
    wherry("context", "rm", "-f", "lab", "copy")
    assert wherry("context", "ls", "-q").out == "default\n"
    assert "context not found" in wherry("--context", "lab", "ps", code=None).err


@pytest.mark.needs("docker-cli")
def test_dockers_client_has_the_same_contexts(secured: Secured) -> None:
    home = {"PATH": os.environ["PATH"], "HOME": secured.environment["HOME"]}
    files = ",".join(f"{name}={secured.client}/{name}.pem" for name in ("ca", "cert", "key"))

    def docker(*words: str) -> str:
        return subprocess.run(
            ["docker", *words], env=home, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    wherry = secured.engine.wherry
    wherry("context", "create", "ours", "--docker", f"host={secured.address},{files}")
    assert docker("--context", "ours", "version", "--format", "{{.Server.Os}}") == "linux\n"
    docker(
        "context",
        "create",
        "theirs",
        "--description",
        "made by docker",
        "--docker",
        f"host={secured.address},{files}",
    )
    assert wherry("--context", "theirs", "version", "--format", "{{.Server.Os}}").out == "linux\n"
    assert wherry("context", "inspect", "theirs", "-f", "{{.Metadata.Description}}").out == "made by docker\n"
    docker("context", "use", "theirs")
    assert wherry("context", "show").out == "default\n"
    exported = docker("context", "export", "theirs", str(secured.engine.home / "theirs.tar"))
    assert exported == ""
    wherry("context", "import", "again", "theirs.tar")
    assert docker("--context", "again", "version", "--format", "{{.Server.Os}}") == "linux\n"


def refused(engine: EngineUnderTest, *words: str) -> str:
    done = subprocess.run(
        [python(), "-m", "wherry.engine", *words],
        env={**engine.environment, "WHERRY_HOME": str(engine.home / "other")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


def test_without_tls_only_loopback(own_engine: EngineUnderTest) -> None:
    said = refused(own_engine, "--host", "tcp://0.0.0.0:0")
    assert "refusing to listen on tcp://0.0.0.0:0 without TLS" in said
    assert "only tcp:// is added here" in refused(own_engine, "--host", "unix:///x")
    assert "certificates can't be used" in refused(own_engine, "--host", "tcp://127.0.0.1:0", "--tlsverify")
    port = free_port()
    own_engine.stop()
    own_engine.start("--host", f"tcp://127.0.0.1:{port}")
    assert "every user and program of this machine can use it" in own_engine.log_text()
    assert (
        own_engine.wherry("-H", f"tcp://127.0.0.1:{port}", "version", "-f", "{{.Server.Os}}").out == "linux\n"
    )
    for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example:2375"}):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("POST", "/containers/prune", headers=headers)
        assert connection.getresponse().status == 403
        connection.close()


def test_served_in_the_foreground(no_engine: EngineUnderTest) -> None:
    port = free_port()
    serving = no_engine.wherry.popen("engine", "serve", "--listen", f"tcp://127.0.0.1:{port}")
    try:
        until(no_engine.answers)
        assert no_engine.wherry("-H", f"tcp://127.0.0.1:{port}", "ps", "-q").out == ""
    finally:
        serving.terminate()
        serving.communicate(timeout=60)
