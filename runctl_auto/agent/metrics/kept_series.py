"""One series in bounded memory: points at even distances, and the newest one."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping

from runctl_auto.agent.metrics.document import (
    MOST_MACHINE_POINTS,
    MOST_POINTS_OF_ONE,
    Axis,
    SeriesJson,
    Source,
    Unit,
    as_value,
    from_value,
)

_DIGITS = 7


class TrainingSeries:
    """A training metric by step. A point at an earlier step replaces all from that step on."""

    def __init__(self, name: str, axis: str, source: str) -> None:
        self.name = name
        self.axis = axis
        self.source = source
        self.points = 0
        self._stride = 1
        self._steps: list[float] = []
        self._values: list[float] = []
        self._seconds: list[float] = []

    @classmethod
    def of(cls, found: SeriesJson) -> TrainingSeries:
        """The series that an earlier agent kept."""
        series = cls(found["name"], found["axis"], found["source"])
        series.points = max(found["points"], len(found["values"]))
        series._steps = list(found["steps"])
        series._values = [from_value(each) for each in found["values"]]
        series._seconds = list(found["seconds"])
        while len(series._steps) > 1 and series._stride * len(series._steps) < series.points:
            series._stride *= 2
        return series

    @property
    def last_step(self) -> float | None:
        return self._steps[-1] if self._steps else None

    @property
    def last(self) -> float:
        """The newest value; the series has one."""
        return self._values[-1]

    @property
    def last_seconds(self) -> float:
        return self._seconds[-1]

    def add(self, step: float, value: float, seconds: float) -> None:
        if self._steps and step == self._steps[-1]:
            self._values[-1], self._seconds[-1] = value, seconds
            return
        if self._steps and step < self._steps[-1]:
            self._forget_from(step)
        # The newest point stays only if its turn has come.
        if self._steps and (self.points - 1) % self._stride:
            self._drop_last()
        self._steps.append(step)
        self._values.append(value)
        self._seconds.append(seconds)
        self.points += 1
        self.thin(MOST_POINTS_OF_ONE)

    def thin(self, most: int) -> None:
        """Keeps every second point, and the newest, until there are at most ``most`` (2 or more)."""
        while len(self._steps) > most:
            for each in (self._steps, self._values, self._seconds):
                each[:] = each[::2] if len(each) % 2 else [*each[::2], each[-1]]
            self._stride *= 2

    def recent(self, most: int) -> list[float]:
        """At most ``most`` values at even distances, the newest last."""
        count = len(self._values)
        if count <= most:
            return list(self._values)
        return [self._values[(number + 1) * count // most - 1] for number in range(most)]

    def as_json(self) -> SeriesJson:
        return {
            "name": self.name,
            "axis": self.axis,
            "source": self.source,
            "unit": Unit.NONE,
            "points": self.points,
            "steps": [short(each) for each in self._steps],
            "values": [as_value(short(each)) for each in self._values],
            "seconds": [round(each, 1) for each in self._seconds],
        }

    def _forget_from(self, step: float) -> None:
        keep = bisect.bisect_left(self._steps, step)
        for each in (self._steps, self._values, self._seconds):
            del each[keep:]
        self.points = keep * self._stride if keep else 0

    def _drop_last(self) -> None:
        for each in (self._steps, self._values, self._seconds):
            each.pop()


class MachineSeries:
    """A measure of the machine by time: means over ever longer times."""

    def __init__(self, name: str, unit: str) -> None:
        self.name = name
        self.unit = unit
        self._stride = 1
        self._points: list[tuple[float, float, int]] = []

    @classmethod
    def of(cls, found: SeriesJson) -> MachineSeries:
        """The series that an earlier agent kept."""
        series = cls(found["name"], found["unit"])
        values = [from_value(each) for each in found["values"]]
        while len(values) > 1 and series._stride * len(values) < found["points"]:
            series._stride *= 2
        series._points = [
            (seconds, value, series._stride)
            for seconds, value in zip(found["seconds"], values)  # noqa: B905 (Python 3.9)
            if math.isfinite(value)
        ]
        return series

    def add(self, seconds: float, value: float) -> None:
        if self._points and self._points[-1][2] < self._stride:
            self._points[-1] = _together(self._points[-1], (seconds, value, 1))
        else:
            self._points.append((seconds, value, 1))
        self.thin(MOST_MACHINE_POINTS)

    def thin(self, most: int) -> None:
        """Takes pairs together until there are at most ``most`` points."""
        while len(self._points) > most:
            pairs = zip(self._points[::2], self._points[1::2])  # noqa: B905 (Python 3.9)
            rest = self._points[-1:] if len(self._points) % 2 else []
            self._points = [*(_together(*pair) for pair in pairs), *rest]
            self._stride *= 2

    def as_json(self) -> SeriesJson:
        digits = 0 if self.unit in (Unit.BYTES, Unit.BYTES_A_SECOND) else 3
        return {
            "name": self.name,
            "axis": Axis.TIME,
            "source": Source.MACHINE,
            "unit": self.unit,
            "points": sum(count for _, _, count in self._points),
            "steps": [],
            "values": [whole(round(value, digits)) for _, value, _ in self._points],
            "seconds": [round(seconds, 1) for seconds, _, _ in self._points],
        }


def short(value: float) -> float:
    """The value with seven digits, as many as a float32 has; whole numbers as such."""
    if not math.isfinite(value):
        return value
    return whole(float(f"{value:.{_DIGITS}g}") if abs(value) < 1e15 and value != int(value) else value)


def whole(value: float) -> float:
    """A whole number as an int, which is written in fewer bytes."""
    return int(value) if value == int(value) and abs(value) < 2**53 else value


def _together(first: tuple[float, float, int], second: tuple[float, float, int]) -> tuple[float, float, int]:
    count = first[2] + second[2]
    return second[0], (first[1] * first[2] + second[1] * second[2]) / count, count


def most_of_each(series: Mapping[str, TrainingSeries], most: int) -> int:
    """How many points each series may have, so that all of them have at most ``most``."""
    return max(2, min(MOST_POINTS_OF_ONE, most // max(1, len(series))))
