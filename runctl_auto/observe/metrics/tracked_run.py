"""A run as experiment trackers take it: what describes it, and its points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from runctl_auto.agent.contract import Phase
from runctl_auto.local.plain_text import plain_text
from runctl_auto.observe.metrics.series import RunMetrics, Series


@dataclass(frozen=True)
class TrackedRun:
    """``facts`` describe it and hold no secret: its machine, place and owner. ``phase`` is None if it is
    unknown.
    """

    job: str
    run: str
    metrics: RunMetrics
    phase: str | None = None
    ended_at: datetime | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.job}/{self.run}"

    @property
    def began_at(self) -> datetime:
        return self.metrics.began_at or datetime.fromtimestamp(0, timezone.utc)

    @property
    def has_ended(self) -> bool:
        return self.phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.STOPPED)

    @property
    def series(self) -> tuple[Series, ...]:
        """Of the training, then of the machine."""
        return (*self.metrics.training, *self.metrics.machine)


def tracked_name(series: Series) -> str:
    """A metric's name that trackers accept: letters, digits, blanks and ``_-.:/``; others become ``_``. Those
    of the machine begin with ``machine/``.
    """
    plain = "".join(each if each.isalnum() or each in "_-. :/" else "_" for each in plain_text(series.name))
    name = plain.strip("/. ").replace("//", "/").replace("..", "_") or "_"
    return f"machine/{name}" if series.source == "machine" else name


def whole_steps(series: Series) -> list[int]:
    """The steps as whole numbers; numbers from 0 where they are none."""
    if all(each == int(each) for each in series.steps) and series.source != "machine":
        return [int(each) for each in series.steps]
    return list(range(len(series.steps)))
