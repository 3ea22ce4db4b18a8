"""Which log driver a container uses, and within what limits.

Drivers: `cri`, the default; `json-file` and `local`, which people name out of habit and which mean the same
file here (only `logs` and the API read it); `none` keeps nothing. Drivers that deliver elsewhere are the
engine's (`wherry.engine.logdrivers`), from a file like the others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.errors import Invalid, Unsupported

DRIVERS = ("cri", "json-file", "local", "none")
DEFAULT_MAX_SIZE = 20 << 20
DEFAULT_MAX_FILE = 5
"""Docker's `local` driver keeps five files of 20 MB; its `json-file` grows without end, which fills disks."""
SMALLEST_MAX_SIZE = 4096
UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
DESCRIPTIVE = ("labels", "labels-regex", "env", "env-regex", "tag")
"""Options that only decide what `logs --details` shows; the engine reads them from the container."""


class LogConfig(NamedTuple):
    driver: str = "cri"
    max_size: int = DEFAULT_MAX_SIZE
    """Bytes a file may reach before it is rotated; 0 is without end."""
    max_file: int = DEFAULT_MAX_FILE
    """Files kept, the current one included; at least 1."""

    @property
    def keeps(self) -> bool:
        return self.driver != "none"


def parse(driver: str, options: dict[str, str]) -> LogConfig:
    """A `--log-driver` and its `--log-opt`s. Raises Invalid for nonsense, Unsupported for what isn't done."""
    driver = driver or "cri"
    if driver not in DRIVERS:
        raise Unsupported(
            f"logger: no log driver named '{driver}' is registered", hint=f"drivers: {', '.join(DRIVERS)}"
        )
    max_size, max_file = DEFAULT_MAX_SIZE, DEFAULT_MAX_FILE
    for name, value in options.items():
        if name == "max-size":
            max_size = _max_size(value)
        elif name == "max-file":
            max_file = _count(value)
        elif name == "compress":
            if value.lower() not in ("false", "0", "f", ""):
                raise Unsupported(
                    "log option compress=true is not supported", hint="rotated logs stay plain text"
                )
        elif name not in DESCRIPTIVE:
            raise Invalid(f"unknown log opt '{name}' for {driver} log driver")
    return LogConfig(driver, max_size, max_file)


def from_wire(fields: list[Any]) -> LogConfig:
    """A LogConfig that came through the control socket, within bounds. Raises Invalid."""
    try:
        driver, max_size, max_file = fields
        if driver not in DRIVERS:
            raise ValueError(driver)
        size = max(int(max_size), SMALLEST_MAX_SIZE) if max_size else 0
        return LogConfig(driver, size, max(1, int(max_file)))
    except (TypeError, ValueError):
        raise Invalid(f"invalid log configuration: {fields}") from None


def _max_size(value: str) -> int:
    if value.strip() == "-1":
        return 0
    try:
        found = size(value)
    except Invalid as error:
        raise Invalid(f"invalid value for max-size: {value}", hint=error.hint) from None
    if found <= 0:
        raise Invalid(f"invalid value for max-size: {value}", hint="a positive size, for example 10m, or -1")
    return max(found, SMALLEST_MAX_SIZE)


def size(value: str) -> int:
    """Bytes of `10m`, `1.5g`, `4096`, … Raises Invalid."""
    text = value.strip().lower()
    number = text.rstrip("bkmgt")
    unit = text[len(number) :].removesuffix("b") if len(text) - len(number) > 1 else text[len(number) :]
    try:
        return int(float(number) * UNITS[unit])
    except (KeyError, ValueError, OverflowError):
        raise Invalid(f"invalid size: '{value}'", hint="for example 10m") from None


def _count(value: str) -> int:
    try:
        count = int(value)
    except ValueError:
        raise Invalid(f"invalid value for max-file: {value}", hint="a whole number of at least 1") from None
    if not 1 <= count <= 1000:
        raise Invalid("max-file cannot be less than 1", hint="between 1 and 1000")
    return count
