"""Makes external text safe for messages: one line, no control characters, limited length."""

from __future__ import annotations


def printable(text: str) -> str:
    """``text`` with every character that could move a cursor, break a line or break an encoding escaped."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


def shortened(text: str, at_most: int = 60) -> str:
    """``text`` cut to ``at_most`` characters, with three dots if cut."""
    return text if len(text) <= at_most else f"{text[: at_most - 3]}..."
