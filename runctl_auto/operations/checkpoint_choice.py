"""``checkpoint use`` and ``rm``: from which checkpoint the next start continues, and which are deleted."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.agent.saving.lineage import OwnLineage
from runctl_auto.errors import UsageError
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.session import Session
from runctl_auto.operations.checkpoint import checkpoints_of, sequence_of, state_of


@dataclass(frozen=True)
class Chosen:
    """From which checkpoint the next start continues: a chosen one, or None for runctl's own order."""

    job: str
    sequence: str | None


@dataclass(frozen=True)
class Removed:
    """A checkpoint that is gone, with the number of its objects."""

    job: str
    sequence: str
    objects: int


def use(session: Session, name: str, sequence: str | None, *, yes: bool) -> Chosen:
    """The next start of the job continues from this checkpoint, unless a newer one is complete by then.

    None removes an earlier choice. Asks first. Idempotent. Raises ``UsageError`` without such a complete
    checkpoint, ``ConfirmationNeededError`` when declined.
    """
    with claimed(session, name):
        job = session.job(name)
        lineage = own_lineage(job)
        if sequence is None:
            _ask(session, name, f"Start job '{name}' from the newest checkpoint again?", yes=yes)
            lineage.choose_none()
            return Chosen(name, None)
        chosen = checkpoints_of(job).complete(sequence_of(sequence)).sequence
        _ask(session, name, f"Start job '{name}' from checkpoint {chosen} next time?", yes=yes)
        lineage.choose(chosen)
        return Chosen(name, chosen)


def remove(session: Session, name: str, sequence: str, *, yes: bool) -> Removed:
    """Deletes a checkpoint, complete or not. Asks first; may be repeated after it was killed.

    Raises ``UsageError`` when there is none, ``ConfirmationNeededError`` when declined.
    """
    with claimed(session, name):
        job = session.job(name)
        wanted = sequence_of(sequence)
        listed = checkpoints_of(job)
        found = next((each for each in listed.found if each.sequence == wanted), None)
        if found is None:
            raise UsageError(
                f"Job '{name}' has no checkpoint {wanted}.",
                where={"job": name},
                next_step=f"`runctl checkpoint ls {name}` lists them.",
            )
        others = [each for each in listed.found if each.is_complete and each is not found]
        only = "" if others or not found.is_complete else ", the only complete one,"
        _ask(session, name, f"Delete the {state_of(found)} checkpoint {wanted}{only} of '{name}'?", yes=yes)
        own_lineage(job).remove(wanted)
        return Removed(name, wanted, len(found.keys))


def own_lineage(job: Job) -> OwnLineage:
    """The checkpoints of the job, to be changed."""
    return OwnLineage(job.results.objects(), job.applied_config().run.lineage)


def _ask(session: Session, job: str, question: str, *, yes: bool) -> None:
    refusal = "Nothing was changed: it was not confirmed."
    require_confirmation(session.reporter, question, refusal, yes=yes, where={"job": job})
