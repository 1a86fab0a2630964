"""What somebody else has changed of a job: its state against the cloud, by a refresh that changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runctl_auto.engine.refresh_plan import ResourceDrift
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.current_job import observed_state
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import GROUP, MACHINES

_GROUP_SIZES = frozenset({"desiredCapacity", "minSize", "maxSize"})
_MACHINES_OF_VOLUMES = frozenset({"aws:ec2/volumeAttachment:VolumeAttachment"})


@dataclass(frozen=True)
class JobDrift:
    """What differs of one job. ``expected`` is what the end of its run leaves behind, and no drift."""

    job: str
    run: str | None = None
    phase: str | None = None
    drifted: tuple[ResourceDrift, ...] = ()
    expected: tuple[ResourceDrift, ...] = ()

    @property
    def protected(self) -> tuple[ResourceDrift, ...]:
        """Those of ``drifted`` that are protected: nothing heals them by replacing or deleting."""
        return tuple(each for each in self.drifted if each.protected)


def drift_of(job: Job) -> JobDrift:
    """What of the job the cloud has otherwise than its state. Changes neither. Blocks.

    Raises ``StackLockedError`` when somebody works on the job, ``JobNotFoundError`` when there is none,
    ``UsageError`` in another account.
    """
    with claimed(job.session, job.name):
        job.open()
        config = job.config()
        if config is None:
            return JobDrift(job.name)
        refuse_another_account(job, config)
        state = observed_state(job)
        found: tuple[ResourceDrift, ...] = ()
        if state.resources:
            with job.session.reporter.working(f"looking at job '{job.name}'", after=PATIENCE_SECONDS):
                found = job.stack.preview_refresh()
        status = job.status(config.run.id) if found else None
    drifted, expected = told_apart(found, status)
    return JobDrift(job.name, config.run.id, status.phase if status else None, drifted, expected)


def told_apart(
    found: Sequence[ResourceDrift], status: RunStatus | None
) -> tuple[tuple[ResourceDrift, ...], tuple[ResourceDrift, ...]]:
    """What is drift, and what is as it should be once the run has ended.

    A run that ends takes its machine with it: a machine that is gone, the attachments of its volumes, and a
    group that wants no machine any more are no drift then.
    """
    if status is None or not status.ended:
        return tuple(found), ()
    expected = tuple(each for each in found if _ends_with_run(each))
    return tuple(each for each in found if each not in expected), expected


def _ends_with_run(drift: ResourceDrift) -> bool:
    if drift.kind == "gone":
        return drift.type in (*MACHINES, GROUP) or drift.type in _MACHINES_OF_VOLUMES
    if drift.type != GROUP:
        return False
    return all(each.property in _GROUP_SIZES and each.now == "0" for each in drift.differences)
