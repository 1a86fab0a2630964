"""``runctl top``: all jobs on a terminal, and the log, machine and cost of one of them.

What reads jobs is imported by the thread that reads them, after the first picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Footer, Input, Static

from runctl_auto.agent.contract import TERMINAL_PHASES
from runctl_auto.errors import RunctlError
from runctl_auto.local.printable import printable
from runctl_auto.pages.looks.log_tail import MOST_LINES, LogTail
from runctl_auto.pages.looks.looking import Looking
from runctl_auto.pages.looks.sorting import ORDERS, Shown
from runctl_auto.pages.terminal.columns import Shape
from runctl_auto.pages.terminal.heading import heading
from runctl_auto.pages.terminal.jobs_table import JobsTable

if TYPE_CHECKING:
    from runctl_auto.jobs.session import Session
    from runctl_auto.pages.looks.look import Look
    from runctl_auto.pages.looks.reading import Reading

LOG_SECONDS = 3.0
_SETTLE_SECONDS = 0.15
"""A log is read when the cursor has rested so long on its job."""
PANELS = ("log", "machine", "cost")


@dataclass
class _ShownLog:
    """The end of the log of a job's run."""

    job: str
    run: str | None = None
    part: int | None = None
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    ends_a_line: bool = True
    problem: str | None = None

    def add(self, tail: LogTail) -> None:
        if tail.run != self.run:
            self.lines.clear()
            self.run, self.part, self.ends_a_line = tail.run, None, True
        lines = list(tail.lines)
        if lines and not self.ends_a_line and self.lines:
            self.lines[-1] += lines.pop(0)
        self.lines.extend(lines)
        if tail.lines:
            self.ends_a_line = tail.ends_a_line
        self.part = tail.part if tail.part is not None else self.part


