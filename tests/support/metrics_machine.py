"""A machine of a run as far as its training metrics go: its output, its files, and what its agent stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.agent_stand_ins import Clock, MemoryStore

from runctl_auto.agent.job.redaction import HiddenValues
from runctl_auto.agent.keys import metrics_key
from runctl_auto.agent.metrics.collecting import Metrics
from runctl_auto.agent.metrics.machine_use import MachineUse
from runctl_auto.agent.metrics.training_sources import TrainingPlaces
from runctl_auto.agent.status_format import MetricsSummaryJson
from runctl_auto.observe.metrics.series import RunMetrics, Series, parse_metrics

NOTHING_KNOWN = MachineUse(1_000_000.0, None, None, None, None, None, None, None)


class MetricsMachine:
    """A machine of the run, with its own files; the store outlives it."""

    def __init__(self, folder: Path, store: MemoryStore, *secrets: str) -> None:
        folder.mkdir(exist_ok=True)
        self.store = store
        self.clock = Clock()
        self.output, self.objects = folder / "output.log", folder / "metrics.jsonl"
        self.work = folder / "output"
        self.work.mkdir(exist_ok=True)
        self.summary: MetricsSummaryJson | None = None
        self.metrics = Metrics(
            store,
            "r1",
            began=999_000.0,
            look=lambda: NOTHING_KNOWN,
            note=self._note,
            say=pytest.fail,
            clock=self.clock,
        )
        self.metrics.read_training(
            TrainingPlaces(self.output, self.objects, (self.work,)), HiddenValues(secrets)
        )
        self.metrics.begin()

    def _note(self, summary: MetricsSummaryJson) -> None:
        self.summary = summary

    def prints(self, text: str) -> None:
        with self.output.open("a", encoding="utf-8", newline="") as file:
            file.write(text)
        self.clock.now += 5
        self.metrics.look()

    def stored(self) -> RunMetrics:
        self.metrics.finish(self.store)
        found = parse_metrics(self.store.objects[metrics_key("r1")], "r1")
        assert found.problem is None
        return found

    def training(self) -> dict[str, Series]:
        """What was read of the training, by name."""
        return {each.name: each for each in self.stored().training}
