"""Paths into property values."""

from __future__ import annotations

import copy

import pytest

from sandbox.engine.properties import Secret
from sandbox.engine.property_path import PathError, contains, parse, reset


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("root", ("root",)),
        ("root.nested", ("root", "nested")),
        ('root["nested"]', ("root", "nested")),
        ('root["key with.dot"][0].x', ("root", "key with.dot", 0, "x")),
        ('root["with \\"quotes\\""]', ("root", 'with "quotes"')),
        ("list[*].x", ("list", "*", "x")),
        ("a.[0]", ("a", 0)),
    ],
)
def test_parsing(text: str, path: tuple[object, ...]) -> None:
    assert parse(text) == path


@pytest.mark.parametrize("text", [".a", "a.", "a[", "a[x]", 'a["b', 'a["b"x'])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathError):
        parse(text)


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("a", "a", True),
        ("a", "a.b", True),
        ("a.b", "a", False),
        ("a[*].c", "a[3].c", True),
        ("*", "anything.below", True),
        ("a[0]", 'a["0"]', False),
    ],
)
def test_containment(outer: str, inner: str, expected: bool) -> None:
    assert contains(parse(outer), parse(inner)) is expected


@pytest.mark.parametrize(
    ("path", "old", "new", "result", "done"),
    [
        ("a", {"a": 1}, {"a": 2}, {"a": 1}, True),
        ("a", {}, {"a": 2}, {}, True),
        ("a", {"a": 1}, {}, {"a": 1}, True),
        ("a.b", {"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, {"a": {"b": 1, "c": 3}}, True),
        ("a.b", {"a": {"b": 1}}, {}, {}, False),
        ("a.b", {}, {}, {}, True),
        ("l[1]", {"l": [1, 2]}, {"l": [1, 3]}, {"l": [1, 2]}, True),
        ("l[2]", {"l": [1, 2]}, {"l": [1, 2, 3]}, {"l": [1, 2, 3]}, False),
        ("l[*].x", {"l": [{"x": 1}]}, {"l": [{"x": 2, "y": 2}]}, {"l": [{"x": 1, "y": 2}]}, True),
        ("l[*]", {"l": [1]}, {"l": [2, 3]}, {"l": [1, 3]}, False),
        ("o.*", {"o": {"a": 1}}, {"o": {"a": 2, "b": 3}}, {"o": {"a": 1}}, True),
        ("s.x", {"s": Secret({"x": 1})}, {"s": Secret({"x": 2})}, {"s": Secret({"x": 1})}, True),
        ("s.x", {"s": Secret({"x": 1})}, {"s": {"x": 2}}, {"s": {"x": Secret(1)}}, True),
    ],
)
def test_resetting(path: str, old: dict, new: dict, result: dict, done: bool) -> None:
    kept = copy.deepcopy(old)
    assert reset(parse(path), old, new) is done
    assert new == result
    assert old == kept
