"""What happens around every step: events, counts, and the record of it in the state."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Protocol

from sandbox.engine import urn as urns
from sandbox.engine.deploy.events import Events
from sandbox.engine.deploy.providers.api import Status
from sandbox.engine.deploy.steps.base import Step, StepFailed
from sandbox.engine.model import Op
from sandbox.engine.properties import same


class StepRecorder(Protocol):
    """Where steps are recorded."""

    def begin(self, step: Step) -> None:
        """Records what a step is about to do."""

    def end(self, step: Step, successful: bool) -> None:
        """Records what came of it."""

    def record_outputs(self) -> None:
        """Records outputs registered later."""


class Actions:
    """Accompanies steps, from many threads. Without a recorder nothing is recorded: a preview."""

    def __init__(self, events: Events, recorder: StepRecorder | None, *, refreshing: bool) -> None:
        self.changes: Counter[Op] = Counter()
        self.maybe_corrupt = False
        self._events, self._recorder, self._refreshing = events, recorder, refreshing
        self._lock = threading.Lock()
        self._steps = 0

    @property
    def _planning(self) -> bool:
        return self._recorder is None

    def before(self, step: Step) -> None:
        """A step is about to run. Raises when that cannot be recorded."""
        self._events.step_before(step, planning=self._planning)
        if self._recorder:
            self._recorder.begin(step)

    def after(self, step: Step, failure: StepFailed | None) -> None:
        """A step has run. Raises when that cannot be recorded."""
        if failure:
            self._failed(step, failure)
        else:
            self._succeeded(step)
        if self._recorder:
            partial = failure is not None and failure.status is Status.PARTIAL_FAILURE
            self._recorder.end(step, successful=failure is None or partial)

    def outputs_registered(self, step: Step) -> None:
        """A component's or the stack's outputs are known."""
        self._events.step_after(step.op, step, planning=self._planning)
        if self._recorder:
            self._recorder.record_outputs()

    def _failed(self, step: Step, failure: StepFailed) -> None:
        urn = "" if _hidden(step) else step.urn
        if self._planning:
            self._events.error(urn, f"Preview failed: {failure.error}")
            return
        if failure.status is Status.UNKNOWN:
            self.maybe_corrupt = True
        self._events.error(urn, str(failure.error))
        self._events.step_failed(step, failure.status, self._steps)

    def _succeeded(self, step: Step) -> None:
        op, counted = step.op, step.logical
        if self._refreshing and op is Op.REFRESH:
            op, counted = step.result_op, True
        if step.op is Op.READ:
            counted = _reread(step)
        if counted and not _hidden(step):
            with self._lock:
                self._steps += 1
                self.changes[op] += 1
        if self._planning or step.resource.custom or step.op in (Op.REFRESH, Op.DELETE):
            self._events.step_after(op, step, planning=self._planning)


def _hidden(step: Step) -> bool:
    return step.internal or urns.is_default_provider(step.urn)


def _reread(step: Step) -> bool:
    old, new = step.old, step.new
    return old is not None and new is not None and not same(old.outputs, new.outputs)
