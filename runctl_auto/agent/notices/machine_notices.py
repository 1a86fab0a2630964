"""What the machine itself tells people of its run: its end, an interruption, the steps of its budget."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from runctl_auto.agent.contract import Phase
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.stopping import StopSwitch
from runctl_auto.agent.notices.notice import (
    BUDGET_STEPS,
    Notice,
    budget_key,
    ended_key,
    interrupted_key,
    prefix_for,
)
from runctl_auto.agent.notices.notice_contract import Event
from runctl_auto.agent.notices.notice_sender import NoticeQueue, SendOnce
from runctl_auto.agent.spec import RunSpec
from runctl_auto.agent.status import Outcome, rfc3339
from runctl_auto.agent.store.store import Store

MARK_SECONDS: Final = 10.0


class OpenMarks:
    """The place of the marks, until it is closed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._is_closed = False

    def close(self) -> None:
        """Waits for a write that is under way."""
        with self._lock:
            self._is_closed = True

    def find(self, key: str, at_most: int) -> bytes | None:
        return self._store.find(key, at_most)

    def put(self, key: str, data: bytes, content_type: str = "application/json") -> None:
        """Raises AgentError when it is closed, like `put_new`."""
        with self._lock:
            self._refuse_closed()
            self._store.put(key, data, content_type)

    def put_new(self, key: str, data: bytes) -> bool:
        with self._lock:
            self._refuse_closed()
            return self._store.put_new(key, data)

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise AgentError("the run has ended")


@dataclass(frozen=True)
class MachineNotices:
    """Notices about one run from its machine. `look` is called every few seconds, at the end `ended`, then
    `settle`, which alone waits. No method raises.

    `spent` is the run's seconds so far; `machine` is this one's id.
    """

    spec: RunSpec
    sender: SendOnce
    marks: OpenMarks
    switch: StopSwitch
    spent: Callable[[], float]
    machine: str | None
    clock: Callable[[], float]
    waiting: NoticeQueue
    _told: set[str]

    @classmethod
    def of(
        cls,
        spec: RunSpec,
        sender: SendOnce,
        store: Store,
        switch: StopSwitch,
        *,
        spent: Callable[[], float],
        machine: str | None,
        clock: Callable[[], float],
    ) -> MachineNotices:
        patient = store.patient(MARK_SECONDS)
        return cls(spec, sender, OpenMarks(patient), switch, spent, machine, clock, NoticeQueue(), set())

    def look(self) -> None:
        """Tells what has come up since the last look."""
        request = self.switch.request
        if request is not None and request.phase == Phase.INTERRUPTED:
            self._interrupted(request.message)
        step = self._step()
        if step:
            budget = self.spec.budget
            text = f"{self.spec.job}: {step} % of the budget of ${budget:.2f} is spent"
            self._tell(Event.BUDGET, budget_key(step), text, step=step, budget=budget)

    def ended(self, outcome: Outcome) -> None:
        """Begins to tell how the run ended here."""
        self.look()
        if outcome.phase == Phase.INTERRUPTED:
            self._interrupted(outcome.message or "")
        else:
            event = Event.FAILURE if outcome.phase == Phase.FAILED else Event.END
            text = ended_text(self.spec.job, outcome.phase, outcome.exit_code, outcome.message)
            self._tell(
                event,
                ended_key(),
                text,
                phase=outcome.phase,
                reason=outcome.reason,
                exit_code=outcome.exit_code,
            )

    def settle(self, seconds: float) -> None:
        """Blocks for deliveries, at most `seconds`; afterwards no mark is written any more, since nothing of
        the run is once its status is terminal.
        """
        self.waiting.drain(seconds)
        self.marks.close()

    def _step(self) -> int | None:
        """The highest step of the budget that is reached."""
        allowed = self.spec.budget_seconds
        if allowed is None:
            return None
        share = self.spent() / allowed * 100
        return max((each for each in BUDGET_STEPS if share >= each), default=None)

    def _interrupted(self, message: str) -> None:
        text = f"{self.spec.job}: the machine is being taken away: {message}"
        self._tell(Event.INTERRUPTION, interrupted_key(self.machine), text, machine=self.machine)

    def _tell(self, event: str, key: str, text: str, **details: Any) -> None:
        notify, run = self.spec.notify, self.spec.run
        if notify is None or event not in notify.on or key in self._told:
            return
        self._told.add(key)
        at = rfc3339(self.clock())
        notice = Notice(event, key, text, at, job=self.spec.job, run=run, details=details)
        self.waiting.add(partial(self.sender.send, notice, self.marks, prefix_for(run, event)))


def ended_text(job: str, phase: str, exit_code: int | None, message: str | None) -> str:
    """The sentence for the end of a run, the same wherever it is told."""
    told = {Phase.SUCCEEDED: "training succeeded", Phase.FAILED: "training failed"}
    code = f" with exit code {exit_code}" if exit_code and phase == Phase.FAILED else ""
    why = f": {message}" if message else ""
    return f"{job}: {told.get(phase, 'training was stopped')}{code}{why}"
