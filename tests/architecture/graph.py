"""Which module imports which, read from the syntax tree, so lazy and TYPE_CHECKING imports count too."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.architecture.table import ROOT

SOURCE = ROOT / "src"


class Import(NamedTuple):
    """`importer` (a dotted module) names `imported` in `file` at `line`."""

    importer: str
    imported: str
    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.importer} imports {self.imported}"


class Graph:
    """All modules of wherry and their imports."""

    def __init__(self) -> None:
        self.files = {_dotted(path): path for path in sorted(SOURCE.glob("wherry/**/*.py"))}
        self.imports = {
            name: [self._resolve(found) for found in _imports(name, path)]
            for name, path in self.files.items()
        }

    def chain(self, start: str, forbidden: frozenset[str]) -> list[Import]:
        """The shortest chain from `start` to a top-level module in `forbidden`; empty when there is none."""
        paths: dict[str, list[Import]] = {start: []}
        queue = [start]
        for module in queue:
            for found in self.imports.get(module, []):
                path = [*paths[module], found]
                if found.imported.partition(".")[0] in forbidden:
                    return path
                # `wherry` itself names the whole Python API, loaded on first use; another test holds that.
                if found.imported in self.files and found.imported not in (*paths, "wherry"):
                    paths[found.imported] = path
                    queue.append(found.imported)
        return []

    def third_party(self) -> frozenset[str]:
        """Every top-level module that is neither of wherry nor of the standard library."""
        tops = {found.imported.partition(".")[0] for imports in self.imports.values() for found in imports}
        return frozenset(top for top in tops if top not in sys.stdlib_module_names and top != "wherry")

    def _resolve(self, found: Import) -> Import:
        """`from wherry.oci import digest` names a module when there is one, else a name inside wherry.oci."""
        name = found.imported
        while name.startswith("wherry.") and name not in self.files:
            name = name.rpartition(".")[0]
        return found._replace(imported=name)


def _dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, path: Path) -> Iterator[Import]:
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, path, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
                kept = package[: len(package) - node.level + 1]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(
                    name, f"{base}.{alias.name}" if base.startswith("wherry") else base, path, node.lineno
                )
        elif isinstance(node, ast.Call) and _is_import_call(node) and isinstance(node.args[0], ast.Constant):
            yield Import(name, str(node.args[0].value), path, node.lineno)


def _is_import_call(node: ast.Call) -> bool:
    """`importlib.import_module("x")`, `import_module("x")` or `__import__("x")`."""
    function = node.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return called in ("import_module", "__import__") and bool(node.args)
