"""``preview``: shows what ``up`` would change."""

from __future__ import annotations

from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.current_job import NEW_JOB, current_job, observed_state
from runctl_auto.jobs.planning import JobFileChange
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.session import Session
from runctl_auto.stack.source import Source


def preview(
    session: Session,
    job: CheckedJob,
    *,
    rerun: bool = False,
    source: Source | None = None,
    refresh: bool = False,
) -> PlanView:
    """What ``up`` would change. Leaves no stack and no changed configuration behind, and recovers nothing.

    ``source`` is the file of the folder that is applied, None for a job by itself. ``refresh``: also what
    others have changed of a job without a machine.
    """
    return Preview(session, job, rerun=rerun, source=source, refresh=refresh).run()


class Preview(JobFileChange[PlanView]):
    """The steps of ``up`` without the last three."""

    verb = "preview"

    def recover(self) -> None:
        with self.times.phase("prepare"):
            if self.job.is_new:
                self.current = NEW_JOB
            else:
                self.current = current_job(self.job, self.config, observed_state(self.job))

    def result(self) -> PlanView:
        assert self.view is not None  # noqa: S101 - a preview always plans
        return self.view
