"""All jobs of a project, wherever they are: those of the backend, and those of this machine."""

from __future__ import annotations

from runctl_auto.agent.local.agent_record import HERE
from runctl_auto.jobs.filters import Filters
from runctl_auto.jobs.known_jobs import KnownJobs
from runctl_auto.jobs.listing import ListedJob, list_jobs
from runctl_auto.jobs.session import Session


def is_here(job: ListedJob) -> bool:
    """Whether it is one of this machine."""
    return job.facts is not None and job.facts.config.placement.account == HERE


def session_here(session: Session) -> Session | None:
    """The session about the jobs of this machine, in the project of ``session``; None when it has none. Asks
    nobody; without such jobs nothing of them is imported."""
    if not (session.folders.private / "local" / "jobs").is_dir():
        return None
    from runctl_auto.jobs.local.session import LocalSession, local_session

    if isinstance(session, LocalSession):
        return session
    return local_session(session.settings, session.folders, session.reporter)


def session_of_job(session: Session, job: ListedJob) -> Session:
    """The session that knows the job."""
    return (session_here(session) if is_here(job) else None) or session


def jobs_here(session: Session, filters: Filters | None = None) -> tuple[ListedJob, ...]:
    """The jobs of this machine that fit, by name. Reads files only."""
    here = session_here(session)
    if here is None:
        return ()
    from runctl_auto.jobs.local.listing import list_here
    from runctl_auto.jobs.local.session import LocalSession

    assert isinstance(here, LocalSession)  # noqa: S101 - it is one
    return list_here(here, filters)


def list_everywhere(session: Session, known: KnownJobs | None = None) -> tuple[ListedJob, ...]:
    """As ``list_jobs``, with the jobs of this machine. Blocks."""
    here = session_here(session)
    listed = () if here is session else list_jobs(session, known=known)
    if here is None:
        return listed
    return tuple(sorted((*listed, *jobs_here(session)), key=lambda each: each.summary.name))