class TopApp(App[None]):
    """Reads in threads: keys are never waited for. ``open_session`` is called once, in a thread."""

    CSS = """
    Screen { layout: vertical; }
    #heading, #columns, #title { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    #columns { text-style: bold; }
    #problem { height: auto; max-height: 3; display: none; color: ansi_red; }
    JobsTable { height: 1fr; min-height: 4; overflow-x: hidden; scrollbar-size-vertical: 1; }
    #title { text-style: bold; border-top: none; }
    #details { height: 1fr; min-height: 4; scrollbar-size-vertical: 1; }
    #panel { width: 100%; height: auto; }
    #filter { display: none; height: 1; border: none; padding: 0; }
    .larger JobsTable, .larger #columns { display: none; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "panel('log')", "Log"),
        Binding("m", "panel('machine')", "Machine"),
        Binding("c", "panel('cost')", "Cost"),
        Binding("s", "sort", "Sort"),
        Binding("slash", "filter", "Find", key_display="/"),
        Binding("enter", "larger", "Larger"),
        Binding("r", "look", "Refresh"),
        Binding("q,ctrl+c", "quit", "Quit", key_display="q"),
        Binding("escape", "leave", show=False),
    ]

    class Looked(Message):
        """There is a new look, or a problem."""

    def __init__(self, open_session: Callable[[], Session]) -> None:
        super().__init__(ansi_color=True)
        self._open_session = open_session
        self._reading: Reading | None = None
        self._look: Look | None = None
        self._shown = Shown()
        self._panel = "log"
        self._tail: _ShownLog | None = None
        self._is_reading = False
        self._table = JobsTable(id="jobs")
        self.looking = Looking(self._open, self._tell)

    def _open(self) -> Callable[[], Look]:
        from runctl_auto.pages.looks.all_jobs import AllJobs
        from runctl_auto.pages.looks.reading import Reading

        session = self._open_session()
        self._reading = Reading.of(session)
        return AllJobs(session).look

    def _tell(self) -> None:
        self.post_message(self.Looked())

    def compose(self) -> ComposeResult:
        yield Static(id="heading", markup=False)
        yield Static(id="problem", markup=False)
        yield Static(id="columns", markup=False)
        yield self._table
        yield Static(id="title", markup=False)
        with VerticalScroll(id="details"):
            yield Static(id="panel", markup=False)
        yield Input(id="filter", placeholder="name, owner, machine or zone; Enter keeps it, Esc shows all")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._table.focus()
        self._show()
        self.call_after_refresh(self.looking.start)
        self.set_interval(LOG_SECONDS, self._follow_log)

    def on_unmount(self) -> None:
        self.looking.stop()

    def on_resize(self) -> None:
        self._show_heading()

    def on_top_app_looked(self) -> None:
        if self._reading is None:  # there is no session, and will be none
            self.exit()
            return
        self._look = self.looking.latest or self._look
        self._show()

    def on_jobs_table_chosen(self, event: JobsTable.Chosen) -> None:
        self._tail = None
        self._show_panel()
        self.query_one("#details", VerticalScroll).scroll_home(animate=False)
        if event.name is not None and self._panel == "log":
            self.set_timer(_SETTLE_SECONDS, partial(self._read_log_of, event.name))

    def on_input_changed(self, event: Input.Changed) -> None:
        self._shown = replace(self._shown, text=event.value)
        self._show()

    def on_input_submitted(self) -> None:
        self._leave_filter()

    def action_panel(self, name: str) -> None:
        """Shows another panel of the job."""
        self._panel = name
        self._show_panel()
        self.query_one("#details", VerticalScroll).scroll_home(animate=False)
        if name == "log":
            self._follow_log()

    def action_sort(self) -> None:
        """Sorts by the next column."""
        place = (ORDERS.index(self._shown.order) + 1) % len(ORDERS)
        self._shown = replace(self._shown, order=ORDERS[place])
        self._show()

    def action_filter(self) -> None:
        """Asks for a text that jobs must contain."""
        found = self.query_one("#filter", Input)
        found.display = True
        found.focus()

    def action_larger(self) -> None:
        """Gives the panel the room of the list, and back."""
        self.screen.toggle_class("larger")
        (self.query_one("#details") if self.screen.has_class("larger") else self._table).focus()

    def action_leave(self) -> None:
        """Leaves what was opened last."""
        found = self.query_one("#filter", Input)
        if found.display:
            found.value = ""
            self._leave_filter()
        elif self.screen.has_class("larger"):
            self.action_larger()
        elif self._shown.text:
            found.value = ""

    def action_look(self) -> None:
        """Reads now."""
        self.looking.ask()

    def _leave_filter(self) -> None:
        self.query_one("#filter", Input).display = False
        self._table.focus()

    def _show(self) -> None:
        self._show_heading()
        self._table.put(self._shown.of(self._look.rows) if self._look else [])
        if self._panel != "log" or self._tail is None:
            self._show_panel()

    def _show_heading(self) -> None:
        width = self.size.width
        self.query_one("#heading", Static).update(Text(heading(self._look, self._shown, width)))
        self.query_one("#columns", Static).update(Text(Shape.of(width).heading(self._shown.order)))
        problem = self.query_one("#problem", Static)
        told = self.looking.problem
        notes = [told.what] if told else list(self._look.notes if self._look else ())
        problem.display = bool(notes)
        problem.update(Text(printable("; ".join(notes))))

    def _show_panel(self) -> None:
        name = self._table.chosen
        title = f"── {printable(name)} · {self._panel} " if name else "── "
        self.query_one("#title", Static).update(Text(title.ljust(self.size.width, "─")))
        self.query_one("#panel", Static).update(Text("\n".join(self._lines(name)), overflow="fold"))

    def _lines(self, name: str | None) -> Iterator[str]:
        job = self._look.jobs.get(name or "") if self._look else None
        if self._panel == "log":
            log = self._tail
            if log is not None and log.job == name:
                yield from [log.problem] if log.problem else log.lines or ["no output yet"]
        elif job is not None:
            from runctl_auto.pages.terminal.panels import cost_lines, machine_lines

            yield from machine_lines(job) if self._panel == "machine" else cost_lines(job)

    def _follow_log(self) -> None:
        """Reads what is new in the log that is shown, if there can be anything."""
        name = self._table.chosen
        job = self._look.jobs.get(name or "") if self._look else None
        if self._panel != "log" or name is None or job is None or not self._table.is_attached:
            return
        if self._tail is None or self._tail.problem or job.phase not in TERMINAL_PHASES:
            self._read_log_of(name)

    def _read_log_of(self, name: str) -> None:
        if self._is_reading or self._look is None or name != self._table.chosen:
            return
        if name in self._look.jobs and self._reading is not None:
            self._is_reading = True
            log = self._tail if self._tail is not None and self._tail.job == name else _ShownLog(name)
            self._read(self._reading, self._look, log)

    @work(thread=True, exit_on_error=False)
    def _read(self, reading: Reading, look: Look, log: _ShownLog) -> None:
        try:
            tail: LogTail | RunctlError = reading.log(look, log.job, log.part)
        except RunctlError as error:
            tail = error
        self.call_from_thread(self._take, log, tail)

    def _take(self, log: _ShownLog, tail: LogTail | RunctlError) -> None:
        self._is_reading = False
        is_new = self._tail is None
        if isinstance(tail, RunctlError):
            log.problem = printable(tail.what)
        else:
            log.problem = None
            log.add(tail)
        if not self._table.is_attached:
            return
        if log.job != self._table.chosen:
            self._follow_log()
            return
        self._tail = log
        if self._panel != "log":
            return
        details = self.query_one("#details", VerticalScroll)
        follows = is_new or details.scroll_y >= details.max_scroll_y - 1
        if is_new or isinstance(tail, RunctlError) or tail.lines:
            self._show_panel()
            if follows:
                self.call_after_refresh(details.scroll_end, animate=False)


def run_top(open_session: Callable[[], Session]) -> None:
    """Shows the jobs until the person quits. Blocks. Raises what ``open_session`` raises."""
    app = TopApp(open_session)
    app.run()
    if app.looking.latest is None and app.looking.problem is not None:
        raise app.looking.problem
