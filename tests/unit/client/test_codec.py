"""The C halves of `json`, used directly, agree with `json` itself."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.client.codec import decode, encode

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_VALUES)
def test_same_as_json(value: object) -> None:
    text = encode(value)
    assert text == json.dumps(value, separators=(",", ":")).encode()
    assert decode(text) == value
    assert decode(json.dumps(value, indent=2)) == value


@pytest.mark.parametrize("text", ["", "{", "[1,]", '{"a":1} x', "nul", '{"a" 1}', '"\n"'])
def test_refuses_what_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)


def test_refuses_what_has_no_form() -> None:
    with pytest.raises(TypeError):
        encode({"a": object()})
    with pytest.raises(ValueError):
        encode(float("nan"))
