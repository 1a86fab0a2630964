"""Each test of this folder names the files that rely on what it pins, and these exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PLACE = re.compile(r"`([\w/]+\.py)`")


def pinning_tests() -> Iterator[tuple[str, str]]:
    """Name and docstring of each test but those of this file."""
    for file in sorted(HERE.glob("test_*.py")):
        if file == Path(__file__):
            continue
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{file.stem}.{node.name}", ast.get_docstring(node) or ""


@pytest.mark.parametrize(("name", "docstring"), [pytest.param(*each, id=each[0]) for each in pinning_tests()])
def test_places_exist(name: str, docstring: str) -> None:
    places = PLACE.findall(docstring)
    assert places, f"{name} names no file that relies on it"
    assert [place for place in places if not (ROOT / place).is_file()] == []
