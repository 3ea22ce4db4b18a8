"""The instructions that change only the configuration."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any

import msgspec

from wherry.build.dockerfile import Expander
from wherry.build.dockerfile import instructions as ins
from wherry.build.dockerfile.durations import parse_duration
from wherry.build.state import DEFAULT_SHELL, State
from wherry.errors import Invalid
from wherry.oci import Healthcheck

__all__ = ["configure"]

_PORT = re.compile(
    r"(?:(?:[\d.]+|\[[\da-f:]+\]):)?(?:[\d-]*:)?(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", re.IGNORECASE
)
"""As -p has it: an address and a port of the machine may stand before the container's, and mean nothing."""


def configure(state: State, instruction: ins.Instruction, expand: Expander) -> str | None:
    """Carry the instruction out on `state`; what the history says of it, None when it is of another kind.
    Raises Invalid."""
    handler = _HANDLERS.get(type(instruction))
    return handler(state, instruction, expand) if handler is not None else None


def _env(state: State, step: ins.Env, expand: Expander) -> str:
    pairs = [(expand.word(name), expand.word(value)) for name, value in step.pairs]
    for name, value in pairs:
        state.set_environment(name, value)
    return "ENV " + " ".join(f"{name}={value}" for name, value in pairs)


def _label(state: State, step: ins.Label, expand: Expander) -> str:
    pairs = [(expand.word(name), expand.word(value)) for name, value in step.pairs]
    state.config.labels = {**(state.config.labels or {}), **dict(pairs)}
    return "LABEL " + " ".join(f"{name}={value}" for name, value in pairs)


def _maintainer(state: State, step: ins.Maintainer, expand: Expander) -> str:
    state.author = step.who
    return f"MAINTAINER {step.who}"


def _expose(state: State, step: ins.Expose, expand: Expander) -> str:
    ports: list[str] = []
    written: list[str] = []
    for word in sorted(step.ports):
        for port in expand.words(word):
            written.append(port)
            match = _PORT.fullmatch(port)
            if not match or not 0 < int(match[1]) <= int(match[2] or match[1]) < 65536:
                raise Invalid(f"invalid containerPort: {port}")
            for number in range(int(match[1]), int(match[2] or match[1]) + 1):
                ports.append(f"{number}/{(match[3] or 'tcp').lower()}")
    state.config.exposed_ports = {**(state.config.exposed_ports or {}), **{port: {} for port in ports}}
    return f"EXPOSE {' '.join(written)}"


def _volume(state: State, step: ins.Volume, expand: Expander) -> str:
    paths = [expand.word(path) for path in step.paths]
    if not all(path.strip() for path in paths):
        raise Invalid("VOLUME specified can not be an empty string")
    state.config.volumes = {**(state.config.volumes or {}), **{path: {} for path in paths}}
    return f"VOLUME [{' '.join(paths)}]"


def _user(state: State, step: ins.User, expand: Expander) -> str:
    state.config.user = expand.word(step.user)
    return f"USER {state.config.user}"


def _stop_signal(state: State, step: ins.StopSignal, expand: Expander) -> str:
    state.config.stop_signal = expand.word(step.signal)
    if not _is_signal(state.config.stop_signal):
        raise Invalid(f"Invalid signal: {state.config.stop_signal}")
    return f"STOPSIGNAL {state.config.stop_signal}"


def _is_signal(text: str) -> bool:
    if text.isdigit():
        return 0 < int(text) <= signal.SIGRTMAX
    name = text.upper().removeprefix("SIG")
    return f"SIG{name}" in signal.Signals.__members__ or bool(re.fullmatch(r"RTM(IN\+|AX-)\d{1,2}", name))


def _shell(state: State, step: ins.Shell, expand: Expander) -> str:
    state.config.shell = list(step.words)
    return f"SHELL [{' '.join(step.words)}]"


def _on_build(state: State, step: ins.OnBuild, expand: Expander) -> str:
    state.config.on_build = [*(state.config.on_build or []), step.text]
    return f"ONBUILD {step.text}"


def _command(state: State, step: ins.Command, expand: Expander) -> str:
    words = step.words
    if words is None:
        words = [*(state.config.shell or DEFAULT_SHELL), step.line]
    shown = " ".join(msgspec.json.encode(word).decode() for word in words)
    if step.entrypoint:
        state.config.entrypoint = list(words)
        if not state.cmd_set:
            state.config.cmd = None
        return f"ENTRYPOINT [{shown}]"
    state.config.cmd = list(words)
    state.cmd_set = True
    return f"CMD [{shown}]"


def _health(state: State, step: ins.Health, expand: Expander) -> str:
    if step.kind == "NONE":
        state.config.healthcheck = Healthcheck(test=["NONE"])
        return "HEALTHCHECK NONE"
    check = Healthcheck()
    for name, raw in step.options.items():
        value = expand.word(raw)
        if name == "retries":
            if not value.isdigit() or int(value[:20]) >= 1 << 31:
                raise Invalid(f"--retries: not a whole number: {value!r}")
            check.retries = int(value)
        else:
            setattr(check, name.replace("-", "_"), parse_duration(value, f"--{name}"))
    check.test = ["CMD", *step.words] if step.words is not None else ["CMD-SHELL", step.line]
    state.config.healthcheck = check
    return f"HEALTHCHECK {step.node.rest}"


_HANDLERS: dict[type, Callable[[State, Any, Expander], str]] = {
    ins.Env: _env,
    ins.Label: _label,
    ins.Maintainer: _maintainer,
    ins.Expose: _expose,
    ins.Volume: _volume,
    ins.User: _user,
    ins.StopSignal: _stop_signal,
    ins.Shell: _shell,
    ins.OnBuild: _on_build,
    ins.Command: _command,
    ins.Health: _health,
}
