"""What all reports are made of: a folder's plan, what came of it, or why there is neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from runctl_auto.jobs.folder.entry import Entry, Failure, FolderPlan, FolderResult, Outcome

Verb = Literal["plan", "apply"]

_ORDER = ("destroy", "create", "update", "bring-back", "finished", "unchanged")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One entry of a report. ``outcome`` is None in a plan."""

    entry: Entry
    error: Failure | None
    outcome: Outcome | None = None
    seconds: float = 0.0

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to tell but that the job is as it should be."""
        entry = self.entry
        return self.error is None and not entry.is_change and not entry.findings and not entry.notes


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is told of one `plan` or `apply` of ``folder``. ``error``: why it has no plan, None with one."""

    verb: Verb
    folder: str
    plan: FolderPlan | None = None
    result: FolderResult | None = None
    error: Failure | None = None

    def rows(self) -> Iterator[Row]:
        """A row for each entry: what failed first, then what changes, then the rest."""
        yield from sorted(self._rows(), key=_rank)

    def _rows(self) -> Iterator[Row]:
        if self.result is not None:
            for each in self.result.results:
                error = each.error or each.entry.error
                yield Row(entry=each.entry, error=error, outcome=each.outcome, seconds=each.seconds)
        elif self.plan is not None:
            for entry in self.plan.entries:
                yield Row(entry=entry, error=entry.error)

    @property
    def failed(self) -> int:
        """How many entries failed."""
        return sum(1 for each in self._rows() if each.error is not None)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many entries there are of each action that any has."""
        return {} if self.plan is None else {key: count for key, count in self.plan.counts.items() if count}


def _rank(row: Row) -> tuple[int, int, str]:
    action = row.entry.action
    told = 0 if row.error is not None else 2 if row.is_quiet else 1
    return told, _ORDER.index(action) if action in _ORDER else len(_ORDER), row.entry.title
