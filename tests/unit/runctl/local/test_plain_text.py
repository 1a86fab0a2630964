"""What users' programs print cannot move a cursor, set a title or break an encoding in messages of runctl."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.local.plain_text import only_colors, plain_text

CASES = {
    "color": ("a\x1b[31mred\x1b[0m", "ared"),
    "256 colors": ("\x1b[38;5;196mx\x1b[m", "x"),
    "cursor": ("one\x1b[2K\x1b[1Aup", "oneup"),
    "title": ("\x1b]0;owned\x07text", "text"),
    "link": ("\x1b]8;;https://example.org\x1b\\name\x1b]8;;\x1b\\", "name"),
    "clipboard": ("\x1b]52;c;ZXZpbA==\x07after", "after"),
    "begun title": ("before\x1b]0;never ended", "before0;never ended"),
    "cut": ("half\x1b[3", "half3"),
    "eight bits": ("\x9b31mred", "red"),
    "charset": ("\x1b(Btext", "text"),
    "bell and backspace": ("a\x07b\x08c\x00d\x7fe", "abcde"),
    "lines and tabs stay": ("a\n\tb", "a\n\tb"),
    "line ends of Windows": ("a\r\nb", "a\nb"),
    "overwritten line": ("honest\rlie", "honestlie"),
    "surrogate": ("x\udce9y", "x\ufffdy"),
    "other scripts": ("größe 日本 🎉", "größe 日本 🎉"),
}


@pytest.mark.parametrize("case", CASES)
def test_of_a_text_only_its_words_are_left(case: str) -> None:
    given_text, expected = CASES[case]
    assert plain_text(given_text) == expected


def test_returns_stay_where_progress_bars_are_data() -> None:
    assert plain_text("1%\r2%\x1b[K", keep_returns=True) == "1%\r2%"


def test_colors_stay_in_what_was_colored_for_a_terminal() -> None:
    assert only_colors("\x1b[31mfailed\x1b[0m: a\x1b]0;x\x07\x1b[2Jb") == "\x1b[31mfailed\x1b[0m: ab"
    assert only_colors("plain") == "plain"


@given(st.text())
def test_whatever_the_text_is_it_is_harmless_and_stays_so(text: str) -> None:
    plain = plain_text(text)
    assert all(each in "\n\t" or not ("\x00" <= each < "\x20" or "\x7f" <= each <= "\x9f") for each in plain)
    plain.encode("utf-8")
    assert plain_text(plain) == plain
    if text.isprintable():
        assert plain == text
