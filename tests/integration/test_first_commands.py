"""Many commands at once, and the very first: each has one clear outcome."""

from __future__ import annotations

import re

import pytest

from tests.harness.command import Command
from tests.harness.engine import EngineUnderTest
from tests.harness.leaks import processes_of


def test_the_first_command_starts_what_it_needs(no_engine: EngineUnderTest) -> None:
    result = no_engine.wherry("run", "--rm", "hello")
    assert "hello" in result.out.lower()
    assert no_engine.answers()


def test_a_built_in_image_for_another_platform_is_refused_at_once(wherry: Command) -> None:
    other = "linux/s390x"
    refused = wherry("run", "--rm", "--platform", other, "hello", code=125).err
    assert f"there is none for {other}" in refused
    assert "Unable to find image" not in refused


def test_two_first_commands_at_once_start_one_engine(no_engine: EngineUnderTest) -> None:
    first, second = (no_engine.wherry.popen("run", "--rm", "hello") for _ in range(2))
    outputs = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    supervisors = [line for line in processes_of(no_engine.home).values() if "wherry.supervisor" in line]
    assert len(supervisors) == 1, supervisors
    assert no_engine.answers()
    assert len(no_engine.wherry("images", "-q").out.split()) >= 2


def test_fifty_runs_at_once(engine: EngineUnderTest, image: str) -> None:
    words = [f"word-{number}" for number in range(50)]
    processes = [
        engine.wherry.popen("run", "--rm", "--network", "none", image, "echo", word, stdin=None)
        for word in words
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * 50, outputs
    assert [out.decode().strip() for out, _ in outputs] == words
    assert engine.container_ids() == []


def test_a_name_that_is_taken(wherry: Command, image: str) -> None:
    wherry("create", "--name", "taken", image, "true")
    result = wherry("run", "--name", "taken", image, "true", code=125)
    assert re.search(r'[Cc]onflict.*"?/?taken"? is already in use by container', result.err), result.err


def test_one_name_asked_for_by_many_at_once_is_given_to_one(wherry: Command, image: str) -> None:
    processes = [wherry.popen("create", "--name", "wanted", image, "true", stdin=None) for _ in range(8)]
    for process in processes:
        process.communicate(timeout=60)
    codes = sorted(process.returncode for process in processes)
    assert codes[0] == 0
    assert all(code != 0 for code in codes[1:]), codes
    assert len(wherry("ps", "-aq").out.split()) == 1


def test_an_ambiguous_id_names_no_container(wherry: Command, image: str) -> None:
    ids: dict[str, str] = {}
    for _ in range(17):  # of 17 containers two begin with the same letter
        new = wherry("create", image, "true").line
        if new[0] in ids:
            result = wherry("inspect", "--type", "container", new[0], code=1)
            assert "multiple" in result.err.lower() or "ambiguous" in result.err.lower(), result.err
            assert wherry("inspect", "--format", "{{.Id}}", new[:12]).line == new
            return
        ids[new[0]] = new
    raise AssertionError("seventeen ids with different first letters")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["true"], 0),
        (["false"], 1),
        (["sh", "-c", "exit 42"], 42),
        (["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 137),
        (["no-such-program"], 127),
        (["/etc"], 126),
    ],
)
def test_exit_codes(wherry: Command, image: str, words: list[str], code: int) -> None:
    wherry("run", "--rm", "--network", "none", image, *words, code=code)


def test_exit_code_of_an_unknown_flag_is_125(wherry: Command, image: str) -> None:
    wherry("run", "--no-such-flag", image, "true", code=125)


def test_exit_code_of_an_image_that_is_not_here(wherry: Command) -> None:
    result = wherry("run", "--rm", "--pull=never", "no-such-image", code=125)
    assert "no-such-image" in result.err
