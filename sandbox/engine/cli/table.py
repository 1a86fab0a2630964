"""Tables in text."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = "") -> str:
    """Columns two spaces apart, no spaces at the end of a line; ends with a line break."""
    lines = [headers, *rows] if headers else list(rows)
    widths = [max(_width(line[column]) for line in lines) for column in range(len(lines[0]))] if lines else []
    return "".join(
        indent
        + "".join(
            cell + " " * (width - _width(cell) + 2) if index < len(line) - 1 else cell
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        + "\n"
        for line in lines
    )


def _width(text: str) -> int:
    return len(_COLOUR.sub("", text))
