"""The metrics that a run has recorded, as they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from runctl_auto.agent.metrics.document import Axis, Unit
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.session import Session
from runctl_auto.observe.metrics.series import RunMetrics, metrics_of
from runctl_auto.observe.metrics.series import Series as Metric
from runctl_auto.pages.looks.series import Series, thinned

_SHOWN: dict[str, tuple[float, str]] = {
    Unit.SHARE: (100.0, "%"),
    Unit.BYTES: (1 / 1024**3, "GB"),
    Unit.BYTES_A_SECOND: (1 / 1024**2, "MB/s"),
    Unit.CELSIUS: (1.0, "°C"),
    Unit.WATT: (1.0, "W"),
}
"""By the unit of what is recorded: what a value is multiplied with, and the unit that follows it then."""


@dataclass(frozen=True)
class Recorded:
    """``problem`` says why what the machine stored cannot be read."""

    series: tuple[Series, ...] = ()
    problem: str | None = None


def recorded(session: Session, job: ListedJob) -> Recorded:
    """The metrics of the job's present run: those of the training, then those of its machine. One request;
    blocks. Raises ``CloudError``.
    """
    facts = job.facts
    if facts is None:
        return Recorded()
    place = facts.config.placement
    results = session.provider(place.region).results(facts.config.job.name, place.account)
    found = metrics_of(results.objects(), facts.config.run.id)
    return Recorded() if found is None else Recorded(tuple(_drawn(found)), found.problem)


def _drawn(found: RunMetrics) -> Iterator[Series]:
    for each in (*found.training, *found.machine):
        factor, unit = _SHOWN.get(each.unit, (1.0, each.unit))
        points = zip(map(_place(each, found), each.steps), (factor * y for y in each.values), strict=True)
        over: Literal["time", "step"] = "time" if each.axis == Axis.TIME else "step"
        yield Series(name=each.name, points=thinned(tuple(points)), over=over, axis=each.axis, unit=unit)


def _place(series: Metric, found: RunMetrics) -> Callable[[float], float]:
    """Where a step is drawn: at its time, in seconds since the epoch, if it is a time."""
    began = found.began_at.timestamp() if found.began_at and series.axis == Axis.TIME else 0.0
    return lambda step: began + step
