"""A look at all jobs: the rows, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from runctl_auto.cost.amount import Amount, total
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.pages.looks.job_row import JobRow, row_of
from runctl_auto.pages.looks.phases import phase_place


@dataclass(frozen=True)
class Look:
    """All jobs of the backend at ``at``. ``jobs`` is what the rows were made of, by name; ``notes`` are what
    was said while looking.
    """

    at: datetime
    rows: tuple[JobRow, ...]
    jobs: Mapping[str, ListedJob]
    notes: tuple[str, ...] = ()

    @cached_property
    def by_phase(self) -> tuple[tuple[str, int], ...]:
        """How many jobs there are of each phase, in the order of ``ORDER``."""
        counts = Counter(each.phase for each in self.rows)
        return tuple(sorted(counts.items(), key=lambda each: phase_place(each[0])))

    @cached_property
    def spent(self) -> Amount:
        """USD of all jobs so far."""
        return total(each.spent for each in self.rows)

    @cached_property
    def hour(self) -> float:
        """USD an hour of all jobs now, as far as it is known."""
        return sum(each.hour or 0.0 for each in self.rows)

    @property
    def owners(self) -> tuple[str, ...]:
        return tuple(sorted({each.owner for each in self.rows if each.owner}))


def look_of(at: datetime, listed: Sequence[ListedJob], notes: Sequence[str] = ()) -> Look:
    """A look at the jobs ``listed``."""
    return Look(at, tuple(map(row_of, listed)), {each.summary.name: each for each in listed}, tuple(notes))
