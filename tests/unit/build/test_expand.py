"""Variables and their modifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.build.dockerfile import Expander
from wherry.errors import Invalid

VALUES = {"A": "foo/bar.tar.gz", "E": "", "S": "a b"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A", "foo/bar.tar.gz"),
        ("${A}x", "foo/bar.tar.gzx"),
        ("$Ax", ""),
        ("${A##*.}", "gz"),
        ("${A#*.}", "tar.gz"),
        ("${A%%.*}", "foo/bar"),
        ("${A%.*}", "foo/bar.tar"),
        ("${A/foo/x}", "x/bar.tar.gz"),
        ("${A//a/_}", "foo/b_r.t_r.gz"),
        ("${N:-d$E}", "d"),
        ("${E:-d}", "d"),
        ("${E-d}", ""),
        ("${E:+y}", ""),
        ("${E+y}", "y"),
        ("${N:-${E:-deep}}", "deep"),
        (r"\$A", "$A"),
        ('"$S"', "a b"),
        ("'$S'", "$S"),
        (r'"\a\""', '\\a"'),
        ("a$", "a$"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert Expander(VALUES).word(text) == expected


@pytest.mark.parametrize("text", ["${A", "${}", "${A:}", "${A:=x}", "'a", '"a', "${N:?why}", "${N?}"])
def test_faults(text: str) -> None:
    with pytest.raises(Invalid):
        Expander(VALUES).word(text)


def test_the_reason_is_said() -> None:
    with pytest.raises(Invalid, match="N: why not"):
        Expander({}).word("${N:?why not}")


def test_words_are_split_where_a_variable_brings_space() -> None:
    assert Expander(VALUES).words('$S "$S"') == ["a", "b", "a b"]


def test_documents_keep_quotes() -> None:
    assert Expander(VALUES).document("'$A' \"q\" \\$A \\n") == "'foo/bar.tar.gz' \"q\" $A \\n"


@given(st.text(alphabet="$AE{}:-+?#%/\\'\"x ", max_size=20))
def test_any_text_is_expanded_or_refused(text: str) -> None:
    expander = Expander(VALUES)
    for expand in (expander.word, expander.words, expander.document):
        try:
            expand(text)
        except Invalid:
            pass
