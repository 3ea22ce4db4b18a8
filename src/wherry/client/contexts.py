"""Named engines, in Docker's own store: what one tool makes, the other has too.

    contexts/meta/SHA256/meta.json      name, description, the engine's address
    contexts/tls/SHA256/docker/*.pem    ca.pem, cert.pem, key.pem
    SHA256 is that of the name; all of it is below DOCKER_CONFIG, else `~/.docker`.

Which of them is in use is not shared (see `address.chosen_context`).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Mapping
from typing import Any, NamedTuple

from wherry.client.address import Address, chosen_context, parse_address
from wherry.client.tls import Tls
from wherry.errors import Conflict, Invalid, NotFound
from wherry.paths import api_socket

DEFAULT = "default"
FILES = ("ca.pem", "cert.pem", "key.pem")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.+-]+")
_LARGEST = 10 << 20
"""Bytes of an exported context that are read at most."""


class Context(NamedTuple):
    """A named engine."""

    name: str
    host: str
    description: str = ""
    skip_verify: bool = False
    pem: Mapping[str, bytes] = {}
    """The certificates, by their file names."""
    extra: Mapping[str, Any] = {}
    """What other tools keep in its metadata, kept as it is."""

    def document(self) -> dict[str, Any]:
        """`meta.json`, and with it what `inspect` shows."""
        metadata = {**self.extra, **({"Description": self.description} if self.description else {})}
        endpoint = {"Host": self.host, "SkipTLSVerify": self.skip_verify}
        return {"Name": self.name, "Metadata": metadata, "Endpoints": {"docker": endpoint}}


def names() -> list[str]:
    """All but the default one, sorted. One that can't be read is left out."""
    found = []
    try:
        entries = os.listdir(_place("meta"))
    except FileNotFoundError:
        return []
    for entry in entries:
        try:
            with open(os.path.join(_place("meta"), entry, "meta.json"), "rb") as file:
                found.append(str(json.load(file)["Name"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found)


def read(name: str) -> Context:
    """Raises NotFound, Invalid for one that is damaged. `default` is this user's own engine."""
    if name == DEFAULT:
        return Context(DEFAULT, f"unix://{api_socket()}", "The engine of this user")
    try:
        with open(os.path.join(_place("meta", name), "meta.json"), "rb") as file:
            document = json.load(file)
    except FileNotFoundError:
        raise NotFound(
            f'context "{name}": context not found', hint="`wherry context ls` shows those that there are"
        ) from None
    except (OSError, ValueError) as error:
        raise Invalid(f'context "{name}" is damaged: {error}') from None
    pem = {}
    for file_name in FILES:
        try:
            with open(os.path.join(pem_folder(name), file_name), "rb") as file:
                pem[file_name] = file.read()
        except FileNotFoundError:
            continue
    return _from_document(document, pem)


def write(context: Context) -> None:
    """Make it or change it. Raises Invalid for a name that can't be one."""
    check_name(context.name)
    parse_address(context.host)
    folder, pem = _place("meta", context.name), pem_folder(context.name)
    _remove(pem)
    for file_name, content in context.pem.items():
        _write(os.path.join(pem, file_name), content)
    _write(os.path.join(folder, "meta.json"), json.dumps(context.document(), separators=(",", ":")).encode())


def remove(name: str, *, force: bool = False) -> None:
    """Raises NotFound, Conflict for the one in use unless forced, Invalid for the default one."""
    if name == DEFAULT:
        raise Invalid('context "default" cannot be removed')
    read(name)
    if name == current():
        if not force:
            raise Conflict(f'context "{name}" is in use, set -f flag to force remove')
        use(DEFAULT)
    _remove(os.path.dirname(pem_folder(name)))
    _remove(_place("meta", name))


def current() -> str:
    """The one that `use` chose."""
    try:
        with open(chosen_context(), encoding="utf-8") as file:
            return file.read().strip() or DEFAULT
    except OSError:
        return DEFAULT


def use(name: str) -> None:
    """Choose it for all commands to come. Raises NotFound."""
    read(name)
    if name != DEFAULT:
        _write(chosen_context(), f"{name}\n".encode())
        return
    try:
        os.unlink(chosen_context())
    except FileNotFoundError:
        pass


def address_of(name: str) -> Address:
    """The engine that a context names. Raises NotFound, Invalid."""
    context = read(name)
    address = parse_address(context.host)
    if address.scheme in ("tcp", "https") and (context.pem or context.skip_verify):
        ca, cert, key = (
            os.path.join(pem_folder(name), file) if file in context.pem else "" for file in FILES
        )
        address.tls = Tls(ca, cert, key, not context.skip_verify)
    return address


def exported(context: Context) -> bytes:
    """As one archive, with its certificates."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        files = {"meta.json": json.dumps(context.document()).encode()}
        files |= {f"tls/docker/{name}": content for name, content in context.pem.items()}
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def imported(name: str, archive: bytes) -> Context:
    """What `exported` (or Docker) made, under a name. Raises Invalid."""
    document, pem = None, {}
    whole = archive + bytes(1024 - len(archive) % 512)  # Docker's ends with its last byte of content
    try:
        with tarfile.open(fileobj=io.BytesIO(whole)) as files:
            for member in files:
                file = files.extractfile(member) if member.isfile() and member.size <= _LARGEST else None
                if file is not None and member.name == "meta.json":
                    document = json.load(file)
                elif file is not None and member.name in {f"tls/docker/{file_name}" for file_name in FILES}:
                    pem[member.name.rpartition("/")[2]] = file.read()
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise Invalid(f"this is no exported context: {error}") from None
    if document is None:
        raise Invalid("this is no exported context: there is no meta.json in it")
    return _from_document(document, pem)._replace(name=name)


def check_name(name: str) -> None:
    """Raise Invalid for what can't be a context's name."""
    if name == DEFAULT:
        raise Invalid('"default" is a reserved context name')
    if not _NAME.fullmatch(name):
        raise Invalid(
            f'context name "{name}" is invalid',
            hint='names are validated against regular expression "' + _NAME.pattern + '"',
        )


def folder(name: str) -> str:
    """Where its metadata is."""
    return _place("meta", name)


def pem_folder(name: str) -> str:
    """Where its certificates are."""
    return os.path.join(_place("tls", name), "docker")


def _from_document(document: Any, pem: Mapping[str, bytes]) -> Context:
    try:
        metadata = dict(document.get("Metadata") or {})
        endpoint = document["Endpoints"]["docker"]
        description = str(metadata.pop("Description", ""))
        skip = bool(endpoint.get("SkipTLSVerify"))
        return Context(str(document["Name"]), str(endpoint.get("Host", "")), description, skip, pem, metadata)
    except (KeyError, TypeError, AttributeError):
        raise Invalid("a context without an address of an engine") from None


def _place(kind: str, name: str = "") -> str:
    base = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    folder = os.path.join(base, "contexts", kind)
    return os.path.join(folder, hashlib.sha256(name.encode()).hexdigest()) if name else folder


def _write(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    draft = f"{path}.{os.getpid()}"
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
    os.replace(draft, path)


def _remove(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
