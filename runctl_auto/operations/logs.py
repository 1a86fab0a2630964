"""``logs``: the output of a job's training. Reads only."""

from __future__ import annotations

from runctl_auto.jobs.follow.follow import Follower, Lost, tell_line
from runctl_auto.jobs.reach.machine import refuse_no_rank
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.traces.forward import forward_spans_of
from runctl_auto.observe.logs import RunLog
from runctl_auto.run.status import RunStatus


def logs(session: Session, name: str, *, follow: bool, rank: int | None = None) -> RunStatus | None:
    """Reports the log of the job's run, line by line; with ``follow`` until the run has ended. Blocks.

    Of a run on several machines the logs of all are merged, unless one ``rank`` is asked for. The status
    of the run then; None before its first. Raises ``JobNotFoundError`` when there is no such job.
    """
    job, reporter = session.job(name), session.reporter
    with reporter.working(f"looking at job '{name}'", after=PATIENCE_SECONDS):
        job.open()
    config = job.applied_config()
    run, results, nodes = config.run.id, job.results, config.job.nodes
    if rank is not None:
        refuse_no_rank(config, rank)
    if not follow:
        for line in RunLog(results, run, nodes=nodes, rank=rank).rest():
            tell_line(reporter, line)
        forward_spans_of(job, config)
        return results.status(run)
    follower = Follower(results, job.provider, run, reporter, session.time, nodes=nodes, rank=rank)
    outcome = follower.until_end(job.compute())
    if isinstance(outcome, Lost):
        reporter.say(
            f"the machine is gone and the run has not ended: `runctl up JOB.yaml` gives it a new one, "
            f"`runctl down {name}` ends it"
        )
    forward_spans_of(job, config)
    return outcome.status
