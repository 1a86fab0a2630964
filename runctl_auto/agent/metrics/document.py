"""The metrics of a run as they are in its bucket: their shape, and how they are read.

A document holds at most ``MOST_SERIES`` training metrics with ``MOST_POINTS`` points in all; of longer series
it holds points at even distances, and ``points`` says how many there were.
"""

from __future__ import annotations

import math
from typing import Final, TypedDict

from runctl_auto.agent.contract import MOST_METRICS_BYTES, SCHEMA
from runctl_auto.agent.status_format import GpuUseJson, MachineUseJson, MetricsSummaryJson, TrainingValueJson
from runctl_auto.agent.untrusted import (
    Fields,
    UnreadableError,
    moment,
    number,
    one_of,
    read_object,
    text,
    whole,
)

MOST_SERIES: Final = 64
"""Training metrics of a run; later ones are counted as ``left_out``."""
MOST_MACHINE_SERIES: Final = 96
MOST_POINTS: Final = 16_000
"""Points of all training metrics together."""
MOST_POINTS_OF_ONE: Final = 1000
MOST_MACHINE_POINTS: Final = 360
"""Points of each of the machine's series."""
MOST_NAME: Final = 100
"""Characters of a metric's name."""
MOST_SUMMARY: Final = 8
"""Training metrics that the status names."""
MOST_RECENT: Final = 24
MOST_GPUS: Final = 16
_MOST_STEP = 2.0**53
_MOST_SECONDS = 1e10
_MOST_VALUE = 1.7976931348623157e308


class Axis:
    """What the steps of a series count."""

    STEP: Final = "step"
    EPOCH: Final = "epoch"
    RECORD: Final = "record"
    """Nothing that the training tells: its records, from 1."""
    TIME: Final = "time"
    """Seconds since ``began_at``: the machine's series."""


AXES = frozenset({Axis.STEP, Axis.EPOCH, Axis.RECORD, Axis.TIME})


class Source:
    """Where a series comes from; of one name, a later one of this list replaces an earlier one."""

    OUTPUT: Final = "output"
    """What the command prints."""
    TENSORBOARD: Final = "tensorboard"
    CSV: Final = "csv"
    FILE: Final = "file"
    """``$RUNCTL_METRICS``."""
    MACHINE: Final = "machine"


SOURCES = (Source.OUTPUT, Source.TENSORBOARD, Source.CSV, Source.FILE, Source.MACHINE)


class Unit:
    """What the values of a series are."""

    NONE: Final = ""
    SHARE: Final = "share"
    """From 0 to 1."""
    BYTES: Final = "bytes"
    BYTES_A_SECOND: Final = "bytes/s"
    CELSIUS: Final = "celsius"
    WATT: Final = "watt"


UNITS = frozenset({Unit.NONE, Unit.SHARE, Unit.BYTES, Unit.BYTES_A_SECOND, Unit.CELSIUS, Unit.WATT})

NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class SeriesJson(TypedDict):
    """A metric. ``steps``, ``values`` and ``seconds`` have the same length; ``seconds`` count from the
    document's ``began_at``. ``points`` is the number of points that were recorded, of which these remain. Of
    the machine's series ``steps`` is empty: they go by ``seconds``.
    """

    name: str
    axis: str
    source: str
    unit: str
    points: int
    steps: list[float]
    values: list[float | str]
    seconds: list[float]


class MetricsJson(TypedDict):
    """The object at ``contract.metrics_key``. ``left_out`` counts training metrics beyond ``MOST_SERIES``."""

    schema: int
    run: str
    node: int
    began_at: str
    updated_at: str
    training: list[SeriesJson]
    machine: list[SeriesJson]
    left_out: int


