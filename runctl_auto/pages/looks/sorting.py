"""The order of rows, and which are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runctl_auto.pages.looks.phases import phase_place

if TYPE_CHECKING:
    from runctl_auto.pages.looks.job_row import JobRow


def _least_first(value: float | None) -> tuple[bool, float]:
    return value is None, value or 0.0


def _most_first(value: float | None) -> tuple[bool, float]:
    return value is None, -(value or 0.0)


_KEYS: dict[str, Callable[[JobRow], Any]] = {
    "phase": lambda row: phase_place(row.phase),
    "name": lambda row: row.name,
    "cost": lambda row: _most_first(row.usd),
    "age": lambda row: _least_first(row.age_seconds),
    "checkpoint": lambda row: _most_first(row.checkpoint_seconds),
    "owner": lambda row: (row.owner is None, row.owner or ""),
}
ORDERS = tuple(_KEYS)
"""What rows can be sorted by: phases by urgency, names and owners from a to z, the dearest, youngest and the
one with the oldest checkpoint first."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Which rows are shown, and in which order: those of a ``phase`` and an ``owner`` (empty: of all), whose
    name, owner, machine or zone contains ``text``.
    """

    order: str = "phase"
    phase: str = ""
    owner: str = ""
    text: str = ""

    @property
    def is_filtered(self) -> bool:
        return bool(self.phase or self.owner or self.text)

    def of(self, rows: Iterable[JobRow]) -> list[JobRow]:
        """The rows; those of one place by name."""
        kept = sorted((row for row in rows if self._fits(row)), key=lambda row: row.name)
        return sorted(kept, key=_KEYS.get(self.order, _KEYS["phase"]))

    def _fits(self, row: JobRow) -> bool:
        if self.phase not in ("", row.phase) or self.owner not in ("", row.owner or ""):
            return False
        wanted = self.text.casefold()
        return not wanted or any(
            wanted in part.casefold() for part in (row.name, row.owner, row.machine, row.zone) if part
        )
