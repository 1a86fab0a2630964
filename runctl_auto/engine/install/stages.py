"""Progress of an installation: the stage, a detail and the elapsed time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StageReport:
    """``stage`` is what is done now, ``detail`` how far it is (may be empty), ``seconds`` since the start."""

    stage: str
    detail: str
    seconds: float


Progress = Callable[[StageReport], None]
Clock = Callable[[], float]


def no_progress(_report: StageReport) -> None:
    """For callers that show none."""


class Stages:
    """Reports every change, and every tick, to ``progress``."""

    def __init__(self, progress: Progress, clock: Clock) -> None:
        self._progress = progress
        self._clock = clock
        self._started = self._stage_started = clock()
        self._stage = self._detail = ""

    @property
    def seconds(self) -> float:
        """Since the installation began."""
        return self._clock() - self._started

    @property
    def stage_seconds(self) -> float:
        """Since the present stage began."""
        return self._clock() - self._stage_started

    def enter(self, stage: str) -> None:
        """Begins ``stage``."""
        self._stage, self._detail = stage, ""
        self._stage_started = self._clock()
        self.tick()

    def show(self, detail: str) -> None:
        """Says how far the stage is."""
        if detail != self._detail:
            self._detail = detail
            self.tick()

    def tick(self) -> None:
        """Reports the same again, with the time that has passed."""
        self._progress(StageReport(self._stage, self._detail, self.seconds))
