"""Credentials of registries, where Docker's clients keep them: config.json, or a helper that it names.

`DOCKER_CONFIG` (or --config) names the folder, else `~/.docker`. Secrets go to a helper on its standard
input, never as an argument, and the file is only its owner's to read.
"""

from __future__ import annotations

import os
from binascii import a2b_base64, b2a_base64

from wherry.client.codec import decode, encode
from wherry.errors import Invalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HUB = "https://index.docker.io/v1/"  # the name under which Docker keeps its own registry's credentials
_URL_SAFE = str.maketrans("+/", "-_")
_TOKEN_USER = "<token>"  # noqa: S105 — what helpers say instead of a user name


def registry_of(image: str) -> str:
    """The registry that an image's name begins with; Docker's own where it names none."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return HUB if first in ("docker.io", "index.docker.io") else first
    return HUB


def auth_header(image: str) -> dict[str, str]:
    """The `X-Registry-Auth` header for an image, empty where nothing is known of its registry."""
    found = find(registry_of(image))
    return {"X-Registry-Auth": _base64(encode(found)).translate(_URL_SAFE)} if found else {}


def find(registry: str) -> dict[str, str]:
    """What is kept for a registry, as the API takes it; empty when nothing is."""
    config = _read()
    helper = _helper(config, registry)
    if helper:
        answer = _ask(helper, "get", registry)
        if not answer:
            return {}
        kept = decode(answer.encode())
        name, secret = kept.get("Username", ""), kept.get("Secret", "")
        if name == _TOKEN_USER:
            return {"identitytoken": secret, "serveraddress": registry}
        return {"username": name, "password": secret, "serveraddress": registry}
    entry = _entry(config, registry)
    if not entry:
        return {}
    found = {"serveraddress": registry}
    if entry.get("identitytoken"):
        found["identitytoken"] = entry["identitytoken"]
    if entry.get("auth"):
        name, _, password = a2b_base64(entry["auth"]).decode().partition(":")
        found |= {"username": name, "password": password}
    return found


def every() -> dict[str, dict[str, str]]:
    """What is kept for every registry that is logged in to, by the registry's name."""
    config = _read()
    names = {**config.get("auths", {}), **config.get("credHelpers", {})}
    return {name: found for name in names if (found := find(name))}


def keep(registry: str, name: str, password: str, token: str) -> str:
    """Keep credentials; returns where they are.

    A token of the registry's is kept rather than the password.
    """
    config = _read()
    helper = _helper(config, registry)
    if helper:
        entry = {
            "ServerURL": registry,
            "Username": _TOKEN_USER if token else name,
            "Secret": token or password,
        }
        if _ask(helper, "store", encode(entry).decode()) is None:
            raise Invalid(f"docker-credential-{helper} did not keep the credentials")
        config.setdefault("auths", {})[registry] = {}
        _write(config)
        return f"docker-credential-{helper}"
    entry = {"auth": _base64(f"{name}:{'' if token else password}".encode())}
    if token:
        entry["identitytoken"] = token
    config.setdefault("auths", {})[registry] = entry
    return _write(config)


def forget(registry: str) -> bool:
    """Forget what is kept for a registry; False when nothing was."""
    config = _read()
    helper = _helper(config, registry)
    if helper:
        _ask(helper, "erase", registry)
    gone = [name for name in config.get("auths", {}) if _same(name, registry)]
    for name in gone:
        del config["auths"][name]
    if gone:
        _write(config)
    return bool(gone or helper)


def _base64(data: bytes) -> str:
    return b2a_base64(data, newline=False).decode()


def _path() -> str:
    folder = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    return os.path.join(folder, "config.json")


def _read() -> dict[str, Any]:
    try:
        with open(_path(), "rb") as file:
            found = decode(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Invalid(f"{_path()}: {error}") from None
    return found if isinstance(found, dict) else {}


def _write(config: dict[str, Any]) -> str:
    import json

    path = _path()
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(fd, "w", encoding="utf-8") as file:
        json.dump(config, file, indent="\t")
    os.replace(temporary, os.path.realpath(path))
    return path


def _entry(config: dict[str, Any], registry: str) -> dict[str, str]:
    return next((entry for name, entry in config.get("auths", {}).items() if _same(name, registry)), {})


def _same(one: str, other: str) -> bool:
    """Whether two names are of one registry: older clients kept `https://host/v1/` for `host`."""
    return one == other or _host(one) == _host(other)


def _host(name: str) -> str:
    return name.partition("://")[2].partition("/")[0] if "://" in name else name.partition("/")[0]


def _helper(config: dict[str, Any], registry: str) -> str:
    helpers = config.get("credHelpers", {})
    return str(helpers.get(registry) or helpers.get(_host(registry)) or config.get("credsStore") or "")


def _ask(helper: str, verb: str, text: str) -> str | None:
    """A helper's answer; None when it has none. Raises Invalid when there is no such helper."""
    import subprocess

    if "/" in helper:
        raise Invalid(f"invalid credential helper {helper!r} in {_path()}")
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", verb], input=text, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise Invalid(
            f"there is no docker-credential-{helper}", hint=f"{_path()} names it: install it, or change that"
        ) from None
    return done.stdout if done.returncode == 0 else None
