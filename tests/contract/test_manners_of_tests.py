"""Rules for the tests themselves, read from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SPECLESS = {"Mock", "MagicMock", "AsyncMock", "NonCallableMock"}
SPEC_WORDS = {"spec", "spec_set", "wraps"}


def calls(source: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def mocks_without_spec(source: str) -> list[int]:
    return [
        node.lineno
        for name, node in calls(source)
        if name in SPECLESS and not node.args and not SPEC_WORDS & {word.arg for word in node.keywords}
    ]


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTS)))
def test_mocks_have_a_spec(path: Path) -> None:
    assert mocks_without_spec(path.read_text()) == []


def test_a_mock_without_spec_is_seen() -> None:
    assert mocks_without_spec("from unittest import mock\nx = mock.Mock()\ny = mock.Mock(spec=int)\n") == [2]
