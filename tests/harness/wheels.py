"""Wheels of the tree under test, and a package index of them on loopback.

They need nothing else of an index: a `.pth` file in them leads to the modules of the interpreter that runs
the tests. All else is as it is published.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import sysconfig
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def wheel(folder: Path, version: str) -> Path:
    """Write the wheel of the present tree, as `version`, into `folder`."""
    path = folder / f"wherry-{version}-py3-none-any.whl"
    info = f"wherry-{version}.dist-info"
    files: dict[str, bytes] = {}
    for file in sorted((ROOT / "src" / "wherry").rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            files[str(file.relative_to(ROOT / "src"))] = file.read_bytes()
    files["wherry/__init__.py"] += f'\n__version__ = "{version}"\n'.encode()
    files["tests-modules.pth"] = f"{sysconfig.get_path('purelib')}\n".encode()
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: wherry\nVersion: {version}\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nwherry = wherry.cli.entry:main\n"
    record = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,\n"]).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@contextmanager
def index(wheels: list[Path], *, registry: bool = False) -> Iterator[str]:
    """Serve a simple index with these wheels; its URL. `registry`: answer as a registry of images too."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rstrip("/").rpartition("/")[2]
            files = {file.name: file for file in wheels}
            if name == "wherry" and files:
                body = "".join(f'<a href="/files/{file}">{file}</a>\n' for file in files).encode()
            elif name in files:
                body = files[name].read_bytes()
            elif name == "v2" and registry:
                body = b"{}"
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
