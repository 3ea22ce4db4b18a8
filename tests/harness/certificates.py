"""An authority of the test's own, and certificates that it signs. For tests that need `openssl`."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Authority:
    """`folder/NAME` has ca.pem, cert.pem and key.pem for each name that was issued to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-subj", "/CN=test authority", "-keyout", "ca-key.pem", "-out", "ca.pem"),
            *("-addext", "keyUsage=critical,keyCertSign", "-addext", "basicConstraints=critical,CA:TRUE"),
        )

    def issue(self, name: str) -> Path:
        """A folder with a certificate for 127.0.0.1 and localhost, good for both sides."""
        place = self.folder / name
        place.mkdir()
        (place / "extensions").write_text(
            "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n"
            "authorityKeyIdentifier=keyid\n"
        )
        new = f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name}"
        self._openssl(*f"{new} -keyout {name}/key.pem -out {name}/request.pem".split())
        sign = f"x509 -req -in {name}/request.pem -CA ca.pem -CAkey ca-key.pem -days 2"
        number = abs(hash(name)) + 1
        self._openssl(*f"{sign} -set_serial {number} -extfile {name}/extensions -out {name}/cert.pem".split())
        (place / "ca.pem").write_bytes((self.folder / "ca.pem").read_bytes())
        return place

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
