"""Metrics of runs as an agent stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runctl_auto.agent.metrics.book import MetricsBook
from runctl_auto.agent.metrics.document import Source
from runctl_auto.agent.metrics.machine_use import MachineUse
from runctl_auto.agent.metrics.record import Record

BEGAN = 1_790_000_000.0


def stored_metrics(run: str, training: Mapping[str, Sequence[float]], *, first_step: int = 1) -> bytes:
    """The object of a run with these values at consecutive steps, and one look at its machine."""
    book = MetricsBook(run, 0, BEGAN)
    for name, values in training.items():
        for step, value in enumerate(values, first_step):
            book.add(Source.OUTPUT, Record({name: value}, counter=step, absolute=True), BEGAN + step)
    rates = (("disk_read", 2048.0),)
    use = MachineUse(BEGAN + 30, 0.5, 10**9, 10**10, 10**9, 10**11, 1, 1, rates)
    book.add_machine(use)
    return book.document(BEGAN + 60)
