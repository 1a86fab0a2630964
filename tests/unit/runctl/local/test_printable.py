"""What reaches a terminal: names on one line, logs with colours alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.local.printable import log_line_for_terminal, printable

RED, RESET = "\x1b[31m", "\x1b[0m"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nerror: b", r"a\nerror: b"),
        ("a\r\x1b[2Kb", r"a\r\x1b[2Kb"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\u202eevil", r"\u202eevil"),
        ("\x9b2J", r"\x9b2J"),
        ("\udc80", r"\udc80"),
        ("näme 名 🦊", "näme 名 🦊"),
    ],
)
def test_a_name_is_one_line_that_moves_nothing(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", "plain"),
        (f"{RED}loss{RESET} 3", f"{RED}loss{RESET} 3{RESET}"),
        ("\x1b[1;38;5;208mx", f"\x1b[1;38;5;208mx{RESET}"),
        ("\x1b[38;2;5;8;6mx", f"\x1b[38;2;5;8;6mx{RESET}"),
        ("\x1b[38:2::5:8:6mx", f"\x1b[38:2::5:8:6mx{RESET}"),
        ("\x1b[8mhidden", "hidden"),
        ("\x1b[31;8mhidden", "hidden"),
        ("\x1b[5mblink", "blink"),
        ("\x1b[2J\x1b[Hgone", r"\x1b[2J\x1b[Hgone"),
        ("\x1b]8;;http://evil\x07text\x1b]8;;\x07", r"\x1b]8;;http://evil\x07text\x1b]8;;\x07"),
        ("\x1b]52;c;aGk=\x07", r"\x1b]52;c;aGk=\x07"),
        ("a\tb", "a\tb"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("\u202etxt", r"\u202etxt"),
        ("10 %\r20 %\r30 %", "30 %"),
        ("done\r", "done"),
        ("a\x0bb\x0c", r"a\x0bb\x0c"),
        ("a\u2028b", r"a\u2028b"),
    ],
)
def test_a_log_line_keeps_colours_and_nothing_else(line: str, shown: str) -> None:
    assert log_line_for_terminal(line) == shown


def test_colours_can_be_left_out() -> None:
    assert log_line_for_terminal(f"{RED}loss{RESET} 3", colours=False) == "loss 3"


@given(st.text(alphabet=st.sampled_from("ab\x1b[]0;8m38\x07\r\n\t\x9b\u202e\x00") | st.characters()))
def test_no_line_of_a_log_leaves_anything_else(line: str) -> None:
    shown = log_line_for_terminal(line)
    left = re.sub(r"\x1b\[[0-9;:]*m", "", shown)
    assert all(each.isprintable() or each in "\t\u200c\u200d" for each in left)
    assert "\x1b" not in shown or shown.endswith(RESET)
