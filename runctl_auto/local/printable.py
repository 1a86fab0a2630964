"""Makes external text safe for messages: one line, no control characters, limited length."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"\x1b\[(?P<numbers>[0-9;:]*)m")
_HIDING = frozenset({"5", "6", "8"})
"""Attributes that are no colours: blinking, and text that is not shown."""
_KEPT_IN_LOGS = frozenset("\t\u200c\u200d")
"""Tabs, and what joins or parts letters in names and emoji."""
_RESET = "\x1b[0m"


def printable(text: str) -> str:
    """``text`` with every character that could move a cursor, break a line or break an encoding escaped."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


def log_line_for_terminal(line: str, *, colours: bool = True) -> str:
    """A line of a job's log as it may reach a terminal: colours stay, also as the last thing a job sets, and
    everything else that a terminal would obey is escaped.

    Of a line that was overwritten, as progress bars do, the last state is shown. Without ``colours`` they are
    left out.
    """
    shown = line.rstrip("\r").rpartition("\r")[2]
    if shown.isprintable():
        return shown
    pieces: list[str] = []
    end, is_coloured = 0, False
    for found in _COLOUR.finditer(shown):
        pieces.append(_escaped(shown[end : found.start()]))
        end = found.end()
        if colours and _is_colour(found["numbers"]):
            pieces.append(found[0])
            is_coloured = True
    pieces.append(_escaped(shown[end:]))
    return "".join(pieces) + (_RESET if is_coloured else "")


def _escaped(text: str) -> str:
    return "".join(each if each in _KEPT_IN_LOGS else printable(each) for each in text)


def _is_colour(numbers: str) -> bool:
    """Whether the attributes are colours and weights alone. Numbers after 38, 48 and 58 choose a colour,
    parted by semicolons, or by colons as one attribute."""
    parts = numbers.split(";")
    while parts:
        attribute, colon, _ = parts.pop(0).partition(":")
        attribute = attribute.lstrip("0")
        if attribute in _HIDING:
            return False
        if attribute in ("38", "48", "58") and not colon and parts:
            del parts[: 4 if parts[0] == "2" else 2]
    return True


def shortened(text: str, at_most: int = 60) -> str:
    """``text`` cut to ``at_most`` characters, with three dots if cut."""
    return text if len(text) <= at_most else f"{text[: at_most - 3]}..."
