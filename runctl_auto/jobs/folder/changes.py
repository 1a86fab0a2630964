"""The changes that need a job's stack alone: a lost machine is brought back, that of an ended run goes."""

from __future__ import annotations

from typing import ClassVar

from runctl_auto.errors import JobEndedError
from runctl_auto.jobs.apply import settle_machine
from runctl_auto.jobs.follow.follow import PATIENCE_WITH_OTHERS_SECONDS, Lost
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.lost_machine.replace import ReplaceUnattended, refuse_unreadable
from runctl_auto.jobs.release import ReleaseMachine
from runctl_auto.providers.contract import GONE, Machine
from runctl_auto.stack.config import StackConfig


class BringBack(ReplaceUnattended):
    """As ``watch`` does it, but waits for another command that works on the job."""

    verb = "bring-back"
    patience_seconds: ClassVar[float] = PATIENCE_WITH_OTHERS_SECONDS
    watches_holders = True

    def apply(self, decision: StackConfig) -> None:
        settle_machine(self.job)
        super().apply(decision)


def bring_back(job: Job) -> bool:
    """Gives the run a new machine; False when it needs none by now. Blocks.

    Raises ``UnreadableStatusError`` for a run of which nothing is known, ``InterruptionsExhaustedError`` when
    it has lost too many machines.
    """
    job.open()
    config = job.applied_config()
    machines = job.compute().now(job.provider).all
    gone = next((each.id for each in machines if each.is_ending), job.compute().instance)
    lost = Lost(Machine(gone or "", GONE), job.status(config.run.id))
    refuse_unreadable(config, lost)
    change = BringBack(job, config, lost)
    try:
        change.run()
    except JobEndedError:
        return False
    return change.replaced


def release(job: Job) -> bool:
    """Takes the machine of an ended run out of the stack; False when there is none by now. Blocks."""
    job.open()
    change = ReleaseMachine(job, job.applied_config())
    try:
        change.run()
    except JobEndedError:
        return False
    return "apply" in change.reached
