"""A package imports only from those above it: the table of ARCHITECTURE.md, held against the source."""

from __future__ import annotations

import pytest

from tests.architecture.graph import Graph
from tests.architecture.table import read_table

# Where a process is put together, above every package; ARCHITECTURE.md says so below the table.
TOP = frozenset({"wherry.engine.__main__"})
GRAPH = Graph()
TABLE = read_table()


def test_every_package_is_in_the_table() -> None:
    packages = {name.split(".")[1] for name in GRAPH.files if name.count(".") >= 1}
    assert packages - set(TABLE) - {"__main__"} == set()


@pytest.mark.parametrize("package", list(TABLE))
def test_package_imports_only_what_its_row_allows(package: str) -> None:
    floor = TABLE[package]
    wrong = []
    for name, imports in GRAPH.imports.items():
        if name.split(".")[1:2] != [package] or name in TOP:
            continue
        for found in imports:
            top, _, rest = found.imported.partition(".")
            if top == "wherry":
                other = rest.partition(".")[0]
                allowed = other in ("", package) or other in floor.packages
            else:
                allowed = top in floor.third_party or top not in GRAPH.third_party()
            if not allowed:
                wrong.append(str(found))
    assert not wrong, (
        f"wherry.{package} may import {sorted(floor.packages | floor.third_party)}:\n" + "\n".join(wrong)
    )


@pytest.mark.parametrize("package", [name for name, floor in TABLE.items() if floor.standard_only])
def test_no_chain_leads_to_a_third_party_module(package: str) -> None:
    chains = []
    for name in GRAPH.files:
        if name.split(".")[1:2] == [package]:
            chain = GRAPH.chain(name, GRAPH.third_party())
            chains.append("\n  ".join(str(found) for found in chain))
    assert not any(chains), "\n".join(filter(None, chains))


def test_a_forbidden_chain_is_found_and_shown() -> None:
    """The check itself, on a chain that exists."""
    starts = [name for name in GRAPH.files if name.startswith("wherry.engine.models")]
    chains = [GRAPH.chain(name, frozenset({"msgspec"})) for name in starts]
    assert any(chains)
    assert "imports msgspec" in str(next(chain for chain in chains if chain)[-1])


def test_a_row_can_only_name_rows_above_it() -> None:
    with pytest.raises(ValueError, match="no row above"):
        read_table("| `wherry.oci` | data | `engine` |")
