"""Variables in values, against the table of the specification."""

from __future__ import annotations

import pytest

from wherry.compose.interpolation import substitute
from wherry.errors import Invalid

KNOWN = {"A": "a", "EMPTY": "", "B": "b"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$A-${A}", "a-a"),
        ("$$A $${A}", "$A ${A}"),
        ("${NO}x", "x"),
        ("${NO-d}${EMPTY-d}${EMPTY:-d}", "dd"),
        ("${A:+r}${EMPTY:+r}${EMPTY+r}${NO+r}", "rr"),
        ("${A:?must}${EMPTY?must}", "a"),
        ("${NO:-${B}/${NO:-x}}", "b/x"),
        ("${NO:-a:b-c?d}", "a:b-c?d"),
        ("${NO:-$${x}}", "${x}"),
    ],
)
def test_modifiers(text: str, expected: str) -> None:
    assert substitute(text, KNOWN) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("${NO:?is wanted}", "required variable NO is missing a value: is wanted"),
        ("${EMPTY:?no $A}", "required variable EMPTY is missing a value: no a"),
        ("${A", "never closed"),
        ("$ {A}", "invalid interpolation format"),
        ("${A!x}", "invalid interpolation format"),
        ("${}", "invalid interpolation format"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as failure:
        substitute(text, KNOWN)
    assert reason in failure.value.message


def test_missing_names_are_told() -> None:
    missing: set[str] = set()
    assert substitute("$NO ${OTHER} ${THIRD:-x}", KNOWN, missing) == "  x"
    assert missing == {"NO", "OTHER"}
