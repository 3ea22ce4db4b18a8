"""Docker's build checks: what is allowed in a Dockerfile and still likely a mistake."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from wherry.build.dockerfile import Dockerfile, Stage
from wherry.build.dockerfile import instructions as ins
from wherry.build.events import Warned

__all__ = ["check"]

_SECRET = re.compile(
    r"(?i)(?:^|_)(?:apikey|auth|credentials?|git_token|key|password|pword|passwd|secret|token)(?:_|$)"
)
_NOT_SECRET = re.compile(r"(?i)(?:^|_)public(?:_|$)")
_RESERVED = ("scratch", "context")
_SKIP = re.compile(r"skip=([A-Za-z,]+)")


def check(file: Dockerfile) -> list[Warned]:
    """All findings, in the order of the file; `# check=skip=…` turns rules off."""
    found: list[Warned] = []
    for rule in _RULES:
        found += rule(file)
    match = _SKIP.search(file.source.directives.get("check", ""))
    skipped = set(match[1].split(",")) if match else set()
    if "all" in skipped:
        return []
    return sorted((one for one in found if one.rule not in skipped), key=lambda one: (one.line, one.rule))


def _casing(file: Dockerfile) -> Iterator[Warned]:
    words = [(node.written, node.line) for node in file.source.nodes]
    upper = sum(word.isupper() for word, _ in words)
    majority = "uppercase" if upper * 2 >= len(words) else "lowercase"
    for word, line in words:
        if not word.isupper() and not word.islower():
            yield Warned(
                f"Command '{word}' should be consistently cased", "ConsistentInstructionCasing", line
            )
        elif word.isupper() != (majority == "uppercase"):
            text = f"Command '{word}' should match the case of the command majority ({majority})"
            yield Warned(text, "ConsistentInstructionCasing", line)


def _stages(file: Dockerfile) -> Iterator[Warned]:
    for stage in file.stages:
        node = stage.start.node
        words = node.rest.split()
        if len(words) >= 3:
            name, keyword = words[-1], words[-2]
            if name != name.lower():
                yield Warned(f"Stage name '{name}' should be lowercase", "StageNameCasing", node.line)
            if keyword.isupper() != node.written.isupper():
                text = f"'{keyword}' and '{node.written}' keywords' casing do not match"
                yield Warned(text, "FromAsCasing", node.line)
            if name.lower() in _RESERVED:
                text = f"Stage name should not use the same name as reserved stage '{name}'"
                yield Warned(text, "ReservedStageName", node.line)
        if stage.start.platform and "$" not in stage.start.platform:
            text = f'FROM --platform flag should not use constant value "{stage.start.platform}"'
            yield Warned(text, "FromPlatformFlagConstDisallowed", node.line)
        if stage.start.platform in ("$TARGETPLATFORM", "${TARGETPLATFORM}"):
            text = (
                f"Setting platform to predefined {stage.start.platform} in "
                f"FROM is redundant as this is the default behavior"
            )
            yield Warned(text, "RedundantTargetPlatform", node.line)


def _last_one_counts(file: Dockerfile) -> Iterator[Warned]:
    for stage in file.stages:
        for word, steps in _repeated(stage):
            for step in steps[:-1]:
                text = (
                    f"Multiple {word} instructions should not be used in the same "
                    f"stage because only the last one will be used"
                )
                yield Warned(text, "MultipleInstructionsDisallowed", step.node.line)


def _repeated(stage: Stage) -> Iterator[tuple[str, list[ins.Instruction]]]:
    for word in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
        steps = [step for step in stage.steps if step.node.word == word]
        if len(steps) > 1:
            yield word, steps


def _each_step(file: Dockerfile) -> Iterator[Warned]:
    for stage in file.stages:
        directory = False
        for step in stage.steps:
            line = step.node.line
            if isinstance(step, ins.Maintainer):
                text = "Maintainer instruction is deprecated in favor of using label"
                yield Warned(text, "MaintainerDeprecated", line)
            elif isinstance(step, ins.Command) and step.words is None:
                shell = any(isinstance(other, ins.Shell) for other in stage.steps)
                if not shell:
                    text = (
                        f"JSON arguments recommended for {step.node.word} to prevent "
                        f"unintended behavior related to OS signals"
                    )
                    yield Warned(text, "JSONArgsRecommended", line)
            elif isinstance(step, ins.Workdir):
                if not step.path.startswith(("/", "$", '"/', "'/")) and not directory:
                    text = (
                        f'Relative workdir "{step.path}" can have unexpected results '
                        f"if the base image changes"
                    )
                    yield Warned(text, "WorkdirRelativePath", line)
                directory = True
            elif isinstance(step, ins.Env | ins.Label):
                if "=" not in step.node.rest.split()[0]:
                    text = (
                        f'"{step.node.word} key=value" should be used instead of '
                        f'legacy "{step.node.word} key value" format'
                    )
                    yield Warned(text, "LegacyKeyValueFormat", line)
            elif isinstance(step, ins.Expose):
                yield from _ports(step)
            if isinstance(step, ins.Env | ins.Arg):
                for name, _ in step.pairs:
                    if _SECRET.search(name) and not _NOT_SECRET.search(name):
                        text = (
                            f"Do not use ARG or ENV instructions for sensitive data "
                            f'({step.node.word} "{name}")'
                        )
                        yield Warned(text, "SecretsUsedInArgOrEnv", line)


def _ports(step: ins.Expose) -> Iterator[Warned]:
    for port in step.ports:
        if port != port.lower() and "$" not in port:
            text = f"Defined protocol '{port}' in EXPOSE instruction should be lowercase"
            yield Warned(text, "ExposeProtoCasing", step.node.line)
        if port.count(":"):
            text = f"EXPOSE instruction should not define an IP address or host-port mapping, found '{port}'"
            yield Warned(text, "ExposeInvalidFormat", step.node.line)


def _names(file: Dockerfile) -> Iterator[Warned]:
    for line in file.source.blank_continuations:
        yield Warned("Empty continuation line found in: continued instruction", "NoEmptyContinuation", line)
    known = {name for arg in file.globals for name, _ in arg.pairs}
    predefined = re.compile(r"(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT)|TARGETSTAGE")
    for stage in file.stages:
        for match in re.finditer(
            r"\$\{?([A-Za-z_]\w*)(:?[-+?])?", stage.start.base + " " + stage.start.platform
        ):
            if match[1] not in known and not predefined.fullmatch(match[1]) and not match[2]:
                text = f"FROM argument '{match[1]}' is not declared"
                yield Warned(text, "UndefinedArgInFrom", stage.start.node.line)


_RULES: list[Callable[[Dockerfile], Iterator[Warned]]] = [
    _casing,
    _stages,
    _last_one_counts,
    _each_step,
    _names,
]
