"""Work in threads whose callers go."""

from __future__ import annotations

import asyncio
import threading

import pytest

from wherry.store.apart import Abandoned, apart, check_wanted, stopped_by, to_its_end


async def test_what_comes_of_it() -> None:
    def fail() -> None:
        check_wanted()
        raise ValueError("so")

    assert await apart(lambda: 1) == await to_its_end(lambda: 1) == 1
    with pytest.raises(ValueError, match="so"):
        await to_its_end(fail)


async def test_it_is_waited_for_however_often_its_caller_is_cancelled() -> None:
    begun, go = threading.Event(), threading.Event()
    done = []

    def work() -> None:
        begun.set()
        go.wait(30)
        done.append(True)

    caller = asyncio.ensure_future(to_its_end(work))
    await asyncio.to_thread(begun.wait, 30)
    for _ in range(3):
        caller.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not caller.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert done


@pytest.mark.parametrize("late", [False, True])
async def test_it_is_told(late: bool) -> None:
    """While it waits, and when it begins to wait afterwards."""
    begun, told = threading.Event(), threading.Event()
    ends: list[str] = []

    def work() -> None:
        begun.set()
        try:
            while late:
                check_wanted()
        except Abandoned:
            ends.append("looked")
        try:
            with stopped_by(told.set):
                told.wait(30)
                ends.append("waited")
        except Abandoned:
            ends.append("abandoned")

    caller = asyncio.ensure_future(to_its_end(work))
    await asyncio.to_thread(begun.wait, 30)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ends == ["looked"] * late + ["waited", "abandoned"]


def test_elsewhere_nobody_is_told() -> None:
    check_wanted()
    with stopped_by(lambda: pytest.fail("this is no such work")):
        pass
