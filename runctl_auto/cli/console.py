"""Console output: results on stdout, messages on stderr; in JSON mode stdout holds JSON only."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Literal, TextIO

from runctl_auto.cli.streams import OutputClosed, discard, is_unicode, reader_has_left
from runctl_auto.errors import RunctlError
from runctl_auto.local.plain_text import only_colors, plain_text
from runctl_auto.local.printable import log_line_for_terminal, printable
from runctl_auto.local.strict_json import strict_json

if TYPE_CHECKING:
    from rich.status import Status
    from rich.text import Text

    from runctl_auto.cli.views.table import Column
    from runctl_auto.engine.events import EngineEvent
    from runctl_auto.jobs.reporting import PlanView

Level = Literal["info", "warning", "error"]

_SIGN_COLOURS = {"+": "green", "-": "red", "~": "yellow", "±": "yellow", "!": "red"}


class Console:
    """The reporter of all operations. Live display and colour only on terminals; no colour with NO_COLOR.

    A stream that cannot be written any more never ends a command that changes something: the rest of the
    output is discarded. With ``ends_with_reader``, for commands that only print, it raises ``OutputClosed``.
    ``unwritten`` is the error when a stream failed for another reason than that its reader left.
    ``log_as_json``: every message is an object on a line of stderr, of ``log_record``.
    ``show_files``: a plan lists every file that travels. ``one_line``: every JSON result is one line, for
    commands that print several.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        verbose: bool = False,
        show_files: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
        ends_with_reader: bool = False,
    ) -> None:
        self.as_json = as_json
        self.log_as_json = False
        self.verbose = verbose
        self.ends_with_reader = ends_with_reader
        self.unwritten: OSError | None = None
        self.show_files = show_files
        self.one_line = False
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._live: Status | None = None
        self._titles: list[tuple[threading.Event, str]] = []
        self._steps: Any = None
        self._display = threading.RLock()
        self._discarded: set[int] = set()

    def say(self, text: str, *, level: Level = "info") -> None:
        """Prints a message of one line to stderr; line breaks and control characters in it are shown."""
        self._write(self._err, printable(text), level=level)

    def line(self, text: str = "") -> None:
        """Prints one line of a result; nothing in JSON mode."""
        if not self.as_json:
            self._write(self._out, text)

    def text(self, text: str) -> None:
        """Prints output that is for another program and the same in both formats."""
        self._write_as_it_is(self._out, text)

    def result(self, value: Mapping[str, Any]) -> None:
        """Prints the result as JSON; nothing in text mode."""
        if self.as_json:
            self._write(self._out, strict_json(value, indent=None if self.one_line else 2))

    def json_line(self, value: Mapping[str, Any]) -> None:
        """Prints one of several JSON results, on a line of its own; nothing in text mode."""
        if self.as_json:
            self._write(self._out, strict_json(value))

    @property
    def width(self) -> int | None:
        """Of the terminal; None where stdout is no terminal."""
        return terminal_width() if self._out.isatty() else None

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        """Prints a table, at most as wide as the terminal; not truncated where stdout is no terminal."""
        if self.as_json:
            return
        from runctl_auto.cli.views.phases import phase_colour
        from runctl_auto.cli.views.table import table_lines

        width = self.width
        heading, *lines = table_lines(columns, rows, width, lambda c: self.painted(c, colour=phase_colour(c)))
        self.line(self.painted(heading, bold=True))
        for each in lines:
            self.line(each)

    def painted(self, text: str, *, colour: str | None = None, bold: bool = False) -> str:
        """``text`` in colour where stdout is a terminal that supports it; otherwise unchanged."""
        return _painted(self._out, text, colour=colour, bold=bold)

    def log_line(self, line: str, rank: int | None = None) -> None:
        """Prints one line of the run's log: to a pipe as it is, to a terminal with colours alone; with the
        rank, before it.
        """
        if rank is not None:
            line = f"[{rank}] {line}"
        stream = self._err if self.as_json else self._out
        if stream is self._err and self.log_as_json:
            self._log("info", line, source="job")
            return
        if stream.isatty():
            line = log_line_for_terminal(line, colours=not os.environ.get("NO_COLOR"))
        self._write_as_it_is(stream, line)

    def plan(self, view: PlanView) -> None:
        """Prints the planned changes, before the confirmation."""
        from runctl_auto.cli.views.costs import cost_lines
        from runctl_auto.cli.views.plan import plan_lines
        from runctl_auto.stack.kinds import titled
        from runctl_auto.stack.place_text import place_text

        self.say(f"Plan for {titled(view.job)}" + (f", run {view.run}:" if view.run else ":"))
        if view.program is not None:
            program = printable(f"  program: {view.program}, not runctl's own")
            self._write(self._err, _painted(self._err, program, colour="yellow"))
        for each in plan_lines(view.plan, every_resource=self.verbose):
            colour = _SIGN_COLOURS.get(each[:1])
            self._write(self._err, f"  {_painted(self._err, printable(each), colour=colour)}")
        if view.placement is not None:
            place = view.placement
            nodes = view.cost.nodes if view.cost is not None else 1
            disk = "" if place.disk_gb is None else f", disk {place.disk_gb} GB"
            what = f"{nodes} machines" if nodes > 1 else "machine"
            each_of = " each" if disk and nodes > 1 else ""
            self.say(f"  {what}: {place_text(place)}{disk}{each_of}")
        if view.offers:
            from runctl_auto.cli.views.offers import next_offer_lines

            for each in next_offer_lines(view.offers):
                self.say(f"  {each}")
        if view.work_folder is not None:
            from runctl_auto.cli.views.work_folder import work_folder_lines

            for each in work_folder_lines(view.work_folder, every_file=self.show_files):
                self.say(f"  {each}")
        if view.cost is not None:
            for each in cost_lines(view.cost, view.cost_before):
                self.say(f"  {each}")
        for note in view.notes:
            self.say(f"  {note}")

    def confirm(self, question: str) -> bool:
        """Asks on the terminal; False where stdin is no terminal."""
        if not sys.stdin.isatty():
            return False
        import click

        return click.confirm(printable(question), default=False, err=True)

    def ask(self, question: str) -> str:
        """Prompts for a text on the terminal; empty where stdin is no terminal."""
        if not sys.stdin.isatty():
            return ""
        import click

        return str(click.prompt(printable(question), default="", show_default=False, err=True))

    def engine_event(self, event: EngineEvent) -> None:
        """Shows one step of the engine."""
        from runctl_auto.cli.progress import StepsInWork, line_for

        if self._steps is None:
            self._steps = StepsInWork()
        self._steps.take(event)
        text = line_for(event)
        if text is not None:
            colour = "red" if text.startswith("!") else "yellow" if text.startswith("warning") else None
            level: Level = "error" if colour == "red" else "warning" if colour else "info"
            self._write(self._err, f"  {_painted(self._err, text, colour=colour)}", level=level)
        self._refresh()

    def engine_output(self, line: str) -> None:
        """A line printed by the engine itself; shown with ``-v``."""
        if self.verbose:
            self.say(line.rstrip("\n"))

    @contextmanager
    def working(self, title: str, *, after: float = 0.0) -> Iterator[None]:
        """Shows that work is in progress while the context is open, once it has lasted ``after`` seconds.

        On a terminal it is a transient line; elsewhere it is printed once.
        """
        ended = threading.Event()
        if after:
            patience = threading.Timer(after, copy_context().run, [self._begin, title, ended])
            patience.daemon = True
            patience.start()
        else:
            self._begin(title, ended)
        try:
            yield
        finally:
            self._end(ended)

    def progress(self, text: str) -> None:
        """Updates the state of the work that ``working`` shows; no effect where only the start is printed."""
        if self._live is not None:
            self._live.update(_plain_title(f"{self._titles[-1][1]}: {text}"))

    def error(self, error: RunctlError) -> None:
        """Prints an error in full; in JSON mode as the result."""
        self.result({"error": error.as_json()})
        if self.log_as_json:
            self._log("error", str(error), error=error.as_json())
            return
        if self.as_json:
            return
        heading = _painted(self._err, "error:", colour="red", bold=True)
        self._write(self._err, f"{heading} {plain_text(str(error))}")
        if error.where:
            place = printable(", ".join(f"{key} {value}" for key, value in error.where.items()))
            self._write(self._err, f"  where: {place}")
        for cause in error.causes() if self.verbose else ():
            first, *others = [printable(line) for line in str(cause).splitlines()] or [""]
            self._write(self._err, "\n".join([f"  cause: {first}", *(f"         {line}" for line in others)]))
        if error.next_step:
            self._write(self._err, f"  next:  {plain_text(error.next_step)}")

    @property
    def is_terminal(self) -> bool:
        """Whether results go to a terminal on which they can be redrawn."""
        return self._out.isatty() and not self.as_json and os.environ.get("TERM") != "dumb"

    @property
    def _shows_live(self) -> bool:
        is_plain = self.as_json or self.log_as_json or os.environ.get("TERM") == "dumb"
        return self._err.isatty() and not is_plain

    def _begin(self, title: str, ended: threading.Event) -> None:
        with self._display:
            if ended.is_set():
                return
            if not self._shows_live:
                self.say(f"{title} ...")
                return
            self._titles.append((ended, title))
            if self._live is not None:
                self._live.update(_plain_title(title))
                return
            from rich.console import Console as RichConsole

            spinner = "dots" if is_unicode(self._err) else "line"
            live = RichConsole(file=self._err).status(_plain_title(title), spinner=spinner)
            live.start()
            self._live = live

    def _end(self, ended: threading.Event) -> None:
        """Shows the enclosing work again; the display is removed with the last one."""
        with self._display:
            ended.set()
            self._titles = [each for each in self._titles if each[0] is not ended]
            if self._live is None:
                return
            self._steps = None
            if self._titles:
                self._live.update(_plain_title(self._titles[-1][1]))
            else:
                self._live.stop()
                self._live = None

    def _refresh(self) -> None:
        if self._live is not None:
            steps = str(self._steps)
            title = self._titles[-1][1]
            self._live.update(_plain_title(f"{title}: {steps}" if steps else title))

    def _write(self, stream: TextIO, text: str, *, level: Level = "info") -> None:
        if stream is self._err and self.log_as_json:
            self._log(level, text)
            return
        self._write_as_it_is(stream, only_colors(text) if stream.isatty() else plain_text(text))

    def _log(self, level: Level, text: str, **more: Any) -> None:
        from runctl_auto.cli.log_record import log_record

        for line in plain_text(text).splitlines():
            self._write_as_it_is(self._err, strict_json({**log_record(level, line), **more}))

    def _write_as_it_is(self, stream: TextIO, text: str) -> None:
        if id(stream) in self._discarded:
            return
        try:
            self._print(stream, text)
        except OSError as error:
            self._discard(stream, error)

    def _print(self, stream: TextIO, text: str) -> None:
        if self._live is not None and stream.isatty():
            from rich.text import Text

            self._live.console.print(Text.from_ansi(text), soft_wrap=True)
            return
        stream.write(text + "\n")
        stream.flush()

    def _discard(self, stream: TextIO, error: OSError) -> None:
        """Raises ``OutputClosed`` if the command has no purpose without its output."""
        self._discarded.add(id(stream))
        discard(stream)
        if not reader_has_left(error):
            self.unwritten = error
        if self.ends_with_reader and stream is self._out:
            raise OutputClosed from error


def _plain_title(text: str) -> Text:
    """A title that shows what it says: Rich reads markup in texts, which names of a cloud could hold."""
    from rich.text import Text

    return Text(printable(text))


def terminal_width() -> int:
    """Columns of the terminal; COLUMNS if set, 80 if unknown."""
    import shutil

    return shutil.get_terminal_size((80, 24)).columns


def _painted(stream: TextIO, text: str, *, colour: str | None = None, bold: bool = False) -> str:
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    if colour is None and not bold:
        return text
    import click

    return click.style(text, fg=colour, bold=bold or None)
