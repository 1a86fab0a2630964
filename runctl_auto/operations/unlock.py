"""``unlock``: removes the locks that a dead process left on a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runctl_auto.backend.locks import Lock, Processes, is_dead, is_orphan
from runctl_auto.errors import ConfirmationNeededError, StackLockedError
from runctl_auto.jobs.session import Workplace


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
    workplace: Workplace, job: str, *, force: bool, yes: bool, processes: Processes | None = None
) -> tuple[RemovedLock, ...]:
    """Removes the locks on ``job`` whose process on this machine is dead; with ``force``, all, after asking.

    Nobody is stopped by it. Raises ``StackLockedError`` and removes nothing when a lock may be in use,
    ``JobNotFoundError`` when there is neither a lock nor a job.
    """
    backend = workplace.driver.backend
    locks = backend.locks(job)
    if not locks:
        workplace.driver.open(job)
        return ()
    here = processes or Processes()
    dead = [each for each in locks if each.owner is not None and is_dead(each.owner, here)]
    others = [each for each in locks if each not in dead]
    if others and not force:
        raise _in_use(job, others, here)
    if others:
        _ask(workplace, job, others, yes=yes)
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


def _ask(workplace: Workplace, job: str, locks: list[Lock], *, yes: bool) -> None:
    for each in locks:
        workplace.reporter.say(f"not known to be dead: {each.owner or each.place}")
    if yes or workplace.reporter.confirm(f"Remove {len(locks)} lock(s) on job '{job}' all the same?"):
        return
    raise ConfirmationNeededError(
        "Nothing was removed: it was not confirmed.",
        where={"job": job},
        next_step="Answer yes, or use --yes.",
    )
