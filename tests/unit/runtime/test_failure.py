"""Failures on their way from a forked process."""

from __future__ import annotations

import errno

from hypothesis import given
from hypothesis import strategies as st

from wherry.errors import Unsupported
from wherry.runtime.failure import RuntimeFailure, from_error, pack, unpack

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(TEXT, TEXT, st.integers(0, 200), TEXT, st.sampled_from([125, 126, 127]), TEXT)
def test_there_and_back(message: str, stage: str, number: int, path: str, code: int, hint: str) -> None:
    failure = RuntimeFailure(message, stage=stage, errno=number, path=path, exit_code=code, hint=hint)
    back = unpack(pack(failure))
    assert (back.message, back.stage, back.errno) == (message, stage, number)
    assert (back.path, back.exit_code, back.hint) == (path, code, hint)


def test_what_the_kernel_said() -> None:
    failure = from_error(OSError(errno.ENOENT, "No such file or directory", "/x"), "opening the root")
    assert failure.message == "opening the root: /x: no such file or directory"
    assert (failure.errno, failure.path, failure.exit_code) == (errno.ENOENT, "/x", 125)


def test_the_path_is_said_once() -> None:
    failure = from_error(OSError(errno.ENOENT, "No such file or directory", "/x"), "opening /x")
    assert failure.message == "opening /x: no such file or directory"


def test_other_errors() -> None:
    assert from_error(Unsupported("no", hint="try"), "doing").hint == "try"
    assert from_error(ValueError("odd"), "doing").message == "doing: ValueError: odd"
    failure = RuntimeFailure("as it is")
    assert from_error(failure, "doing") is failure
