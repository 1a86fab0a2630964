"""``unlock``: removes the locks and the claim that a dead process left on a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runctl_auto.backend.claims import Claims, HeldClaim
from runctl_auto.backend.locks import Lock, LockOwner, Processes, is_dead, is_orphan
from runctl_auto.errors import StackLockedError
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.session import Session

_POLL_SECONDS = 1.0
_DEAD, _FORCED, _RAN_OUT = "its process is dead", "removed by force", "nobody renews it"


@dataclass(frozen=True)
class RemovedLock:
    """A lock or claim that is gone, and why it could go."""

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
    """Removes the locks on ``job`` whose process on this machine is dead, and a claim that nobody renews.
    With ``force``, all, after asking.

    Nobody is stopped by it. Blocks for half a minute at most, while a claim of another machine is watched.
    Raises ``StackLockedError`` and removes nothing when something may be in use, ``JobNotFoundError`` when
    there is neither a lock nor a job.
    """
    backend, claims, here = session.driver.backend, session.claims(), processes or Processes()
    locks = backend.locks(job)
    held = None if claims is None else claims.held_on(job)
    if not locks and held is None:
        session.stack(job).open()
        return ()
    dead = [each for each in locks if each.owner is not None and is_dead(each.owner, here)]
    others = [_described(each, here) for each in locks if each not in dead]
    why = _FORCED
    if claims is not None and held is not None:
        why = _why_free(session, claims, held)
        if why == _FORCED:
            others.append(f"{held.claim.owner or 'somebody'} works on it and renews its claim")
    if others and not force:
        raise _in_use(
            job, others, [each.owner for each in locks if each.owner is not None and each not in dead], here
        )
    if others:
        _ask(session, job, others, yes=yes)
    for lock in locks:
        backend.remove_lock(lock)
    removed = [RemovedLock(each, _DEAD if each in dead else _FORCED) for each in locks]
    if claims is not None and held is not None and claims.free(claims.held_on(job) or held):
        removed.append(RemovedLock(Lock(held.path, held.claim.owner, held.path), why))
    return tuple(removed)


def _why_free(session: Session, claims: Claims, held: HeldClaim) -> str:
    """Why a claim can go. Watches one of another machine until it is renewed or has run out."""
    watched: HeldClaim | None = held
    title = f"looking whether {held.claim.owner or 'the holder'} renews the claim"
    with session.reporter.working(title):
        while watched is not None and watched.life == "unknown":
            session.time.sleep(_POLL_SECONDS)
            watched = claims.held_on(held.name)
    if watched is not None and watched.life == "alive":
        return _FORCED
    return _DEAD if held.life == "dead" else _RAN_OUT


def _in_use(job: str, others: list[str], owners: list[LockOwner], here: Processes) -> StackLockedError:
    away = next((each.host for each in owners if each.host != here.host()), None)
    forced = "--force removes the lock all the same"
    if away is not None:
        forced = f"When {away} is gone, repeat with --force, which removes the lock all the same"
    return StackLockedError(
        f"Job '{job}' is not unlocked: " + "; ".join(others) + ".",
        owners=owners,
        where={"job": job},
        next_step=f"Wait for it to end, or end it there. {forced}: two engines on one job lose track of what "
        "they make.",
    )


def _described(lock: Lock, here: Processes) -> str:
    if lock.owner is None:
        return f"{lock.place} does not say whose it is"
    if lock.owner.host != here.host():
        return f"{lock.owner} holds it, and whether that process lives cannot be seen from {here.host()}"
    if is_orphan(lock.owner, here):
        return f"{lock.owner} is an engine whose runctl is gone: it ends by itself, commands wait for it"
    return f"{lock.owner} holds it and is alive"


def _ask(session: Session, job: str, others: list[str], *, yes: bool) -> None:
    for each in others:
        session.reporter.say(f"not known to be dead: {each}")
    require_confirmation(
        session.reporter,
        f"Remove {len(others)} lock(s) on job '{job}' all the same?",
        "Nothing was removed: it was not confirmed.",
        yes=yes,
        where={"job": job},
    )
