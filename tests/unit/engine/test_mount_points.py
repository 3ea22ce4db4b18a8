"""Mount points are no changes, unless there is more to a directory than them."""

from __future__ import annotations

from wherry.engine.containers.mount_points import without_mount_points
from wherry.store.snapshots.driver import Change


def test_a_fresh_container_has_no_changes() -> None:
    made = [
        Change("C", "/etc"),
        Change("A", "/etc/hosts"),
        Change("A", "/etc/resolv.conf"),
        Change("A", "/proc"),
    ]
    assert without_mount_points(made) == []


def test_what_else_happened_there_is_kept() -> None:
    made = [Change("C", "/etc"), Change("A", "/etc/hosts"), Change("A", "/etc/own"), Change("C", "/tmp")]
    assert without_mount_points(made) == [Change("C", "/etc"), Change("A", "/etc/own"), Change("C", "/tmp")]


def test_a_file_of_the_image_may_change_and_go() -> None:
    made = [Change("C", "/etc"), Change("C", "/etc/hosts"), Change("D", "/etc/resolv.conf")]
    assert without_mount_points(made) == made
