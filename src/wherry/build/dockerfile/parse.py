"""Nodes → typed instructions, instructions → stages."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from wherry.build.dockerfile import instructions as ins
from wherry.build.dockerfile.durations import parse_duration
from wherry.build.dockerfile.lines import Node, Source, read
from wherry.build.dockerfile.position import did_you_mean
from wherry.build.dockerfile.words import json_list, shell_words, split_flags, unquote
from wherry.errors import Invalid

__all__ = ["Dockerfile", "Stage", "parse", "parse_instruction", "parse_trigger"]

_STAGE = re.compile(r"[a-z][a-z0-9_.-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FLAGS = {
    "FROM": ("platform",),
    "RUN": ("mount", "network", "security", "device"),
    "COPY": ("from", "chown", "chmod", "link", "parents", "exclude"),
    "ADD": ("chown", "chmod", "link", "checksum", "keep-git-dir", "exclude", "unpack"),
    "HEALTHCHECK": ("interval", "timeout", "start-period", "start-interval", "retries"),
}
_BARE = frozenset({"link", "parents", "keep-git-dir", "unpack"})
_SEVERAL = frozenset({"mount", "exclude"})
_MAY_BE_EMPTY = frozenset({"CMD", "ENTRYPOINT"})  # takes away what the base image has


class Stage(NamedTuple):
    """`number` counts from 0; `start` is its FROM; `steps` what follows, without FROM."""

    number: int
    start: ins.From
    steps: list[ins.Instruction]

    @property
    def name(self) -> str:
        """Its name, or its number."""
        return self.start.name or str(self.number)


class Dockerfile(NamedTuple):
    """`globals` are the ARGs before the first FROM."""

    source: Source
    globals: list[ins.Arg]
    stages: list[Stage]


def parse(text: str | bytes, name: str = "Dockerfile") -> Dockerfile:
    """A whole Dockerfile. Raises DockerfileError for the first fault."""
    source = read(text, name)
    args: list[ins.Arg] = []
    stages: list[Stage] = []
    for node in source.nodes:
        instruction = parse_instruction(node, source.escape)
        if isinstance(instruction, ins.From):
            if instruction.name and any(stage.start.name == instruction.name for stage in stages):
                node.fail(f"duplicate name {instruction.name}", instruction.name)
            stages.append(Stage(len(stages), instruction, []))
        elif stages:
            stages[-1].steps.append(instruction)
        elif isinstance(instruction, ins.Arg):
            args.append(instruction)
        else:
            node.fail("no build stage in current context", hint="a Dockerfile begins with FROM (or ARG)")
    if not stages:
        source.nodes[-1].fail("no build stage in current context", hint="there is no FROM")
    return Dockerfile(source, args, stages)


def parse_trigger(text: str) -> ins.Instruction:
    """An ONBUILD trigger of a base image. Raises DockerfileError."""
    return parse_instruction(read(text, "ONBUILD").nodes[0], "\\")


def parse_instruction(node: Node, escape: str) -> ins.Instruction:
    """One instruction. Raises DockerfileError."""
    make = _MAKERS.get(node.word)
    if make is None:
        node.fail(f"unknown instruction: {node.written}", hint=did_you_mean(node.word, _MAKERS))
    flags, rest = _flags(node, escape)
    if not rest and node.word not in _MAY_BE_EMPTY:
        node.fail(f"{node.word} requires {_WANTS.get(node.word, 'at least one argument')}")
    return make(node, flags, rest, escape)


_WANTS = {
    "FROM": "either one or three arguments",
    "MAINTAINER": "exactly one argument",
    "WORKDIR": "exactly one argument",
    "USER": "exactly one argument",
    "STOPSIGNAL": "exactly one argument",
    "COPY": "at least two arguments",
    "ADD": "at least two arguments",
}


def _flags(node: Node, escape: str) -> tuple[dict[str, list[str]], str]:
    known = _FLAGS.get(node.word)
    if known is None:
        return {}, node.rest
    words, rest = split_flags(node.rest, escape)
    flags: dict[str, list[str]] = {}
    for word in words:
        name, equals, value = word[2:].partition("=")
        if name not in known:
            node.fail(f"unknown flag: --{name}", f"--{name}", did_you_mean(name, known))
        if not equals:
            if name not in _BARE:
                node.fail(f"missing a value on flag: --{name}", f"--{name}")
            value = "true"
        if name in flags and name not in _SEVERAL:
            node.fail(f"duplicate flag specified: --{name}", f"--{name}")
        flags.setdefault(name, []).append(value)
    return flags, rest


def _from(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.From:
    words = rest.split()
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].lower() != "as"):
        node.fail("FROM requires either one or three arguments", words[1] if len(words) > 1 else "")
    name = words[2].lower() if len(words) == 3 else ""
    if name and not _STAGE.fullmatch(name):
        node.fail(
            f"invalid name for build stage: {words[2]!r}, name can't start with a number or contain symbols",
            words[2],
        )
    return ins.From(node, words[0], name, flags.get("platform", [""])[-1])


def _arg(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Arg:
    pairs: list[tuple[str, str | None]] = []
    for word in shell_words(rest, escape):
        name, equals, value = word.partition("=")
        name = unquote(name, escape)
        if not _VARIABLE.fullmatch(name):
            node.fail(
                f"invalid name for a build argument: {name!r}" if name else "ARG names can not be blank", word
            )
        pairs.append((name, value if equals else None))
    return ins.Arg(node, pairs)


def _run(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Run:
    for name in flags:
        if name == "device":
            node.fail("RUN --device is not supported", "--device")
    network = flags.get("network", [""])[-1]
    if network not in ("", "default", "none", "host"):
        node.fail(f"invalid network mode: {network!r}", network, "default, none or host")
    security = flags.get("security", [""])[-1]
    if security not in ("", "sandbox", "insecure"):
        node.fail(f"invalid security mode: {security!r}", security, "sandbox or insecure")
    return ins.Run(
        node, rest, _exec_form(node, rest), flags.get("mount", []), network, security, list(node.heredocs)
    )


def _copy(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Copy:
    words = _exec_form(node, rest)
    if words is None:
        words = rest.split()
    if len(words) < 2:
        node.fail(f"{node.word} requires at least two arguments, but only one was provided", rest)
    return ins.Copy(node, node.word == "ADD", words[:-1], words[-1], flags, list(node.heredocs))


def _pairs(node: Node, rest: str, escape: str) -> list[tuple[str, str]]:
    words = shell_words(rest, escape)
    if "=" not in words[0]:
        parts = rest.split(None, 1)
        if len(parts) < 2:
            node.fail(f"{node.word} must have two arguments", rest)
        return [(parts[0], parts[1])]
    pairs = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            node.fail(
                f"syntax error: can't find = in {word!r}. Must be of the form: name=value",
                word,
                "quote values that have spaces",
            )
        if not name:
            node.fail(f"{node.word} names can not be blank", word)
        pairs.append((name, value))
    return pairs


def _env(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Env:
    return ins.Env(node, _pairs(node, rest, escape))


def _label(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Label:
    return ins.Label(node, _pairs(node, rest, escape))


def _maintainer(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Maintainer:
    return ins.Maintainer(node, rest)


def _expose(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Expose:
    return ins.Expose(node, rest.split())


def _volume(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Volume:
    paths = _exec_form(node, rest)
    paths = rest.split() if paths is None else paths
    if not paths or not all(path.strip() for path in paths):
        node.fail("VOLUME specified can not be an empty string")
    return ins.Volume(node, paths)


def _user(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.User:
    if len(rest.split()) != 1 and '"' not in rest and "'" not in rest and "$" not in rest:
        node.fail("USER requires exactly one argument", rest.split()[1])
    return ins.User(node, rest)


def _workdir(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Workdir:
    return ins.Workdir(node, rest)


def _stop_signal(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.StopSignal:
    if len(rest.split()) != 1:
        node.fail("STOPSIGNAL requires exactly one argument", rest)
    return ins.StopSignal(node, rest)


def _shell(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Shell:
    words = _exec_form(node, rest)
    if not words:
        node.fail("SHELL requires the arguments to be in JSON form", rest, 'like SHELL ["/bin/bash", "-c"]')
    return ins.Shell(node, words)


def _on_build(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.OnBuild:
    word = rest.split(None, 1)[0].upper()
    if word == "ONBUILD":
        node.fail("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", rest)
    if word in ("FROM", "MAINTAINER"):
        node.fail(f"{word} isn't allowed as an ONBUILD trigger", rest)
    if word not in _MAKERS:
        node.fail(f"unknown instruction: {rest.split(None, 1)[0]}", rest, did_you_mean(word, _MAKERS))
    text = rest
    for heredoc in node.heredocs:
        text += f"\n{heredoc.content}{heredoc.name}"
    return ins.OnBuild(node, text)


def _command(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Command:
    words = _exec_form(node, rest) if rest else []
    return ins.Command(node, node.word == "ENTRYPOINT", rest, words)


def _health(node: Node, flags: dict[str, list[str]], rest: str, escape: str) -> ins.Health:
    kind, _, line = rest.partition(" ")
    kind, line = kind.upper(), line.strip()
    options = {name: values[-1] for name, values in flags.items()}
    for name, value in options.items():
        if "$" in value:
            continue
        try:
            if name == "retries":
                if not value.isdigit() or int(value[:20]) >= 1 << 31:
                    raise Invalid(f"--retries: not a whole number: {value!r}")
            else:
                parse_duration(value, f"--{name}")
        except Invalid as error:
            node.fail(error.message, value)
    if kind == "NONE":
        if line:
            node.fail("HEALTHCHECK NONE takes no arguments", line)
        return ins.Health(node, kind, "", None, options)
    if kind != "CMD":
        node.fail(f'unknown type "{rest.split()[0]}" in HEALTHCHECK (try CMD)', rest)
    if not line:
        node.fail("missing command after HEALTHCHECK CMD", rest)
    return ins.Health(node, kind, line, _exec_form(node, line), options)


def _exec_form(node: Node, text: str) -> list[str] | None:
    try:
        return json_list(text)
    except Invalid as error:
        node.fail(error.message, text)


_Maker = Callable[[Node, dict[str, list[str]], str, str], ins.Instruction]
_MAKERS: dict[str, _Maker] = {
    "FROM": _from,
    "ARG": _arg,
    "RUN": _run,
    "COPY": _copy,
    "ADD": _copy,
    "ENV": _env,
    "LABEL": _label,
    "MAINTAINER": _maintainer,
    "EXPOSE": _expose,
    "VOLUME": _volume,
    "USER": _user,
    "WORKDIR": _workdir,
    "STOPSIGNAL": _stop_signal,
    "SHELL": _shell,
    "ONBUILD": _on_build,
    "CMD": _command,
    "ENTRYPOINT": _command,
    "HEALTHCHECK": _health,
}


def stage_index(stages: Sequence[Stage], name: str, before: int) -> int | None:
    """The index of the stage below `before` that a name or number means; None when it is none."""
    for stage in stages[:before]:
        if stage.start.name == name.lower():
            return stage.number
    if name.isdigit() and int(name) < before:
        return int(name)
    return None
