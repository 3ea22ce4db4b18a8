"""Files of variables."""

from __future__ import annotations

import pytest

from wherry.compose.dotenv import parse
from wherry.errors import Invalid

FILE = r"""
# a comment
A=1
export B = two words # comment
C='single $A # kept'
D="double $A \"quoted\"\n" # comment
E=$A-${OUT}
F=
G
H: yaml
I="first
second"
J=a#b
K='it
goes on'
L="\$A"
"""


def test_every_form() -> None:
    assert parse(FILE, {"OUT": "out"}, ".env") == {
        "A": "1",
        "B": "two words",
        "C": "single $A # kept",
        "D": 'double 1 "quoted"\n',
        "E": "1-out",
        "F": "",
        "G": None,
        "H": "yaml",
        "I": "first\nsecond",
        "J": "a#b",
        "K": "it\ngoes on",
        "L": "$A",
    }


@pytest.mark.parametrize(
    ("text", "place"), [("A=1\n=2\n", ".env:2"), ("\nA='x\n", ".env:2"), ("A B\n", ".env:1")]
)
def test_errors_have_a_line(text: str, place: str) -> None:
    with pytest.raises(Invalid, match=place):
        parse(text, {}, ".env")
