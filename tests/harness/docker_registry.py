"""Debian's docker-registry, started by hand: open, with passwords, with tokens, over TLS."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from tests.harness.ports import free_port


@contextlib.contextmanager
def docker_registry(folder: Path, *, address: str = "", **settings: str) -> Iterator[str]:
    """Run one on loopback with its files in `folder`; its host:port. `settings` as REGISTRY_… has them."""
    folder.mkdir(parents=True, exist_ok=True)
    address = address or f"127.0.0.1:{free_port()}"
    configuration = folder / "registry.yml"
    configuration.write_text("version: 0.1\nstorage:\n  delete: {enabled: true}\n")
    environment = {
        "PATH": os.environ["PATH"],
        "OTEL_TRACES_EXPORTER": "none",
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(folder / "data"),
        "REGISTRY_HTTP_ADDR": address,
        **{f"REGISTRY_{name}": value for name, value in settings.items()},
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(configuration)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(address, process, folder / "log")
        yield address
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"docker-registry did not start:\n{log.read_text()}") from None
            time.sleep(0.02)


def password_settings(folder: Path) -> dict[str, str]:
    """For a registry that knows the user `me` with the password `secret`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        ["htpasswd", "-nbB", "-C", "5", "me", "secret"], capture_output=True, text=True, check=True
    ).stdout
    (folder / "htpasswd").write_text(made)
    return {"AUTH": "htpasswd", "AUTH_HTPASSWD_REALM": "test", "AUTH_HTPASSWD_PATH": str(folder / "htpasswd")}


def certificate(
    folder: Path, name: str, *, issuer: str = "", names: str = "IP:127.0.0.1,IP:127.0.0.2"
) -> None:
    """A key and a certificate for `names` below `folder`: of its own, or signed by `issuer`."""
    folder.mkdir(parents=True, exist_ok=True)
    signing = ["-CA", f"{folder}/{issuer}.crt", "-CAkey", f"{folder}/{issuer}.key"] if issuer else []
    usage = [] if not issuer else ["-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt", "-days", "2"),
            *(
                "-subj",
                f"/CN={name}",
                "-addext",
                f"subjectAltName={names}",
                *usage,
                *signing,
            ),
        ],
        check=True,
        capture_output=True,
    )


class TokenServer:
    """Hands out signed tokens to `me` with the password `secret`, or with the refresh token it gave."""

    IDENTITY = "lasting-identity"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=tokens",
                ),
                *("-keyout", str(folder / "token.key"), "-out", str(folder / "token.crt")),
            ],
            check=True,
            capture_output=True,
        )
        self.asked: list[dict[str, list[str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fields = parse_qs(urlsplit(self.path).query)
                given = self.headers.get("Authorization", "")
                allowed = given == "Basic " + base64.b64encode(b"me:secret").decode()
                outer._answer(self, fields, allowed)

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", "0"))
                fields = parse_qs(self.rfile.read(size).decode())
                outer._answer(self, fields, fields.get("refresh_token") == [outer.IDENTITY])

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.realm = f"http://127.0.0.1:{self.server.server_port}/token"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def settings(self) -> dict[str, str]:
        """For the registry that trusts it."""
        return {
            "AUTH": "token",
            "AUTH_TOKEN_REALM": self.realm,
            "AUTH_TOKEN_SERVICE": "tests",
            "AUTH_TOKEN_ISSUER": "issuer",
            "AUTH_TOKEN_ROOTCERTBUNDLE": str(self.folder / "token.crt"),
        }

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler, fields: dict[str, list[str]], allowed: bool) -> None:
        self.asked.append(fields)
        if not allowed:
            handler.send_error(401)
            return
        answer = {"token": self._token(fields), "access_token": self._token(fields)}
        if fields.get("offline_token") == ["true"]:
            answer["refresh_token"] = self.IDENTITY
        body = json.dumps(answer).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _token(self, fields: dict[str, list[str]]) -> str:
        access = []
        for scope in " ".join(fields.get("scope", [])).split():
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        pem = (self.folder / "token.crt").read_text()
        chain = "".join(line for line in pem.splitlines() if "-----" not in line)
        head = {"typ": "JWT", "alg": "RS256", "x5c": [chain]}
        claims = {
            "iss": "issuer",
            "sub": "me",
            "aud": "tests",
            "nbf": now - 10,
            "exp": now + 600,
            "iat": now,
            "jti": os.urandom(8).hex(),
            "access": access,
        }
        signed = f"{_b64(json.dumps(head).encode())}.{_b64(json.dumps(claims).encode())}"
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.folder / "token.key")],
            input=signed.encode(),
            capture_output=True,
            check=True,
        ).stdout
        return f"{signed}.{_b64(signature)}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
