"""The list of jobs on a terminal. Only lines that are seen are drawn: it is as quick with thousands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from runctl_auto.agent.contract import Phase
from runctl_auto.pages.terminal.columns import GAP, Shape
from runctl_auto.run.status import LOST

if TYPE_CHECKING:
    from runctl_auto.pages.looks.job_row import JobRow

_GAP = Segment(" " * GAP)
_COLOURS = {
    Phase.RUNNING: "cyan",
    Phase.SUCCEEDED: "green",
    Phase.FAILED: "red",
    LOST: "red",
    Phase.INTERRUPTED: "yellow",
    Phase.STOPPING: "yellow",
    Phase.STOPPED: "yellow",
    "unknown": "yellow",
}


class JobsTable(ScrollView, can_focus=True):
    """``chosen`` is the name of the job under the cursor; it stays when rows change their places."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "move(-1000000000)", show=False),
        Binding("end,G", "move(1000000000)", show=False),
    ]

    class Chosen(Message):
        """The cursor is on another job; None: on none."""

        def __init__(self, name: str | None) -> None:
            super().__init__()
            self.name = name

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chosen: str | None = None
        self._rows: Sequence[JobRow] = ()
        self._cursor = 0
        self._shape = Shape.of(80)

    def put(self, rows: Sequence[JobRow]) -> None:
        """Shows these rows, in their order."""
        self._rows = rows
        places = {row.name: place for place, row in enumerate(rows)}
        self._cursor = places.get(self.chosen or "", min(self._cursor, max(0, len(rows) - 1)))
        self._fit()
        self._choose()
        self.refresh()

    def _fit(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows))
        self._shape = Shape.of(self.size.width)

    def on_resize(self, _event: events.Resize) -> None:
        self._fit()
        self._keep_in_sight()

    def on_click(self, event: events.Click) -> None:
        place = event.y + int(self.scroll_offset.y)
        if place < len(self._rows):
            self._go(place)

    def action_move(self, by: int) -> None:
        """Moves the cursor by so many rows."""
        self._go(self._cursor + by)

    def action_page(self, pages: int) -> None:
        """Moves the cursor by so many screens."""
        self._go(self._cursor + pages * max(1, self.size.height - 1))

    def _go(self, place: int) -> None:
        self._cursor = max(0, min(place, len(self._rows) - 1))
        self._choose()
        self._keep_in_sight()
        self.refresh()

    def _choose(self) -> None:
        name = self._rows[self._cursor].name if self._rows else None
        if name != self.chosen:
            self.chosen = name
            self.post_message(self.Chosen(name))

    def _keep_in_sight(self) -> None:
        top, height = int(self.scroll_offset.y), max(1, self.size.height)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, force=True)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        place = y + int(self.scroll_offset.y)
        width = self.size.width
        if place >= len(self._rows):
            return Strip.blank(width)
        row = self._rows[place]
        strip = Strip(self._segments(row, is_chosen=place == self._cursor))
        return strip.adjust_cell_length(width, Style(reverse=True) if place == self._cursor else None)

    def _segments(self, row: JobRow, *, is_chosen: bool) -> list[Segment]:
        found: list[Segment] = []
        for (column, _), text in zip(self._shape.columns, self._shape.cells(row), strict=True):
            colour = _COLOURS.get(row.phase) if column.title == "PHASE" else None
            style = Style(reverse=True) if is_chosen else Style(color=colour) if colour else Style.null()
            found += [Segment(text, style), Segment(_GAP.text, Style(reverse=True) if is_chosen else None)]
        return found[:-1]
