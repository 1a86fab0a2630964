"""Plain-text tables: columns separated by two blanks, less important ones omitted where space is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runctl_auto.local.printable import printable

_GAP = "  "
_NARROWEST = 8


@dataclass(frozen=True)
class Column:
    """A column. Columns with a higher ``spare`` are omitted first; 0 is never omitted. Numbers are
    right-aligned.
    """

    title: str
    spare: int = 0
    right: bool = False


def table_lines(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    width: int | None = None,
    paint: Callable[[str], str] = str,
) -> list[str]:
    """The header and a line for each row, at most ``width`` wide (None: unlimited); cells are made printable.

    ``paint`` may add escape sequences of no width to a cell.
    """
    cells = [tuple(column.title for column in columns), *(tuple(map(printable, row)) for row in rows)]
    shown = _fitting(columns, cells, width)
    widths = {index: max(len(row[index]) for row in cells) for index in shown}
    if width is not None:
        widths = _narrowed(widths, width)
    return [
        _GAP.join(paint(_cell(row[index], widths[index], columns[index])) for index in shown).rstrip()
        for row in cells
    ]


def _fitting(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int | None) -> list[int]:
    shown = list(range(len(columns)))
    while width is not None and _total({index: _widest(cells, index) for index in shown}) > width:
        spare = max(shown, key=lambda index: columns[index].spare)
        if columns[spare].spare == 0:
            break
        shown.remove(spare)
    return shown


def _widest(cells: Sequence[Sequence[str]], index: int) -> int:
    return max(len(row[index]) for row in cells)


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + len(_GAP) * (len(widths) - 1)


def _narrowed(widths: dict[int, int], width: int) -> dict[int, int]:
    widths = dict(widths)
    while _total(widths) > width:
        widest = max(widths, key=lambda index: widths[index])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _cell(text: str, width: int, column: Column) -> str:
    if len(text) > width:
        text = text[: width - 1] + "…"
    return text.rjust(width) if column.right else text.ljust(width)
