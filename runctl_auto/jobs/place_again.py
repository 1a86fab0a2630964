"""Tries the places of a run anew that had none before."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from runctl_auto.job_file.job_file import JobFile
from runctl_auto.jobs.admission import admitted
from runctl_auto.jobs.apply import protect_when_placed
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.current_job import NEW_JOB, current_job
from runctl_auto.jobs.ended_elsewhere import refuse_ended_elsewhere
from runctl_auto.jobs.follow.follow import PATIENCE_WITH_OTHERS_SECONDS
from runctl_auto.jobs.intent import present_places
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.lost_machine.elastic import apply_beside_others, rest_goes_on
from runctl_auto.jobs.recovery import recover
from runctl_auto.stack.config import Placement, Protection, StackConfig


class PlaceAgain(Change[StackConfig, StackConfig]):
    """Applies the configuration of a run again, in the places that are offered now. The plan was confirmed
    when it was tried first, and only the place differs. ``wanted`` is put in force once it is placed.

    Raises ``JobEndedError`` when the job is gone or has another run by now, ``NoCapacityError`` when all
    places refuse again, ``TooManyJobsError`` when as many jobs as may have a machine have one.
    """

    verb = "place"
    patience_seconds = PATIENCE_WITH_OTHERS_SECONDS

    def __init__(self, job: Job, file: JobFile, config: StackConfig, wanted: Protection) -> None:
        super().__init__(job, file)
        self._config = config
        self._wanted = wanted
        self._current = NEW_JOB
        self._others: tuple[Placement, ...] = ()

    def open(self) -> None:
        refuse_ended_elsewhere(self.job, self._config)

    def recover(self) -> None:
        self._config = self.job.config() or self._config
        self._current = current_job(self.job, self._config, recover(self.job, self._config).state)

    def decide(self) -> StackConfig:
        if rest_goes_on(self.job, self._config, self._current.state):
            return self._config
        first, *others = present_places(self.session, self._config, self._current)
        self._others = tuple(others)
        return replace(self._config, placement=first)

    def apply(self, decision: StackConfig) -> None:
        stack = self.job.stack
        stack.set_config(decision.to_values())
        with ExitStack() as held:
            held.enter_context(admitted(self.session, self.held, stack.preview(refresh=True)))
            self._config, _ = apply_beside_others(
                self.job, decision, self._current.state, lambda: iter(self._others), refresh=True
            )

    def record(self, decision: StackConfig) -> None:  # noqa: ARG002
        self._config = protect_when_placed(self.job.stack, self._config, self._wanted, self.session.reporter)

    def result(self) -> StackConfig:
        return self._config
