"""When an operation changed a stack and did not come to a good end: told by the stack's history and state.

An engine records an operation in the history when it ends. One whose runctl was killed may end without that:
then the state was written later than the history tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runctl_auto.backend.history import UPDATE, HistoryRecord
from runctl_auto.stack.state import StackState

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Period:
    """From when to when an operation worked."""

    began: datetime
    ended: datetime

    def holds(self, moment: datetime, slack: timedelta) -> bool:
        """Whether ``moment``, of a clock that may differ by ``slack``, is in it."""
        return self.began - slack <= moment <= self.ended + slack


def unfinished_periods(history: Sequence[HistoryRecord], state: StackState) -> tuple[Period, ...]:
    """When updates worked that failed or were killed, since the last that succeeded. ``history`` is newest
    first."""
    return (*_unrecorded(history, state), *_failed(history))


def _unrecorded(history: Sequence[HistoryRecord], state: StackState) -> Iterator[Period]:
    written = state.written_at
    if written is None:
        return
    if not history:
        yield Period(state.begun_at or written, written)
    elif written > history[0].ended + _SECOND:
        yield Period(history[0].ended, written)


def _failed(history: Sequence[HistoryRecord]) -> Iterator[Period]:
    for record in history:
        if record.kind != UPDATE:
            continue
        if record.succeeded:
            return
        yield Period(record.began, record.ended + _SECOND)
