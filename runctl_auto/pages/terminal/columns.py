"""The columns of the list of jobs: what each shows, and how wide it is on a terminal of a width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runctl_auto.local.printable import printable
from runctl_auto.reports.figures import short_age, spent_text

if TYPE_CHECKING:
    from runctl_auto.pages.looks.job_row import JobRow

GAP = 2
_NARROWEST_NAME = 14
_WIDEST_NAME = 42


@dataclass(frozen=True)
class Column:
    """``width`` in characters, 0 for what is left; it is shown on terminals of at least ``least`` columns.
    ``order`` is what rows are sorted by when it is chosen."""

    title: str
    width: int
    text: Callable[[JobRow], str]
    least: int = 0
    right: bool = False
    order: str = ""

    def cell(self, text: str, width: int) -> str:
        """A text of exactly so many characters."""
        if len(text) > width:
            text = f"{text[: width - 1]}…"
        return text.rjust(width) if self.right else text.ljust(width)


def _age(seconds: float | None) -> str:
    return "-" if seconds is None else short_age(seconds)


COLUMNS = (
    Column("JOB", 0, lambda row: row.name, order="name"),
    Column("PHASE", 11, lambda row: row.phase, order="phase"),
    Column("AGE", 7, lambda row: _age(row.age_seconds), right=True, order="age"),
    Column("COST", 9, lambda row: spent_text(row.spent) if row.run else "-", right=True, order="cost"),
    Column(
        "SAVED",
        7,
        lambda row: _age(row.checkpoint_seconds) if row.checkpoints else "-",
        least=60,
        right=True,
        order="checkpoint",
    ),
    Column("MACHINE", 13, lambda row: row.instance_type or "-", least=72),
    Column("MARKET", 9, lambda row: row.market or "-", least=92),
    Column("OWNER", 10, lambda row: row.owner or "-", least=104, order="owner"),
    Column("ZONE", 14, lambda row: row.zone or "-", least=120),
)


@dataclass(frozen=True)
class Shape:
    """The columns that fit, each with its width."""

    columns: tuple[tuple[Column, int], ...]

    @classmethod
    def of(cls, width: int) -> Shape:
        """Of a terminal of so many columns."""
        shown = [each for each in COLUMNS if each.least <= width]
        fixed = sum(each.width for each in shown) + GAP * (len(shown) - 1)
        name = min(_WIDEST_NAME, max(_NARROWEST_NAME, width - fixed))
        return cls(tuple((each, each.width or name) for each in shown))

    def heading(self, order: str) -> str:
        """The titles; that of the order has a sign."""
        return (" " * GAP).join(
            column.cell(f"{column.title}{'▾' if column.order and column.order == order else ''}", width)
            for column, width in self.columns
        )

    def cells(self, row: JobRow) -> list[str]:
        """The cells of a row, safe for a terminal."""
        return [column.cell(printable(column.text(row)), width) for column, width in self.columns]
