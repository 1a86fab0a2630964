"""``unlock``: removes the locks that a dead process left on a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runctl_auto.backend.locks import Lock, Processes, is_dead, is_orphan
from runctl_auto.errors import StackLockedError
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.session import Session


@dataclass(frozen=True)
class RemovedLock:
    """A lock that is gone, and why it could go."""

    lock: Lock
    why: str

    def as_json(self) -> dict[str, Any]:
        owner = self.lock.owner
        return {
            "place": self.lock.place,
            "user": owner.user if owner else None,
            "host": owner.host if owner else None,
            "pid": owner.pid if owner else None,
            "since": owner.since if owner else None,
            "why": self.why,
        }


def unlock(
    session: Session, job: str, *, force: bool, yes: bool, processes: Processes | None = None
) -> tuple[RemovedLock, ...]:
    """Removes the locks on ``job`` whose process on this machine is dead; with ``force``, all, after asking.

    Nobody is stopped by it. Raises ``StackLockedError`` and removes nothing when a lock may be in use,
    ``JobNotFoundError`` when there is neither a lock nor a job.
    """
    backend = session.driver.backend
    locks = backend.locks(job)
    if not locks:
        session.job(job).open()
        return ()
    here = processes or Processes()
    dead = [each for each in locks if each.owner is not None and is_dead(each.owner, here)]
    others = [each for each in locks if each not in dead]
    if others and not force:
        raise _in_use(job, others, here)
    if others:
        _ask(session, job, others, yes=yes)
    for lock in locks:
        backend.remove_lock(lock)
    return tuple(
        RemovedLock(each, "its process is dead" if each in dead else "removed by force") for each in locks
    )


def _in_use(job: str, locks: list[Lock], here: Processes) -> StackLockedError:
    return StackLockedError(
        f"Job '{job}' is not unlocked: " + "; ".join(_described(each, here) for each in locks) + ".",
        owners=[each.owner for each in locks if each.owner is not None],
        where={"job": job},
        next_step="Wait for it to end, or end it there. --force removes the lock all the same: two engines "
        "on one job lose track of what they make.",
    )


def _described(lock: Lock, here: Processes) -> str:
    if lock.owner is None:
        return f"{lock.place} does not say whose it is"
    if lock.owner.host != here.host():
        return f"{lock.owner} holds it, and whether that process lives cannot be seen from {here.host()}"
    if is_orphan(lock.owner, here):
        return f"{lock.owner} is an engine whose runctl is gone: it ends by itself, commands wait for it"
    return f"{lock.owner} holds it and is alive"


def _ask(session: Session, job: str, locks: list[Lock], *, yes: bool) -> None:
    for each in locks:
        session.reporter.say(f"not known to be dead: {each.owner or each.place}")
    require_confirmation(
        session.reporter,
        f"Remove {len(locks)} lock(s) on job '{job}' all the same?",
        "Nothing was removed: it was not confirmed.",
        yes=yes,
        where={"job": job},
    )
