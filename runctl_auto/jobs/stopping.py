"""Stops a job's run for good and keeps its data: the run ends, its machine goes, nothing else does."""

from __future__ import annotations

from typing import Any

from runctl_auto.agent.contract import MOST_MESSAGE, Phase, Reason
from runctl_auto.agent.status_format import StatusJson, new_status
from runctl_auto.errors import UsageError
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.follow.follow import await_end
from runctl_auto.jobs.graceful_stop import StopOutcome, stop_run
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.recovery import recover
from runctl_auto.providers.compute import Compute, compute_in
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import StackState

NOT_IN_TIME = "it was stopped by `runctl stop` and did not answer; what it saved before counts"
NO_MACHINE = "it was stopped by `runctl stop` while it had no machine"


class StopJob(Change[Compute, StopOutcome]):
    """Ends the run with the status ``stopped`` and takes its machine out of the stack. May be repeated after
    it was killed at any moment, and of a job that is stopped already.

    Raises ``UsageError`` for a run that has ended by itself, ``ConfirmationNeededError`` when declined.
    """

    verb = "stop"
    patience_seconds = 30.0

    def __init__(self, job: Job, *, grace_seconds: int, yes: bool) -> None:
        super().__init__(job)
        self._grace_seconds = grace_seconds
        self._yes = yes
        self._config: StackConfig | None = None
        self._state = StackState((), ())
        self._outcome: StopOutcome | None = None

    def open(self) -> None:
        self._config = self.job.applied_config()

    def recover(self) -> None:
        self._state = recover(self.job, self._config).state

    def decide(self) -> Compute | None:
        """What computes for the job. Nothing is left to do for one that is stopped and has none."""
        config = self._present
        status, compute = self.job.status(config.run.id), compute_in(self._state)
        if status is not None and status.ended:
            self._outcome = StopOutcome("ended-before", status)
            if status.phase != Phase.STOPPED:
                raise UsageError(
                    f"Run {config.run.id} of job '{self.job.name}' has ended ({status.phase}): there is "
                    "nothing to stop.",
                    where={"job": self.job.name, "run": config.run.id},
                    next_step=f"`runctl down {self.job.name}` deletes what it keeps.",
                )
            return compute if compute.exists else None
        require_confirmation(
            self.session.reporter,
            f"Stop the training of job '{self.job.name}' and end its machine? Its data stay.",
            "Nothing was stopped: it was not confirmed.",
            yes=self._yes,
            where={"job": self.job.name},
        )
        return compute

    def apply(self, decision: Compute) -> None:
        config, job = self._present, self.job
        with self.session.reporter.working("stopping the training"):
            outcome = stop_run(
                job.results,
                config.run.id,
                reason=Reason.USER,
                grace_seconds=self._grace_seconds,
                machine_runs=lambda: decision.now(job.provider).has_machine,
                sleep=self.session.time.sleep,
                clock=self.session.time.monotonic,
            )
            if decision.group:
                job.provider.end_group(decision.group)
            self._outcome = self._ended(outcome, decision)
        if decision.exists:
            with self.session.reporter.working("releasing the machine"):
                job.stack.up()

    def result(self) -> StopOutcome:
        assert self._outcome is not None  # noqa: S101 - decide or apply made it
        return self._outcome

    @property
    def _present(self) -> StackConfig:
        assert self._config is not None  # noqa: S101 - open read it
        return self._config

    def _ended(self, outcome: StopOutcome, compute: Compute) -> StopOutcome:
        """The run's end, once its machine is gone; written here when nobody on a machine could."""
        job, run = self.job, self._present.run.id
        machines = compute.now(job.provider).all
        late = [each.id for each in machines if not each.is_ending] if outcome.how == "late" else []
        if late:
            job.provider.terminate(late)
        for machine in machines:
            await_end(job.provider, machine, self.session.time)
        status = job.results.status(run) or outcome.status
        if status is None or not status.ended:
            message = NOT_IN_TIME if outcome.how == "late" else NO_MACHINE
            at = self.session.time.now().isoformat(timespec="seconds").replace("+00:00", "Z")
            job.results.write_status(run, stopped_status(job.name, run, status, at=at, message=message))
            status = job.results.status(run)
        return StopOutcome(outcome.how, status)


def stopped_status(job: str, run: str, status: RunStatus | None, *, at: str, message: str) -> StatusJson:
    """The last status of a run that has no machine, after ``status``."""
    told: Any = dict(status.raw) if status is not None and status.unreadable is None else None
    before: StatusJson = told or new_status(job, run, at)
    return {
        **before,
        "phase": Phase.STOPPED,
        "reason": Reason.USER,
        "message": message[:MOST_MESSAGE],
        "updated_at": at,
        "ended_at": at,
    }
