"""Colours in texts: the engine marks them as `<{%fg 1%}>…<{%reset%}>`, terminals get escape codes."""

from __future__ import annotations

import re

RESET = "<{%reset%}>"
BOLD = "<{%bold%}>"
UNDERLINE = "<{%underline%}>"
RED, GREEN, YELLOW, MAGENTA = (f"<{{%fg {number}%}}>" for number in (1, 2, 3, 5))
BRIGHT_RED, BRIGHT_GREEN, BRIGHT_BLUE, BRIGHT_MAGENTA, BRIGHT_CYAN = (
    f"<{{%fg {number}%}}>" for number in (9, 10, 12, 13, 14)
)
HEADLINE = BRIGHT_MAGENTA + BOLD

_MARK = re.compile(r"<\{%(.*?)%\}>")
_CODES = {"reset": "0", "bold": "1", "underline": "4"}


def render(text: str, *, coloured: bool) -> str:
    """The text with escape codes for its marks, or without them."""
    return _MARK.sub(_code if coloured else "", text)


def _code(mark: re.Match[str]) -> str:
    name = mark.group(1)
    if name in _CODES:
        return f"\x1b[{_CODES[name]}m"
    kind, _, number = name.partition(" ")
    if kind in ("fg", "bg") and number.isdigit():
        return f"\x1b[{38 if kind == 'fg' else 48};5;{number}m"
    return ""
