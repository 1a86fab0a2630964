"""Texts in `--diff`: what they hold, which lines changed, what of them is shown."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.engine.display.encoded import decoded
from sandbox.engine.display.markup import render
from sandbox.engine.display.object_diff import Printer
from sandbox.engine.display.text_diff import ELLIPSIS, characters, lines
from sandbox.engine.display.values import cut


def _difference(old: Any, new: Any, *, short: bool = False) -> str:
    parts: list[str] = []
    Printer(parts.append, 1, "update", short=short).difference({"k": old}, {"k": new})
    return render("".join(parts), coloured=False)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": [1]}', ({"a": [1]}, "json")),
        (" [] ", ([], "json")),
        ("12", None),
        ('{"a": 1} x', None),
        ("a: 1", None),
        ("a: 1\nb: [2]\n", ({"a": 1, "b": [2]}, "yaml")),
        ("1: x\n2: y", ({"1": "x", "2": "y"}, "yaml")),
        ("a: 2026-01-01\nb: 1", None),
        ("a: 1\n---\nb: 2", None),
        ("#!/bin/sh\nset -e", None),
        ("a: [\n", None),
    ],
)
def test_texts_that_hold_lists_and_maps_are_recognised(text: str, found: Any) -> None:
    assert decoded(text) == found


def test_a_change_of_json_is_shown_as_a_change_of_what_it_holds() -> None:
    assert _difference('{"a":1,"b":[1]}', '{"a":1,"b":[2]}') == (
        "  ~ k: (json) {\n        a: 1\n      ~ b: [\n          ~ [0]: 1 => 2\n        ]\n    }\n"
    )


def test_the_same_json_written_otherwise_is_shown_as_text() -> None:
    assert _difference("[ ]", "[]") == '  ~ k: "\\"[ ]\\"" => "\\"[]\\""\n'


def test_another_kind_of_json_is_shown_as_a_replacement() -> None:
    assert _difference("[1]", '{"a":1}') == (
        "  ~ k: (json) [\n  -     [0]: 1\n    ]\n{\n      + a: 1\n    }\n"
    )


def test_changed_lines_stand_between_two_that_did_not() -> None:
    old = "\n".join("abcdefghijk")
    new = old.replace("f", "F\nG")
    ops = [(piece.op, piece.text) for piece in lines(old, new)]
    same = [("same", text) for text in (ELLIPSIS, "d", "e")]
    assert ops == [
        *same,
        ("delete", "f"),
        ("create", "F"),
        ("create", "G"),
        ("same", "g"),
        ("same", "h"),
        ("same", ELLIPSIS),
    ]


def test_few_lines_are_shown_whole_and_blank_ones_are_not() -> None:
    assert [piece.text for piece in lines("a\n\nb\nc\n", "a\n\nb\nd\n")] == ["a", "b", "c", "d"]


def test_lines_between_two_changes_are_left_out_when_there_are_more_than_five() -> None:
    middle = [str(number) for number in range(6)]
    found = lines("\n".join(["a", *middle, "b"]), "\n".join(["A", *middle, "B"]))
    assert [piece.text for piece in found] == ["a", "A", "0", "1", ELLIPSIS, "4", "5", "b", "B"]


def test_texts_of_one_line_are_compared_by_characters() -> None:
    assert characters("hello world", "hello brave world") == [
        ("same", "hello "),
        ("create", "brave "),
        ("same", "world"),
    ]
    assert _difference("ab", "ac") == '  ~ k: "ab" => "ac"\n'


def test_a_change_of_lines_is_shown_line_by_line() -> None:
    assert _difference("x", "y\nz") == "  ~ k: \n      - x\n      + y\n      + z\n"


def test_long_texts_are_cut_unless_all_is_asked_for() -> None:
    assert cut("a\nb\nc\nd\ne") == "a\nb\nc\n..."
    assert cut("a\nb\nc") == "a\nb\nc"
    assert cut("x" * 151) == "x" * 150 + "..."
    long = "a\nb\nc\nd"
    assert '"a\\nb\\nc\\n..."' in _difference(None, long, short=True)
    assert '"a\\nb\\nc\\nd"' in _difference(None, long)
