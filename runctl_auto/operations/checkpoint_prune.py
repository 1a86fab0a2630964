"""``checkpoint prune``: deletes checkpoints that nobody continues from."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.agent.saving.lineage import SavedCheckpoint
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.session import Session
from runctl_auto.operations.checkpoint import JobCheckpoints, checkpoints_of
from runctl_auto.operations.checkpoint_choice import own_lineage


@dataclass(frozen=True)
class Pruned:
    """Checkpoints that are gone, the newest first, with the number of their objects and their size."""

    job: str
    sequences: tuple[str, ...]
    objects: int
    bytes: int


def prune(session: Session, name: str, keep: int, *, yes: bool) -> Pruned:
    """Deletes all checkpoints but the ``keep`` newest complete ones and the one that the next start continues
    from; also incomplete ones that are older than those. Asks first; may be repeated after it was killed.

    Raises ``ConfirmationNeededError`` when declined.
    """
    with claimed(session, name):
        job = session.job(name)
        listed = checkpoints_of(job)
        old = _beyond(listed, keep)
        if not old:
            return Pruned(name, (), 0, 0)
        objects = sum(len(each.keys) for each in old)
        size = sum(sum(each.keys.values()) for each in old)
        named = f"{old[-1].sequence} to {old[0].sequence}" if len(old) > 1 else old[0].sequence
        question = f"Delete {len(old)} checkpoints of '{name}' ({named}, {size} bytes)?"
        require_confirmation(
            session.reporter,
            question,
            "Nothing was changed: it was not confirmed.",
            yes=yes,
            where={"job": name},
        )
        lineage = own_lineage(job)
        for each in reversed(old):  # the oldest first: what is left after a kill is still the newest
            lineage.remove(each.sequence)
        return Pruned(name, tuple(each.sequence for each in old), objects, size)


def _beyond(listed: JobCheckpoints, keep: int) -> list[SavedCheckpoint]:
    """The newest first. A checkpoint that is being saved is newer than all that are complete."""
    whole = [each for each in listed.found if each.is_complete and not each.is_suspect]
    kept = {each.sequence for each in whole[:keep]}
    if listed.next is not None:
        kept.add(listed.next.sequence)
    if not kept:
        return []
    newest = max(kept)
    return [each for each in listed.found if each.sequence < newest and each.sequence not in kept]
