"""A real S3-compatible server on loopback (moto's), with one bucket."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request

from tests.harness.ports import free_port


class Bucket:
    """Runs while the `with` block does."""

    def __enter__(self) -> Bucket:
        self.port = free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                request = urllib.request.Request(f"{self.endpoint}/bucket", method="PUT")
                urllib.request.urlopen(request, timeout=5).close()
                return self
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def storage(self, prefix: str) -> tuple[str, dict[str, str]]:
        """The URL and the options of a registry's storage."""
        options = {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": "test",
            "secret_access_key": "test",
        }
        return f"s3://bucket/{prefix}", options
