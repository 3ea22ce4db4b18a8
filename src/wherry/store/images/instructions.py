"""The instructions that `import --change` and `commit --change` take: the Dockerfile ones that only touch
the configuration (CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME,
WORKDIR)."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterable

import msgspec

from wherry.errors import Invalid
from wherry.oci import Healthcheck, RunConfig

__all__ = ["apply_instructions"]

_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_KNOWN = "CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR"
_SHELL = ["/bin/sh", "-c"]


def apply_instructions(config: RunConfig, instructions: Iterable[str]) -> RunConfig:
    """A new configuration, `instructions` carried out in order. Raises Invalid, naming the instruction."""
    result = msgspec.structs.replace(config)
    for text in instructions:
        for line in text.replace("\\\n", " ").splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                _apply(result, line.strip())
    return result


def _apply(config: RunConfig, line: str) -> None:
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    word = word.upper()
    if not rest:
        raise Invalid(f"{word} requires an argument")
    if word == "CMD":
        config.cmd = _command(config, rest)
    elif word == "ENTRYPOINT":
        config.entrypoint = _command(config, rest)
    elif word == "ENV":
        config.env = _with_env(config.env or [], _pairs(word, rest))
    elif word == "LABEL":
        config.labels = {**(config.labels or {}), **dict(_pairs(word, rest))}
    elif word == "EXPOSE":
        config.exposed_ports = {**(config.exposed_ports or {}), **{port: {} for port in _ports(rest)}}
    elif word == "VOLUME":
        paths = _exec_form(rest) or _words(rest)
        config.volumes = {**(config.volumes or {}), **{path: {} for path in paths}}
    elif word == "USER":
        config.user = rest
    elif word == "WORKDIR":
        config.working_dir = posixpath.normpath(posixpath.join(config.working_dir or "/", _words(rest)[0]))
    elif word == "STOPSIGNAL":
        config.stop_signal = rest
    elif word == "ONBUILD":
        trigger = rest.split()[0].upper()
        if trigger in ("ONBUILD", "FROM", "MAINTAINER"):
            raise Invalid(f"{trigger} isn't allowed as an ONBUILD trigger")
        config.on_build = [*(config.on_build or []), rest]
    elif word == "HEALTHCHECK":
        config.healthcheck = _healthcheck(config, rest)
    elif word == "SHELL":
        config.shell = _exec_form(rest)
        if not config.shell:
            raise Invalid("SHELL requires the arguments to be in JSON form")
    else:
        raise Invalid(
            f"{word} is not a valid change command",
            hint="these are: " + _KNOWN,
        )


def _command(config: RunConfig, rest: str) -> list[str]:
    form = _exec_form(rest)
    return form if form is not None else [*(config.shell or _SHELL), rest]


def _exec_form(rest: str) -> list[str] | None:
    if not rest.startswith("["):
        return None
    try:
        words = json.loads(rest)
    except ValueError:
        return None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return words
    return None


def _words(rest: str) -> list[str]:
    try:
        return shlex.split(rest)
    except ValueError as error:
        raise Invalid(f"unbalanced quotes in {rest[:80]!r}") from error


def _pairs(word: str, rest: str) -> list[tuple[str, str]]:
    first = rest.split(None, 1)
    if "=" not in first[0]:  # the old form: one name, and all that follows is the value
        if len(first) < 2:
            raise Invalid(f"{word} must have two arguments")
        return [(first[0], first[1])]
    pairs = []
    for item in _words(rest):
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise Invalid(f"syntax error: can't find = in {item!r}; must be of the form: name=value")
        pairs.append((name, value))
    return pairs


def _with_env(env: list[str], pairs: list[tuple[str, str]]) -> list[str]:
    result = list(env)
    for name, value in pairs:
        for number, item in enumerate(result):
            if item.partition("=")[0] == name:
                result[number] = f"{name}={value}"
                break
        else:
            result.append(f"{name}={value}")
    return result


def _ports(rest: str) -> list[str]:
    ports = []
    for item in _words(rest):
        match = _PORT.fullmatch(item)
        if not match:
            raise Invalid(f"invalid containerPort: {item}")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 0 < first <= last < 65536:
            raise Invalid(f"invalid containerPort: {item}")
        ports += [f"{number}/{(match[3] or 'tcp').lower()}" for number in range(first, last + 1)]
    return ports


def _healthcheck(config: RunConfig, rest: str) -> Healthcheck:
    check = Healthcheck()
    while rest.startswith("--"):
        option, _, rest = rest.partition(" ")
        rest = rest.strip()
        name, _, value = option[2:].partition("=")
        if name == "retries":
            if not value.isdigit():
                raise Invalid(f"invalid HEALTHCHECK --retries={value}")
            check.retries = int(value)
        elif name in ("interval", "timeout", "start-period", "start-interval"):
            setattr(check, name.replace("-", "_"), _duration(value))
        else:
            raise Invalid(f"unknown HEALTHCHECK option --{name}")
    kind, _, command = rest.partition(" ")
    if kind.upper() == "NONE" and not command:
        return Healthcheck(test=["NONE"])
    if kind.upper() != "CMD" or not command.strip():
        raise Invalid(f"unknown type {kind!r} in HEALTHCHECK (try CMD)")
    form = _exec_form(command.strip())
    check.test = ["CMD", *form] if form is not None else ["CMD-SHELL", command.strip()]
    return check


def _duration(text: str) -> int:
    if not text or _DURATION.sub("", text):
        raise Invalid(f"invalid duration {text!r}", hint="for instance 30s or 1m30s")
    return int(sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(text)))
