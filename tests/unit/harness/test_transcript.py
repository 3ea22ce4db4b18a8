"""The runner of documents: it finds their examples, and it notices when they are not true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.transcript import Command, File, matches, read


def test_a_document(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text(
        "# Title\n\n```sh\nnot run\n```\n\n## One\n<!-- test: needs root -->\n"
        "```yaml\n# compose.yaml\na: 1\n```\n"
        "```console\n$ first <<END\n> x\n> END\nshown\n\n$ false\n[exit 1]\n```\n## Two\ntext\n"
    )
    (section,) = read(document)
    assert (section.title, section.needs) == ("One", ["root"])
    assert section.steps == [
        File("compose.yaml", "# compose.yaml\na: 1\n"),
        Command("first <<END\nx\nEND", ["shown", ""], 0, 14),
        Command("false", None, 1, 19),
    ]


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a"], ["a", "b"], False),
        (["a", "..."], ["a", "b", "c"], True),
        (["a", "..."], ["a"], True),
        (["...", "c"], ["a", "b", "c"], True),
        (["...", "b"], ["a", "b", "c"], False),
        (["a", "...", "d"], ["a", "b", "c", "d"], True),
        (["x…z"], ["x 12 z"], True),
        (["x…z"], ["x 12"], False),
        (["(a)*"], ["(a)*"], True),
        (["..."], [], True),
        (["a  "], ["a"], True),
    ],
)
def test_what_is_shown_and_what_is_said(shown: list[str], said: list[str], same: bool) -> None:
    assert matches(shown, said) is same
