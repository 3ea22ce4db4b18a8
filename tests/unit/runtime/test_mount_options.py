"""Option words of mounts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wherry.linux import mounts
from wherry.runtime.mount_options import parse, words


def test_a_later_word_wins() -> None:
    assert parse(["ro", "rw"]).on == 0
    assert parse(["ro", "rw"]).off == mounts.RDONLY
    assert parse(["rw", "ro"]).on == mounts.RDONLY
    assert parse(["noatime", "strictatime"]).on == mounts.STRICTATIME
    assert parse(["rshared", "private"]).propagation == mounts.PRIVATE


def test_all_the_way_down() -> None:
    options = parse(["rro", "rnosuid", "ro"])
    assert options.on == mounts.RDONLY
    assert options.deep_on == mounts.RDONLY | mounts.NOSUID


def test_the_file_systems_own_words() -> None:
    options = parse(["size=64k", "mode=1777", "nosuid", "huge=", "inode64", "defaults"])
    assert options.data == (("size", "64k"), ("mode", "1777"), ("huge", ""), ("inode64", None))


@pytest.mark.parametrize("word", words())
def test_no_known_word_is_left_to_the_file_system(word: str) -> None:
    assert parse([word]).data == ()


@given(st.lists(st.sampled_from(words())))
def test_nothing_is_both_set_and_cleared(given_words: list[str]) -> None:
    options = parse(given_words)
    assert not options.on & options.off
    assert not options.deep_on & options.deep_off
