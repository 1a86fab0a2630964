"""The metrics of one run, read from its bucket. The machine wrote them: they are untrusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runctl_auto.agent.contract import MOST_METRICS_BYTES
from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.keys import metrics_key
from runctl_auto.agent.metrics.document import Axis, MetricsJson, SeriesJson, from_value, read_document
from runctl_auto.agent.store.store import ReadableStore
from runctl_auto.agent.untrusted import UnreadableError


@dataclass(frozen=True)
class Series:
    """One metric, in the order of its steps.

    ``steps``, ``values`` and ``seconds`` (since the metrics' ``began_at``) have the same length, at most
    1,000; a value may be NaN or infinite. ``axis`` is what the steps count: ``step``, ``epoch``, ``record``
    or ``time``. ``points`` were recorded; when they are more than ``values``, these are at even distances.
    ``name`` comes from the job: it may hold any character but for halves of surrogate pairs.
    """

    name: str
    axis: str
    source: str
    unit: str
    points: int
    steps: tuple[float, ...]
    values: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def last(self) -> float | None:
        """The newest value; None without any."""
        return self.values[-1] if self.values else None

    @property
    def last_step(self) -> float | None:
        return self.steps[-1] if self.steps else None

    @property
    def least(self) -> float | None:
        """The smallest finite value among those that remain."""
        return min(self._finite, default=None)

    @property
    def most(self) -> float | None:
        return max(self._finite, default=None)

    @property
    def is_thinned(self) -> bool:
        """Whether not all recorded points remain."""
        return self.points > len(self.values)

    @property
    def _finite(self) -> list[float]:
        return [each for each in self.values if math.isfinite(each)]


@dataclass(frozen=True)
class RunMetrics:
    """The metrics of a run. ``problem`` says why they could not be read; then there are none.

    ``left_out`` is the number of training metrics beyond the first 64.
    """

    run: str
    began_at: datetime | None = None
    updated_at: datetime | None = None
    training: tuple[Series, ...] = ()
    machine: tuple[Series, ...] = ()
    left_out: int = 0
    problem: str | None = None

    def find(self, name: str) -> Series | None:
        """The training metric of this name, else that of the machine; None if there is neither."""
        return next((each for each in (*self.training, *self.machine) if each.name == name), None)

    def at(self, seconds: float) -> datetime | None:
        """The time of a point; None if it is not known, or no time."""
        try:
            return None if self.began_at is None else self.began_at + timedelta(seconds=seconds)
        except OverflowError:
            return None


def metrics_of(store: ReadableStore, run: str, node: int = 0) -> RunMetrics | None:
    """The metrics that a node of the run has stored; None when there are none (yet). One request; blocks.

    Metrics that cannot be read are a ``problem``. Raises what the store raises when a request fails.
    """
    try:
        content = store.find(metrics_key(run, node), MOST_METRICS_BYTES)
    except IntegrityError as error:
        return RunMetrics(run, problem=str(error))
    return None if content is None else parse_metrics(content, run)


def parse_metrics(content: bytes, run: str) -> RunMetrics:
    """The metrics from the bytes of their object, whatever they are."""
    try:
        return _metrics(read_document(content, run))
    except UnreadableError as error:
        return RunMetrics(run, problem=f"the metrics of run {run} cannot be read: {error}")


def _metrics(document: MetricsJson) -> RunMetrics:
    return RunMetrics(
        run=document["run"],
        began_at=_moment(document["began_at"]),
        updated_at=_moment(document["updated_at"]),
        training=tuple(_series(each) for each in document["training"]),
        machine=tuple(_series(each) for each in document["machine"]),
        left_out=document["left_out"],
    )


def _series(found: SeriesJson) -> Series:
    by_time = found["axis"] == Axis.TIME
    return Series(
        name=found["name"],
        axis=found["axis"],
        source=found["source"],
        unit=found["unit"],
        points=found["points"],
        steps=tuple(found["seconds"] if by_time else found["steps"]),
        values=tuple(from_value(each) for each in found["values"]),
        seconds=tuple(found["seconds"]),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def as_json(series: Series) -> dict[str, Any]:
    """A series for people's programs; a value that is not finite is None."""
    return {
        "name": series.name,
        "axis": series.axis,
        "source": series.source,
        "unit": series.unit or None,
        "points": series.points,
        "steps": list(series.steps),
        "values": [each if math.isfinite(each) else None for each in series.values],
        "seconds": list(series.seconds),
    }
