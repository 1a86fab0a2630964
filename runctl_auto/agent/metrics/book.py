"""All metrics of a run: what was told so far, by name and step, over all its machines."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from runctl_auto.agent.contract import MOST_METRICS_BYTES, SCHEMA
from runctl_auto.agent.metrics.document import (
    MOST_MACHINE_SERIES,
    MOST_POINTS,
    MOST_RECENT,
    MOST_SERIES,
    MOST_SUMMARY,
    SOURCES,
    Axis,
    MetricsJson,
    Source,
    as_value,
    read_document,
)
from runctl_auto.agent.metrics.kept_series import MachineSeries, TrainingSeries, most_of_each, short
from runctl_auto.agent.metrics.machine_use import MachineUse
from runctl_auto.agent.metrics.progress import MOST_CLOCKS, Progress
from runctl_auto.agent.metrics.record import Record, count_of
from runctl_auto.agent.status import rfc3339
from runctl_auto.agent.status_format import MetricsSummaryJson, TrainingValueJson
from runctl_auto.agent.untrusted import UnreadableError, matching, number, read_object

_FEW = 3
"""A series of so few points may begin anew by another axis, or make room for another."""
_MOST_SEEN = 10_000
_FIRST = ("loss", "train_loss", "train/loss", "val_loss", "eval_loss", "val/loss", "accuracy", "acc")
"""What is looked at first."""


class MetricsBook:
    """Thread-safe. ``began`` is the start of the run, in seconds since the epoch."""

    def __init__(self, run: str, node: int, began: float) -> None:
        self._run, self._node, self._began = run, node, began
        self._lock = threading.Lock()
        self._training: dict[str, TrainingSeries] = {}
        self._machine: dict[str, MachineSeries] = {}
        self._use: MachineUse | None = None
        self._seen: set[str] = set()
        self._left_out_before = 0
        self._known_clocks: dict[str, tuple[float, float]] = {}
        self._progress: dict[str, Progress] = {}
        self._step: float | None = None
        self.changed = False
        """Whether anything was recorded since ``document`` was asked for."""

    def continue_from(self, content: bytes) -> None:
        """Takes over what an earlier agent of this run kept. Raises UnreadableError."""
        found = read_document(content, self._run)
        training = [TrainingSeries.of(each) for each in found["training"] if each["values"]]
        with self._lock:
            self._training = {each.name: each for each in training}
            self._machine = {each["name"]: MachineSeries.of(each) for each in found["machine"]}
            self._left_out_before = found["left_out"]
            self._known_clocks = _clocks(content)

    def begin(self) -> None:
        """The training starts, from its beginning or a checkpoint."""
        with self._lock:
            self._know_clocks()
            self._progress = {}
            self._step = None

    def add(self, source: str, record: Record, now: float) -> None:
        """Records what the training told. ``now`` is in seconds since the epoch."""
        with self._lock:
            progress = self._progress.setdefault(source, Progress(self._known_clocks))
            step, epoch = count_of(progress.position(record)), count_of(record.epoch)
            self._step = self._step if step is None else step
            seconds = (now if record.at is None else record.at) - self._began
            for name, value in record.values.items():
                axis = Axis.STEP if step is not None else _axis(epoch)
                series = self._series(name, source, axis, seconds)
                if series is not None:
                    self._add(series, step, epoch, value, seconds)

    def add_machine(self, use: MachineUse) -> None:
        """Records how the machine is used now."""
        with self._lock:
            self._use = use
            for name, unit, value in use.measures():
                if name not in self._machine and len(self._machine) >= MOST_MACHINE_SERIES:
                    continue
                self._machine.setdefault(name, MachineSeries(name, unit)).add(use.at - self._began, value)
            self.changed = True

    def document(self, now: float) -> bytes:
        """All of it as it is stored, at most ``MOST_METRICS_BYTES``."""
        with self._lock:
            self.changed = False
            most = MOST_POINTS
            while True:
                each_most = most_of_each(self._training, most)
                for training in self._training.values():
                    training.thin(each_most)
                text = json.dumps(self._as_json(now), separators=(",", ":"), allow_nan=False)
                content = text.encode("ascii")
                if len(content) <= MOST_METRICS_BYTES or most < MOST_SERIES:
                    return content
                most //= 2
                for machine in self._machine.values():
                    machine.thin(max(2, most // MOST_MACHINE_SERIES))

    def summary(self) -> MetricsSummaryJson:
        """The few numbers that the status has."""
        with self._lock:
            ranked = sorted(self._training.values(), key=lambda each: _rank(each.name))  # stable: in order
            return {
                "training": [self._told(each) for each in ranked[:MOST_SUMMARY]],
                "machine": None if self._use is None else self._use.as_json(rfc3339(self._use.at)),
            }

    def values(self) -> dict[str, tuple[float, float]]:
        """The newest step and value of each training metric."""
        with self._lock:
            return {name: (each.last_step or 0.0, each.last) for name, each in self._training.items()}

    def _add(
        self, series: TrainingSeries, step: float | None, epoch: float | None, value: float, seconds: float
    ) -> None:
        at = {Axis.STEP: self._step if step is None else step, Axis.EPOCH: epoch}.get(series.axis)
        if series.axis == Axis.RECORD:
            at = (series.last_step or 0.0) + 1
        if at is not None:
            series.add(at, value, seconds)
            self.changed = True

    def _series(self, name: str, source: str, axis: str, seconds: float) -> TrainingSeries | None:
        """The series to add to; None when another source tells it, or there are too many."""
        if len(self._seen) < _MOST_SEEN:
            self._seen.add(name)
        found = self._training.get(name)
        if found is not None:
            rank, before = SOURCES.index(source), SOURCES.index(found.source)
            better = axis != found.axis and axis == Axis.STEP and found.points <= _FEW
            if rank < before:
                return None
            if rank == before and not better:
                return found
        elif not self._has_room(seconds):
            return None
        self._training[name] = TrainingSeries(name, axis, source)
        return self._training[name]

    def _has_room(self, seconds: float) -> bool:
        """Whether one more series can be kept. What was printed once, such as a setting, makes room."""
        if len(self._training) < MOST_SERIES:
            return True
        printed = (each for each in self._training.values() if each.source == Source.OUTPUT)
        single = (each for each in printed if each.points == 1 and each.last_seconds < seconds)
        name = next((each.name for each in single), None)
        if name is not None:
            del self._training[name]
        return name is not None

    def _told(self, series: TrainingSeries) -> TrainingValueJson:
        return {
            "name": series.name,
            "axis": series.axis,
            "step": short(series.last_step or 0.0),
            "value": as_value(short(series.last)),
            "at": rfc3339(min(max(self._began + series.last_seconds, 0.0), 4e9)),
            "recent": [as_value(short(each)) for each in series.recent(MOST_RECENT)],
        }

    def _as_json(self, now: float) -> Mapping[str, Any]:
        self._know_clocks()
        document: MetricsJson = {
            "schema": SCHEMA,
            "run": self._run,
            "node": self._node,
            "began_at": rfc3339(self._began),
            "updated_at": rfc3339(now),
            "training": [each.as_json() for each in self._training.values()],
            "machine": [each.as_json() for each in self._machine.values()],
            "left_out": max(self._left_out_before, len(self._seen - self._training.keys())),
        }
        return {**document, "clocks": {name: list(each) for name, each in self._known_clocks.items()}}

    def _know_clocks(self) -> None:
        for progress in self._progress.values():
            self._known_clocks.update(progress.learnt())


def _axis(epoch: float | None) -> str:
    return Axis.RECORD if epoch is None else Axis.EPOCH


def _rank(name: str) -> int:
    lower = name.lower()
    if lower in _FIRST:
        return _FIRST.index(lower)
    return len(_FIRST) + (0 if "loss" in lower else 1 if "acc" in lower else 2)


def _clocks(content: bytes) -> dict[str, tuple[float, float]]:
    """The clocks of a document, which only agents read; none where they are not as they are written."""
    count = number(0, 2.0**53)
    try:
        found = read_object(content, MOST_METRICS_BYTES).members.get("clocks")
        if not isinstance(found, dict) or len(found) > MOST_CLOCKS * len(SOURCES):
            return {}
        name = matching(r"[a-z_ ]{1,50}")
        return {name(key): (count(first), count(length)) for key, (first, length) in found.items()}
    except (UnreadableError, TypeError, ValueError):
        return {}
