"""Query parameters as Docker reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.api.query import Query
from wherry.errors import Invalid


@pytest.mark.parametrize("text", ["", "0", "no", "False", "none"])
def test_false(text: str) -> None:
    assert not Query({"x": [text]}).flag("x", True)


@pytest.mark.parametrize("text", ["1", "true", "yes", "anything"])
def test_true(text: str) -> None:
    assert Query({"x": [text]}).flag("x")


def test_absent() -> None:
    query = Query({})
    assert not query.flag("x")
    assert query.flag("x", True)
    assert query.text("x") == ""
    assert query.number("x") is None
    assert query.instant("x") == 0
    assert query.filters() == {}


@pytest.mark.parametrize("text", ["x", "1.5", "1_0", " 1", "٣", str(1 << 63)])
def test_bad_numbers(text: str) -> None:
    with pytest.raises(Invalid, match=r"strconv\.Atoi"):
        Query({"x": [text]}).number("x")


def test_filters_in_both_forms() -> None:
    assert Query({"filters": ['{"label":{"a":true,"b":false}}']}).filters() == {"label": ["a"]}
    assert Query({"filters": ['{"label":["a","b"]}']}).filters() == {"label": ["a", "b"]}


@given(st.text())
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        Query({"filters": [text]}).filters()
    except Invalid:
        pass


@given(st.text())
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        Query({"x": [text]}).instant("x")
    except Invalid:
        pass
