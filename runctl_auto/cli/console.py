"""How a command speaks: results on stdout, words on stderr; in JSON mode stdout holds JSON only."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from runctl_auto.errors import RunctlError

if TYPE_CHECKING:
    from rich.status import Status

    from runctl_auto.engine.events import EngineEvent
    from runctl_auto.operations.reporting import PlanView


class Console:
    """The reporter of all operations. Live display and colour only on terminals, and not with NO_COLOR."""

    def __init__(
        self, *, as_json: bool, verbose: bool, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self.as_json = as_json
        self.verbose = verbose
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._live: Status | None = None
        self._title = ""
        self._steps: Any = None

    def say(self, text: str) -> None:
        """One sentence for people."""
        self._write(self._err, text)

    def line(self, text: str = "") -> None:
        """One line of a result for people; nothing in JSON mode."""
        if not self.as_json:
            self._write(self._out, text)

    def result(self, value: Mapping[str, Any]) -> None:
        """The result for programs; nothing in text mode."""
        if self.as_json:
            self._write(self._out, json.dumps(value, indent=2, default=str))

    def log_line(self, line: str) -> None:
        """One line of the training's own output."""
        self._write(self._err if self.as_json else self._out, line)

    def plan(self, view: PlanView) -> None:
        """What would change, before anyone is asked."""
        from runctl_auto.observe.progress import plan_lines

        self.say(f"Plan for job '{view.job}'" + (f", run {view.run}:" if view.run else ":"))
        for each in plan_lines(view.plan):
            self.say(f"  {each}")
        if view.placement is not None:
            place = view.placement
            price = "price unknown" if place.price_hour is None else f"{place.price_hour:g} USD an hour"
            self.say(f"  machine: {place.instance_type} {place.market} in {place.zone}, {price}")
        for note in view.notes:
            self.say(f"  {note}")

    def confirm(self, question: str) -> bool:
        """Asks on the terminal; without one the answer is no."""
        if not sys.stdin.isatty():
            return False
        import click

        return click.confirm(question, default=False, err=True)

    def engine_event(self, event: EngineEvent) -> None:
        """Shows one step of the engine."""
        from runctl_auto.observe.progress import StepsInWork, line_for

        if self._steps is None:
            self._steps = StepsInWork()
        self._steps.take(event)
        text = line_for(event)
        if text is not None:
            self.say(f"  {text}")
        self._refresh()

    def engine_output(self, line: str) -> None:
        """A line that the engine itself printed; shown with ``-v``."""
        if self.verbose:
            self.say(line)

    @contextmanager
    def working(self, title: str) -> Iterator[None]:
        """Shows that something lasts, while the context is open."""
        self._title = title
        if not self._is_live:
            self.say(f"{title} ...")
            yield
            return
        from rich.console import Console as RichConsole

        console = RichConsole(file=self._err)
        with console.status(title) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None
                self._steps = None

    def error(self, error: RunctlError) -> None:
        """Tells an error in full; in JSON mode as the result."""
        self.result({"error": error.as_json()})
        if self.as_json:
            return
        self._write(self._err, f"error: {error}")
        if error.where:
            place = ", ".join(f"{key} {value}" for key, value in error.where.items())
            self._write(self._err, f"  where: {place}")
        if error.__cause__ is not None and self.verbose:
            self._write(self._err, f"  cause: {error.__cause__}")
        if error.next_step:
            self._write(self._err, f"  next:  {error.next_step}")

    @property
    def _is_live(self) -> bool:
        return self._err.isatty() and not self.as_json and os.environ.get("TERM") != "dumb"

    def _refresh(self) -> None:
        if self._live is not None:
            steps = str(self._steps)
            self._live.update(f"{self._title}: {steps}" if steps else self._title)

    def _write(self, stream: TextIO, text: str) -> None:
        if self._live is not None and stream.isatty():
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
            return
        stream.write(text + "\n")
        stream.flush()
