"""Gives a run whose machine is lost a new one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from runctl_auto.job_file.job_file import JobFile
from runctl_auto.jobs.apply import apply_in_first_place, settle_machine
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.ended_elsewhere import refuse_ended_elsewhere
from runctl_auto.jobs.follow import PATIENCE_WITH_OTHERS_SECONDS, Lost
from runctl_auto.jobs.intent import NEW_JOB, current_job, other_places
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.recovery import recover
from runctl_auto.stack.config import Placement, StackConfig


class ReplaceMachine(Change[StackConfig, StackConfig]):
    """Makes a new machine for the run of ``config``, in its place or another. The result is its new
    configuration.

    Raises ``JobEndedError`` when the job is gone or has another run by now.
    """

    verb = "replace"
    patience_seconds = PATIENCE_WITH_OTHERS_SECONDS

    def __init__(self, job: Job, file: JobFile, config: StackConfig, lost: Lost) -> None:
        super().__init__(job, file)
        self._config = config
        self._lost = lost
        self._current = NEW_JOB

    def open(self) -> None:
        refuse_ended_elsewhere(self.job, self._config)

    def recover(self) -> None:
        config = self.job.config()
        self._current = current_job(self.job, config, recover(self.job, config).state)

    def decide(self) -> StackConfig:
        self.session.reporter.say(f"machine {self._lost.machine.id or '(none)'} is lost; making a new one")
        return self._config

    def apply(self, decision: StackConfig) -> None:
        def others() -> Iterator[Placement]:
            yield from other_places(self.session, decision, self._current)

        self._config, _ = apply_in_first_place(
            self.job.stack,
            decision,
            others(),
            self.session.reporter,
            refresh=True,
            settle=partial(settle_machine, self.job),
            now=self.session.time.now,
        )

    def result(self) -> StackConfig:
        return self._config
