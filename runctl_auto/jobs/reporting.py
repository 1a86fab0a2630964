"""How operations tell what they do; the command line decides how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runctl_auto.cost.estimate import Estimate
    from runctl_auto.engine.events import EngineEvent, Plan
    from runctl_auto.packaging.work_folder import WorkFolder
    from runctl_auto.placement.order import RankedOffer
    from runctl_auto.stack.config import Placement

PATIENCE_SECONDS = 1.0
"""What is done within so long needs no telling."""


@dataclass(frozen=True)
class PlanView:
    """What is about to change, as shown before anyone is asked.

    ``work_folder`` is what travels to the machine; None when nothing is packaged for the change. ``cost`` is
    of the job as it will be, ``cost_before`` as it is, None where it has no machine. ``program`` is the
    folder of the program that made the plan, None for runctl's own. ``offers`` are the first that are tried,
    none when the place was settled before.
    """

    job: str
    run: str | None
    plan: Plan
    placement: Placement | None
    notes: tuple[str, ...] = ()
    work_folder: WorkFolder | None = None
    cost: Estimate | None = None
    cost_before: Estimate | None = None
    program: Path | None = None
    offers: tuple[RankedOffer, ...] = ()


class Reporter(Protocol):
    """Receives what happens, in order."""

    def say(self, text: str) -> None:
        """One sentence for people."""

    def plan(self, view: PlanView) -> None:
        """What would change."""

    def confirm(self, question: str) -> bool:
        """Asks; False means no. Blocks until answered."""

    def ask(self, question: str) -> str:
        """Asks for a text; empty when there is nobody to ask. Blocks until answered."""

    def log_line(self, line: str, rank: int | None = None) -> None:
        """One line of the training's own output; of several machines, with the rank that wrote it."""

    def engine_event(self, event: EngineEvent) -> None:
        """One step of the engine."""

    def engine_output(self, line: str) -> None:
        """A line printed by the engine itself."""

    def working(self, title: str, *, after: float = 0.0) -> AbstractContextManager[None]:
        """Shows that something lasts, while the context is open, once it has lasted ``after`` seconds."""

    def progress(self, text: str) -> None:
        """How far the work is that ``working`` shows."""


class NobodyThere:
    """A reporter without a person: it shows nothing and answers every question with no. Subclasses say."""

    def plan(self, view: PlanView) -> None:
        """Nobody looks at it."""

    def confirm(self, question: str) -> bool:  # noqa: ARG002
        return False

    def ask(self, question: str) -> str:  # noqa: ARG002
        return ""

    def log_line(self, line: str, rank: int | None = None) -> None:
        """Nobody reads it."""

    def engine_event(self, event: EngineEvent) -> None:
        """Nobody follows the engine."""

    def engine_output(self, line: str) -> None:
        """Nobody reads it."""

    @contextmanager
    def working(self, title: str, *, after: float = 0.0) -> Iterator[None]:  # noqa: ARG002
        yield

    def progress(self, text: str) -> None:
        """Nobody waits."""
