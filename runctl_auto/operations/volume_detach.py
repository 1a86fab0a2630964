"""``volume detach``: takes a volume off the machine that still holds it."""

from __future__ import annotations

from dataclasses import dataclass

from components import tags
from runctl_auto.errors import RunctlError, UsageError
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.named import find_named
from runctl_auto.providers.contract import Provider
from runctl_auto.stack.kinds import stack_of


@dataclass(frozen=True)
class Detached:
    """The volume, and the machines that it was detached from: none if it was free."""

    name: str
    id: str
    machines: tuple[str, ...]


def detach_volume(session: Session, name: str, *, yes: bool) -> Detached:
    """Detaches the volume ``name`` from its machine, after asking. Idempotent. Blocks.

    Raises ``UsageError`` while the run of a job on that machine goes on: it may be writing. Nothing of the
    stack changes, so that it needs no engine.
    """
    named = find_named(session, "volume", name)
    provider = session.provider(named.region)
    with claimed(session, stack_of("volume", name), everywhere=True):
        found = provider.storage.volumes([named.id]).get(named.id)
        if found is None:
            raise UsageError(
                f"Volume '{name}' ({named.id}) does not exist any more.",
                where={"volume": name},
                next_step=f"`runctl volume rm {name}` removes its stack.",
            )
        held = {each: job_of(session, provider, each) for each in found.machines}
        for machine, job in held.items():
            _refuse_active(session, provider, name, machine, job)
        if not held:
            return Detached(name, named.id, ())
        require_confirmation(
            session.reporter,
            f"Detach volume '{name}' ({named.id}) from {', '.join(held)}?",
            "Nothing was detached: it was not confirmed.",
            yes=yes,
            where={"volume": name},
        )
        for machine in held:
            with session.reporter.working(f"detaching from {machine}"):
                provider.storage.detach(named.id, machine)
    return Detached(name, named.id, tuple(held))


def job_of(session: Session, provider: Provider, machine: str) -> str | None:
    """The job of this backend whose machine that is; None when it is nobody's that is known here."""
    for each in provider.tagged_machines():
        if each.id == machine:
            job = each.tags.get(tags.JOB)
            return job if job in {known.name for known in session.driver.jobs()} else None
    return None


def _refuse_active(session: Session, provider: Provider, name: str, machine: str, job: str | None) -> None:
    """A machine that no job is known of is the person's to judge."""
    if job is None or provider.machine(machine).has_ended:
        return
    config = parse_config(session.driver.config_of(job))
    if config is None:
        return
    try:
        status = provider.results(job, config.account).status(config.run.id)
    except RunctlError:
        status = None
    if status is None or not status.ended:
        raise UsageError(
            f"Volume '{name}' is in use by the run of job '{job}' on {machine}.",
            where={"volume": name, "job": job, "machine": machine},
            next_step=f"Wait for its end, or end it with `runctl down {job}`, which detaches the volume.",
        )
