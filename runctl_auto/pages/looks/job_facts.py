"""What a job's page tells besides its row."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.run_facts import RunFacts


def job_facts(job: ListedJob) -> tuple[tuple[str, str], ...]:
    """Names and texts. The job's environment is not among them: people keep secrets there."""
    return tuple(_facts(job.facts)) if job.facts is not None else ()


def ending(job: ListedJob) -> str | None:
    """How the run ended, in a sentence; None while it goes on."""
    status = job.facts.status if job.facts is not None else None
    if status is None or status.unreadable or not (status.ended or status.reason):
        return None
    code = f" with exit code {status.exit_code}" if status.exit_code is not None else ""
    why = f": {status.reason}" if status.reason else ""
    message = f" ({status.message})" if status.message else ""
    return f"{status.phase}{code}{why}{message}"


def trouble(job: ListedJob) -> tuple[tuple[str, str], ...]:
    """What went wrong in the present run, each with why."""
    return tuple(_trouble(job.facts)) if job.facts is not None else ()


def _facts(facts: RunFacts) -> Iterator[tuple[str, str]]:
    config = facts.config
    place = config.placement
    yield "Run", f"{config.run.id}, attempt {config.run.attempt}"
    yield "Owner", config.owner
    yield "Account", f"{place.account}, {place.region}"
    if config.job.tags:
        yield "Tags", ", ".join(f"{key}={value}" for key, value in config.job.tags.items())
    yield "Command", " ".join(config.job.run.split())


def _trouble(facts: RunFacts) -> Iterator[tuple[str, str]]:
    status = facts.status
    if status is None or status.unreadable:
        return
    for start in status.resumes:
        if start["failure"] is not None:
            yield f"resumed from {start['checkpoint']}", start["failure"]
    if status.suspect is not None:
        yield f"checkpoint {status.suspect['sequence']}", f"{status.suspect['path']} {status.suspect['why']}"
    for each in status.unsaved:
        yield f"{each['what']} not saved", f"{each['path'] or 'all'}: {each['why']}"
