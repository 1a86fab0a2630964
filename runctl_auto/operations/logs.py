"""``logs``: the output of a job's training. Reads only."""

from __future__ import annotations

from runctl_auto.jobs.follow import Follower, Lost
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.observe.logs import LogReader
from runctl_auto.run.status import RunStatus


def logs(session: Session, name: str, *, follow: bool) -> RunStatus | None:
    """Reports the log of the job's run, line by line; with ``follow`` until the run has ended. Blocks.

    The status of the run then; None before its first. Raises ``JobNotFoundError`` when there is no such job.
    """
    job, reporter = session.job(name), session.reporter
    with reporter.working(f"looking at job '{name}'", after=PATIENCE_SECONDS):
        job.open()
    run, results = job.applied_config().run.id, job.results
    if not follow:
        for line in LogReader(results, run).rest():
            reporter.log_line(line)
        return results.status(run)
    outcome = Follower(results, job.provider, run, reporter, session.time).until_end(job.compute())
    if isinstance(outcome, Lost):
        reporter.say(
            f"the machine is gone and the run has not ended: `runctl up JOB.yaml` gives it a new one, "
            f"`runctl down {name}` ends it"
        )
    return outcome.status
