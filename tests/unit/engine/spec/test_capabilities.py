"""--cap-add, --cap-drop and --privileged."""

from __future__ import annotations

import pytest

from wherry.engine.spec.capabilities import DEFAULT, effective, section
from wherry.errors import Invalid
from wherry.linux.capabilities import NAMES


def test_the_default_set_has_dockers_fourteen() -> None:
    assert len(DEFAULT) == 14
    assert set(effective(None, None, privileged=False)) == set(DEFAULT)


@pytest.mark.parametrize(
    ("add", "drop", "expected"),
    [
        (["net_admin"], None, {*DEFAULT, "CAP_NET_ADMIN"}),
        (["CAP_NET_ADMIN"], ["cap_chown"], {*DEFAULT, "CAP_NET_ADMIN"} - {"CAP_CHOWN"}),
        (None, ["ALL"], set()),
        (["KILL"], ["all"], {"CAP_KILL"}),
        (["ALL"], ["SYS_ADMIN"], set(NAMES) - {"CAP_SYS_ADMIN"}),
        (["ALL"], None, set(NAMES)),
        (["CHOWN"], ["CHOWN"], {*DEFAULT}),
        (["ALL", "KILL"], ["ALL"], {"CAP_KILL"}),
    ],
)
def test_adding_and_dropping(add: list[str] | None, drop: list[str] | None, expected: set[str]) -> None:
    assert set(effective(add, drop, privileged=False)) == expected


def test_privileged_is_everything_that_the_kernel_knows() -> None:
    assert effective(None, ["ALL"], privileged=True, known=0b111) == list(NAMES[:3])


def test_unknown_names_are_refused_in_dockers_words() -> None:
    with pytest.raises(Invalid, match='invalid CapAdd: unknown capability: "CAP_FLY"'):
        effective(["fly"], None, privileged=False)
    with pytest.raises(Invalid, match='invalid CapDrop: unknown capability: "CAP_FLY"'):
        effective(None, ["CAP_FLY"], privileged=False)


def test_only_root_starts_with_them_and_nobody_inherits() -> None:
    names = ["CAP_KILL"]
    assert section(names, root=True) == {
        "bounding": names, "effective": names, "permitted": names, "inheritable": []
    }  # fmt: skip
    assert section(names, root=False) == {
        "bounding": names, "effective": [], "permitted": [], "inheritable": []
    }  # fmt: skip
