"""The Dockerfile language: what is read, and how faults are pointed at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.build.dockerfile import DockerfileError, parse
from wherry.build.dockerfile import instructions as ins

WHOLE = r"""# syntax=docker/dockerfile:1
# escape=\
ARG VERSION=1
FROM --platform=$BUILDPLATFORM busybox:${VERSION} AS Build
# a comment
RUN --mount=type=cache,target=/x --network=none echo "a  b" && \
    # a comment between

    echo c
RUN ["echo", "exec form"]
COPY --from=0 --chown=1:2 a b /d/
COPY <<EOF <<-"X" /d/
hello $V
EOF
	tab $V
	X
RUN <<EOF cat
one
EOF
ENV A=1 B="x y" C=a\ b
ENV OLD the old form
LABEL "a b"=c
EXPOSE 80 90/udp
VOLUME ["/a b"]
USER 1:2
WORKDIR /a b
STOPSIGNAL SIGINT
SHELL ["/bin/bash", "-c"]
HEALTHCHECK --interval=1m30s --retries=3 CMD true
ONBUILD COPY . /
ENTRYPOINT ["a"]
CMD b c
MAINTAINER me
FROM build
"""


def test_every_instruction() -> None:
    file = parse(WHOLE)
    assert [stage.name for stage in file.stages] == ["build", "1"]
    assert file.source.directives["syntax"] == "docker/dockerfile:1"
    steps = file.stages[0].steps
    run = steps[0]
    assert isinstance(run, ins.Run)
    assert run.mounts == ["type=cache,target=/x"] and run.network == "none"
    assert run.line.split() == ["echo", '"a', 'b"', "&&", "echo", "c"]
    assert isinstance(steps[1], ins.Run) and steps[1].words == ["echo", "exec form"]
    copy = steps[3]
    assert isinstance(copy, ins.Copy)
    assert [(one.name, one.content, one.expand) for one in copy.heredocs] == [
        ("EOF", "hello $V\n", True),
        ("X", "tab $V\n", False),
    ]
    env = steps[5]
    assert isinstance(env, ins.Env) and env.pairs == [("A", "1"), ("B", '"x y"'), ("C", "a\\ b")]
    assert isinstance(steps[6], ins.Env) and steps[6].pairs == [("OLD", "the old form")]


@pytest.mark.parametrize(
    ("text", "line", "column", "problem", "hint"),
    [
        ("FROM x\nRUM a", 2, 1, "unknown instruction: RUM", "RUN"),
        ("FROM x\nCOPY --form=a b c", 2, 6, "unknown flag: --form", "from"),
        ("FROM x\n\nRUN a \\\n  && <<EOF", 4, 6, "unterminated heredoc", "EOF"),
        ("RUN a", 1, 1, "no build stage", "FROM"),
        ("FROM x as 1a", 1, 11, "invalid name for build stage", ""),
        ("FROM x\nENV a=b c", 2, 9, "can't find = in", ""),
        ("FROM x\nCOPY a", 2, 6, "requires at least two arguments", ""),
        ("FROM x\nHEALTHCHECK --interval=1x CMD a", 2, 24, "invalid duration", ""),
        ("FROM x\nONBUILD FROM y", 2, 9, "isn't allowed as an ONBUILD trigger", ""),
        ("# escape=x\nFROM y", 1, 10, "invalid escape token", ""),
        ("FROM x\nSHELL /bin/sh", 2, 7, ["must", "JSON"][1], ""),
        ("", 1, 1, "no instructions", "FROM"),
    ],
)
def test_faults_are_pointed_at(text: str, line: int, column: int, problem: str, hint: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        parse(text)
    error = caught.value
    assert (error.line, error.column) == (line, column), error.message
    assert problem in error.problem
    assert hint in error.hint


def test_the_line_is_shown() -> None:
    with pytest.raises(DockerfileError) as caught:
        parse("FROM x\nCOPY --form=a b c", "My.Dockerfile")
    assert caught.value.message == (
        "My.Dockerfile:2:6: unknown flag: --form\n   2 | COPY --form=a b c\n            ^"
    )


def test_backtick_escape() -> None:
    file = parse("# escape=`\nFROM x\nRUN a `\n  b\\\nRUN c")
    assert [step.node.rest for step in file.stages[0].steps] == ["a   b\\", "c"]


LINES = st.lists(
    st.one_of(
        st.text(alphabet="FROMRUNCOPYadx \t\\`\"'$<>{}#=-EOF[],", max_size=20),
        st.sampled_from(["FROM x", "RUN <<EOF", "EOF", "COPY a b \\", "# c", "ENV a=${b:-c}", 'CMD ["a"]']),
    ),
    max_size=12,
)


@given(LINES)
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    """Nothing but DockerfileError comes out, and its place is in the file."""
    text = "\n".join(lines)
    try:
        file = parse(text)
    except DockerfileError as error:
        assert 1 <= error.line <= max(1, len(lines))
        assert error.column >= 1
        return
    for stage in file.stages:
        for step in stage.steps:
            assert 1 <= step.node.line <= step.node.end <= len(lines)
