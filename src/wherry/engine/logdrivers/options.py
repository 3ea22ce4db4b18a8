"""`--log-driver` and `--log-opt`: checked at create, in Docker's words."""

from __future__ import annotations

import importlib
import re
from typing import NamedTuple, Protocol

from wherry.errors import Invalid, Unsupported
from wherry.supervisor.logs import options as files
from wherry.supervisor.logs.options import LogConfig

REMOTE = ("fluentd", "gelf", "journald", "syslog")
"""Each is a module of this package."""
DRIVERS = tuple(sorted((*files.DRIVERS, *REMOTE)))
DESCRIPTIVE = frozenset(("labels", "labels-regex", "env", "env-regex", "tag"))
_CACHE = {"cache-max-size": "max-size", "cache-max-file": "max-file", "cache-compress": "compress"}
"""Options of the file from which `logs` reads, beside a driver that delivers elsewhere."""


class Driver(Protocol):
    """What the module of a remote driver has."""

    OPTIONS: frozenset[str]
    """The options that are its own, besides the descriptive ones."""

    def check(self, options: dict[str, str]) -> None:
        """Raise Invalid for a value that can't be meant."""


class Logging(NamedTuple):
    """What becomes of a container's output."""

    file: LogConfig
    remote: str = ""
    """The driver that it is delivered by, "" for none."""
    readable: bool = True
    """Whether `logs` shows it."""


def parse(driver: str, options: dict[str, str]) -> Logging:
    """Raises Invalid for nonsense, Unsupported for a driver or a choice that isn't there."""
    driver = driver or "json-file"
    if driver not in DRIVERS:
        raise Unsupported(
            f"logger: no log driver named '{driver}' is registered", hint=f"drivers: {', '.join(DRIVERS)}"
        )
    if driver == "none":
        return Logging(LogConfig("none"), readable=False)
    _check_mode(options)
    rest = {name: value for name, value in options.items() if name not in ("mode", "max-buffer-size")}
    for name in ("labels-regex", "env-regex"):
        try:
            re.compile(rest.get(name, ""))
        except re.error as error:
            raise Invalid(f"error compiling {name}: {error}") from None
    if driver not in REMOTE:
        return Logging(files.parse(driver, rest))
    module: Driver = importlib.import_module(f"{__package__}.{driver}")
    for name in rest:
        if name not in module.OPTIONS | DESCRIPTIVE | _CACHE.keys() | {"cache-disabled"}:
            raise Invalid(f"unknown log opt '{name}' for {driver} log driver")
    module.check(rest)
    if "tag" in rest:
        from .tags import check as check_tag

        check_tag(rest["tag"])
    cache = files.parse("local", {local: rest[name] for name, local in _CACHE.items() if name in rest})
    return Logging(cache, driver, readable=not truth(rest, "cache-disabled"))


def truth(options: dict[str, str], name: str) -> bool:
    """A yes or no, as Go's strconv reads them. Raises Invalid."""
    text = options.get(name, "")
    if text in ("", "0", "f", "F", "false", "FALSE", "False"):
        return False
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    raise Invalid(f'invalid value for {name}: strconv.ParseBool: parsing "{text}": invalid syntax')


def _check_mode(options: dict[str, str]) -> None:
    """Both modes are one here: a container waits for this machine's disk and never for a destination."""
    mode = options.get("mode", "")
    if mode not in ("", "blocking", "non-blocking"):
        raise Invalid(f"logger: logging mode not supported: {mode}")
    if "max-buffer-size" in options:
        if mode != "non-blocking":
            raise Invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
        try:
            files.size(options["max-buffer-size"])
        except Invalid as error:
            raise Invalid(f"error parsing option max-buffer-size: {error.message}") from None
