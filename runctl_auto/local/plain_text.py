"""Removes what a terminal would interpret from text that users' programs and files contain."""

from __future__ import annotations

import re

_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences: colors, cursor movements
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # strings: titles, links
    r"|\x1b[ -/]*[0-~]"
)
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROLS_BUT_CR = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def plain_text(text: str, *, keep_returns: bool = False) -> str:
    """``text`` without escape sequences and control characters; line breaks and tabs stay.

    Carriage returns stay with ``keep_returns``. Halves of surrogate pairs, which no encoding accepts, become
    U+FFFD.
    """
    if text.isprintable():
        return text
    controls = _CONTROLS_BUT_CR if keep_returns else _CONTROLS
    return _SURROGATES.sub("\ufffd", controls.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n"))))


def only_colors(text: str) -> str:
    """``plain_text`` that keeps colors, for messages that were colored for a terminal."""
    if text.isprintable():
        return text
    colors = _COLORS.findall(text)
    pieces = [plain_text(piece) for piece in _COLORS.split(text)]
    return "".join(piece + color for piece, color in zip(pieces, [*colors, ""], strict=True))
