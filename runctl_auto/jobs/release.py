"""Takes the machine of an ended run out of the stack."""

from __future__ import annotations

from runctl_auto.jobs.change import Change
from runctl_auto.jobs.ended_elsewhere import refuse_ended_elsewhere
from runctl_auto.jobs.follow.follow import PATIENCE_WITH_OTHERS_SECONDS, await_end
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.recovery import recover
from runctl_auto.providers.compute import Compute, compute_in
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import StackState

_ENDING_SECONDS = 60.0


class ReleaseMachine(Change[Compute, None]):
    """Applies the program, which sees that the run of ``config`` has ended and declares no machine for it,
    and no group.

    Raises ``JobEndedError`` when the job is gone or has another run by now.
    """

    verb = "release"
    patience_seconds = PATIENCE_WITH_OTHERS_SECONDS

    def __init__(self, job: Job, config: StackConfig) -> None:
        super().__init__(job)
        self._config = config
        self._state = StackState((), ())

    def open(self) -> None:
        self.job.take_settings_of_others()
        refuse_ended_elsewhere(self.job, self._config)

    def recover(self) -> None:
        self._state = recover(self.job, self._config).state

    def decide(self) -> Compute | None:
        """What to release."""
        compute = compute_in(self._state)
        return compute if compute.exists else None

    def apply(self, decision: Compute) -> None:
        with self.session.reporter.working("releasing the machine"):
            for machine in decision.now(self.job.provider).all:
                await_end(self.job.provider, machine, self.session.time, seconds=_ENDING_SECONDS)
            self.job.stack.up()

    def result(self) -> None:
        return None
