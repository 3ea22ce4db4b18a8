"""Outcomes as a markdown table, kept between two marks of benchmarks/README.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Outcome

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def markdown(outcomes: Sequence[Outcome]) -> str:
    """One row a case: medians, and how many times better wherry is."""
    rows = ["| what | wherry | docker | podman | bare | docker ÷ | podman ÷ | promised |", "|---" * 8 + "|"]
    for outcome in outcomes:
        cells = [outcome.case.title]
        cells += [
            _number(outcome.median(peer), outcome.case.unit)
            for peer in ("wherry", "docker", "podman", "bare")
        ]
        cells += [_ratio(outcome.ratio(peer)) for peer in ("docker", "podman")]
        rows.append("| " + " | ".join([*cells, outcome.case.bar or ""]) + " |")
    return "\n".join(rows)


def write(table: str, command: str, machine: str) -> None:
    """Put the table, and the command that made it, into the README."""
    text = README.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n\n{machine}\n\n    {command}\n\n{table}\n\n{END}{after}")


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f} {'a second' if unit == '1/s' else unit}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
