"""Lists of things in the forms that --format asks for: a table, a table of one's own, JSON, a template."""

from __future__ import annotations

import sys

from wherry.cli.console import visible
from wherry.cli.format.table import aligned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Row = Mapping[str, Any]  # a member that is a function is called when it is shown


_OURS = frozenset({"GivenUp"})
"""Members that Docker does not have: in JSON only where they say something."""


def print_listing(
    rows: Iterable[Row],
    columns: tuple[tuple[str, str], ...],
    form: str = "",
    *,
    headings: Mapping[str, str] | None = None,
    heading: bool = True,
) -> None:
    """Print rows in `form` (what --format said).

    `columns` are the default table's: (heading, member). `headings` names those that only a table of one's
    own shows. Raises Invalid for a form that is no template.
    """
    rows = list(rows)
    if form in ("", "table"):
        lines = ["\t".join(title for title, _ in columns)] if heading else []
        lines += ["\t".join(_cell(row[member]) for _, member in columns) for row in rows]
        sys.stdout.write(aligned("\n".join(lines)) + "\n")
        return
    if form == "json":
        form = "{{json .}}"
        rows = [{name: value for name, value in row.items() if value or name not in _OURS} for row in rows]
    as_table = form.startswith("table")
    if as_table:
        form = form.removeprefix("table").lstrip(" ")
    render = renderer(form)
    lines = []
    if as_table:
        titles: dict[str, Any] = {member: title for title, member in columns}
        titles.update(headings or {})
        lines.append(_heading(form, titles))
    lines += [render({name: row[name] for name in sorted(row)}) for row in rows]
    text = "\n".join(lines)
    if lines:
        sys.stdout.write((aligned(text) if as_table else text) + "\n")


def renderer(form: str) -> Callable[..., str]:
    """A function that shows one value by a template. `\\t` and `\\n` in it stand for tab and line end."""
    from wherry.cli.template import parse_template

    template = parse_template(form.replace("\\t", "\t").replace("\\n", "\n"))
    return template.render


def _heading(form: str, titles: dict[str, Any]) -> str:
    from wherry.cli.template import parse_template
    from wherry.cli.template.functions import HEADING_FUNCTIONS

    titles["Label"] = lambda name: name.split(".")[-1].replace("-", " ").replace("_", " ")
    template = parse_template(form.replace("\\t", "\t").replace("\\n", "\n"))
    return template.render(titles, functions=HEADING_FUNCTIONS)


def _cell(value: Any) -> str:
    return visible(str(value() if callable(value) else value))