def as_value(value: float) -> float | str:
    """A value as it is written: JSON has no number that is not finite."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def from_value(value: float | str) -> float:
    """The value that ``as_value`` wrote."""
    return NOT_FINITE[value] if isinstance(value, str) else value


def read_document(content: bytes, run: str) -> MetricsJson:
    """The metrics of ``run``. Raises UnreadableError when they are none, or beyond what can be written."""
    found = read_object(content, MOST_METRICS_BYTES)
    if found.needed("schema", whole()) != SCHEMA:
        raise UnreadableError(f"it has a schema other than {SCHEMA}")
    if found.needed("run", text(MOST_NAME)) != run:
        raise UnreadableError("they are the metrics of another run")
    document: MetricsJson = {
        "schema": SCHEMA,
        "run": run,
        "node": found.given("node", whole(0, 100_000)) or 0,
        "began_at": found.needed("began_at", moment),
        "updated_at": found.needed("updated_at", moment),
        "training": found.each("training", _series, MOST_SERIES),
        "machine": found.each("machine", _series, MOST_MACHINE_SERIES),
        "left_out": found.given("left_out", whole()) or 0,
    }
    for name in ("training", "machine"):
        names = [each["name"] for each in document[name]]
        if len(set(names)) != len(names):
            raise UnreadableError(f"{name}: two metrics have one name")
    return document


def read_summary(value: object) -> MetricsSummaryJson:
    """The summary of a status. Raises UnreadableError."""
    found = Fields(value)
    return {
        "training": found.each("training", _training_value, MOST_SUMMARY),
        "machine": found.given("machine", _machine_use),
    }


def _series(value: object) -> SeriesJson:
    found = Fields(value)
    axis = found.needed("axis", one_of(AXES))
    seconds = found.each("seconds", number(-_MOST_SECONDS, _MOST_SECONDS), MOST_POINTS_OF_ONE)
    series: SeriesJson = {
        "name": found.needed("name", _name),
        "axis": axis,
        "source": found.needed("source", one_of(SOURCES)),
        "unit": found.given("unit", one_of(UNITS)) or Unit.NONE,
        "points": found.needed("points", whole()),
        "steps": found.each("steps", _step, MOST_POINTS_OF_ONE),
        "values": found.each("values", _value, MOST_POINTS_OF_ONE),
        "seconds": seconds,
    }
    steps = len(seconds) if axis == Axis.TIME and not series["steps"] else len(series["steps"])
    if not steps == len(series["values"]) == len(seconds):
        raise UnreadableError("steps, values and seconds are not as many")
    return series


def _training_value(value: object) -> TrainingValueJson:
    found = Fields(value)
    return {
        "name": found.needed("name", _name),
        "axis": found.needed("axis", one_of(AXES)),
        "step": found.needed("step", _step),
        "value": found.needed("value", _value),
        "at": found.needed("at", moment),
        "recent": found.each("recent", _value, MOST_RECENT),
    }


def _machine_use(value: object) -> MachineUseJson:
    found = Fields(value)
    return {
        "at": found.needed("at", moment),
        "cpu": found.given("cpu", _SHARE),
        "memory": found.given("memory", whole()),
        "memory_total": found.given("memory_total", whole()),
        "disk": found.given("disk", whole()),
        "disk_total": found.given("disk_total", whole()),
        "network_received": found.given("network_received", whole()),
        "network_sent": found.given("network_sent", whole()),
        "gpus": found.each("gpus", _gpu, MOST_GPUS),
    }


def _gpu(value: object) -> GpuUseJson:
    found = Fields(value)
    return {
        "use": found.given("use", _SHARE),
        "memory": found.given("memory", whole()),
        "memory_total": found.given("memory_total", whole()),
    }


def _name(value: object) -> str:
    name = text(MOST_NAME)(value)
    if not name:
        raise UnreadableError("a metric has no name")
    return name


def _value(value: object) -> float | str:
    return one_of(NOT_FINITE)(value) if isinstance(value, str) else _FINITE(value)


_FINITE = number(-_MOST_VALUE, _MOST_VALUE)
_SHARE = number(0.0, 1.0)
_step = number(-_MOST_STEP, _MOST_STEP)
