"""All jobs of this machine in a project, and what is known of each. Reads files only."""

from __future__ import annotations

from runctl_auto.engine.driver import JobSummary
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.filters import Filters
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.local.session import LocalSession, state_here
from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig


def list_here(session: LocalSession, filters: Filters | None = None) -> tuple[ListedJob, ...]:
    """The jobs that fit, by name."""
    wanted, now = filters or Filters(), session.time.now()
    _start_who_may(session)
    found = (_listed(session, each) for each in session.local_jobs.names())
    return tuple(
        each
        for each in found
        if wanted.fit_config(each.facts.config if each.facts else None)
        and wanted.fit_phase(each.phase)
        and wanted.fit_age(each.began_at, now)
    )


def _start_who_may(session: LocalSession) -> None:
    """Whoever should have started the next job may have been killed: who looks does it."""
    queue = session.local_jobs.queue
    if any(queue.position(each) is not None for each in session.local_jobs.names()):
        queue.advance()


def _listed(session: LocalSession, job: str) -> ListedJob:
    jobs = session.local_jobs
    summary = JobSummary(job, len(state_here(jobs, job).in_cloud()), None, busy=False)
    try:
        config = jobs.config(job)
        if config is None:
            return ListedJob(summary, problem="never set up")
        return _of(session, summary, config)
    except RunctlError as error:
        return ListedJob(summary, problem=error.what)


def _of(session: LocalSession, summary: JobSummary, config: StackConfig) -> ListedJob:
    job, jobs = summary.name, session.local_jobs
    results, alive = jobs.results(job), jobs.folder(job).agent_lives()
    statuses = [results.status(run) for run in config.run.earlier]
    status = results.status(config.run.id)
    facts = RunFacts(
        config,
        status,
        session.time.now(),
        machine_runs=alive,
        earlier=tuple(each for each in statuses if isinstance(each, RunStatus)),
    )
    problem = status.unreadable if status else None
    return ListedJob(summary, facts, problem, waits=jobs.queue.position(job) is not None)
