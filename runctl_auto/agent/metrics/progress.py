"""How far the training is: a count that never begins anew, from counts that do so with each epoch.

A counter that goes back while the epoch goes on counts within an epoch. Its epochs are as long as its total,
or as far as it came in the first one; so a run that goes on in a later epoch, on another machine, has the
same positions again. That length, and the number of the first epoch, are in the run's metrics (``clocks``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runctl_auto.agent.metrics.record import Record, count_of

MOST_CLOCKS = 16


@dataclass
class _Clock:
    first_epoch: float | None = None
    length: float | None = None
    counter: float = -1.0
    epoch: float | None = None
    base: float = 0.0

    def position(self, counter: float, total: float | None, epoch: float | None) -> float:
        if self.first_epoch is None and epoch is not None:
            self.first_epoch = min(epoch, 1.0)
        went_on = self.epoch is not None and epoch is not None and epoch > self.epoch
        if counter < self.counter or (counter == self.counter and went_on):
            from_zero = 1.0 if counter == 0 else 0.0
            if epoch is None:  # nothing tells which epoch it is
                self.base += self.counter + from_zero if total is None or total == self.counter else 0.0
            elif went_on and self.length is None:
                self.length = self.counter + from_zero
        self.counter, self.epoch = counter, epoch
        if total is not None and epoch is not None:
            self.length = total
        if self.length is None or epoch is None or self.first_epoch is None:
            return self.base + counter
        return max(0.0, epoch - self.first_epoch) * self.length + counter


class Progress:
    """The positions of one start of the training. ``known`` is what an earlier start learnt of its clocks."""

    def __init__(self, known: Mapping[str, tuple[float, float]] | None = None) -> None:
        self._clocks = {name: _Clock(first, length) for name, (first, length) in (known or {}).items()}

    def position(self, record: Record) -> float | None:
        """The record's position since the beginning of the training; None when it tells no counter."""
        counter = count_of(record.counter)
        if counter is None or record.absolute:
            return counter
        if record.clock not in self._clocks and len(self._clocks) >= MOST_CLOCKS:
            return counter
        clock = self._clocks.setdefault(record.clock, _Clock())
        return clock.position(counter, count_of(record.total), count_of(record.epoch))

    def learnt(self) -> dict[str, tuple[float, float]]:
        """The first epoch and the length of those clocks that begin anew with each epoch."""
        return {
            name: (each.first_epoch, each.length)
            for name, each in self._clocks.items()
            if each.first_epoch is not None and each.length is not None
        }
