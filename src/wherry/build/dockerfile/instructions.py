"""The instructions, typed. Text may still have variables in it; `node` is where it is from."""

from __future__ import annotations

from typing import NamedTuple

from wherry.build.dockerfile.lines import Heredoc, Node

__all__ = [
    "Arg",
    "Command",
    "Copy",
    "Env",
    "Expose",
    "From",
    "Health",
    "Instruction",
    "Label",
    "Maintainer",
    "OnBuild",
    "Run",
    "Shell",
    "StopSignal",
    "User",
    "Volume",
    "Workdir",
]


class From(NamedTuple):
    """`base` is an image, `scratch` or an earlier stage; `name` in lower case, empty without AS."""

    node: Node
    base: str
    name: str
    platform: str


class Arg(NamedTuple):
    """`pairs`: (name, default or None)."""

    node: Node
    pairs: list[tuple[str, str | None]]


class Run(NamedTuple):
    """`words` in exec form, else None and `line` goes to the shell. `mounts` are as written."""

    node: Node
    line: str
    words: list[str] | None
    mounts: list[str]
    network: str
    security: str
    heredocs: list[Heredoc]


class Copy(NamedTuple):
    """COPY, or ADD when `add`. `flags`: name → values as written ("true" for those without)."""

    node: Node
    add: bool
    sources: list[str]
    target: str
    flags: dict[str, list[str]]
    heredocs: list[Heredoc]

    def flag(self, name: str) -> str:
        """The last value of a flag, or empty."""
        values = self.flags.get(name)
        return values[-1] if values else ""

    def on(self, name: str) -> bool:
        """Whether a flag is set, and not to false."""
        return self.flag(name).lower() not in ("", "false", "0")


class Env(NamedTuple):
    node: Node
    pairs: list[tuple[str, str]]


class Label(NamedTuple):
    node: Node
    pairs: list[tuple[str, str]]


class Maintainer(NamedTuple):
    node: Node
    who: str


class Expose(NamedTuple):
    node: Node
    ports: list[str]


class Volume(NamedTuple):
    node: Node
    paths: list[str]


class User(NamedTuple):
    node: Node
    user: str


class Workdir(NamedTuple):
    node: Node
    path: str


class StopSignal(NamedTuple):
    node: Node
    signal: str


class Shell(NamedTuple):
    node: Node
    words: list[str]


class OnBuild(NamedTuple):
    """`text` is the instruction to keep, as written."""

    node: Node
    text: str


class Command(NamedTuple):
    """CMD, or ENTRYPOINT when `entrypoint`."""

    node: Node
    entrypoint: bool
    line: str
    words: list[str] | None


class Health(NamedTuple):
    """`kind` is NONE or CMD; `options` as written; durations are checked when parsed."""

    node: Node
    kind: str
    line: str
    words: list[str] | None
    options: dict[str, str]


Instruction = (
    From
    | Arg
    | Run
    | Copy
    | Env
    | Label
    | Maintainer
    | Expose
    | Volume
    | User
    | Workdir
    | StopSignal
    | Shell
    | OnBuild
    | Command
    | Health
)
