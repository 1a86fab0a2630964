"""The folder of the language host works wherever it is copied to."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runctl_auto.engine.language import beside_engine

_ALLOWED = {"grpc", "google", "pulumi"} | set(sys.stdlib_module_names)
_FILES = sorted(Path(beside_engine.__file__).parent.glob("*.py"))
_IN_PROGRAMS = ("__main__", "task", "program", "outcome", "lifeline", "warm_parent", "warm_wire")
"""What runs in the interpreter of a program, where only the standard library is certain."""


def _imports(file: Path, *, nested: bool) -> Iterator[tuple[int, str]]:
    """Level and name of what a file imports, also inside functions if asked for."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree) if nested else tree.body:
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_imports_itself_the_standard_library_and_the_protocol_only(file: Path) -> None:
    for level, name in _imports(file, nested=True):
        assert level == 1 or (level == 0 and name.partition(".")[0] in _ALLOWED), f"{file.name}: {name}"


@pytest.mark.parametrize("name", _IN_PROGRAMS)
def test_starts_a_program_with_the_standard_library_only(name: str) -> None:
    (file,) = (each for each in _FILES if each.stem == name)
    for level, imported in _imports(file, nested=False):
        if level == 0:
            assert imported.partition(".")[0] in sys.stdlib_module_names, f"{file.name}: {imported}"
