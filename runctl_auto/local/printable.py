"""Text of others in messages: on one line, without control characters, not too long."""

from __future__ import annotations


def printable(text: str) -> str:
    """``text`` with all that could move a cursor, break a line or break an encoding written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )


def shortened(text: str, at_most: int = 60) -> str:
    """``text`` cut to ``at_most`` characters, three dots telling of the cut."""
    return text if len(text) <= at_most else f"{text[: at_most - 3]}..."
