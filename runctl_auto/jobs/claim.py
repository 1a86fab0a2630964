"""One command at a time decides about a job, on whatever machine it is started.

In a project folder the claim is a lock of the system on a file, which ends with the process that holds it:
the settings file there is one for all commands. A command that changes something also has the claim in the
backend (``backend/claims.py``), where it is a lease. The engine's own lock is had by an engine, and only
while that works; what it does is decided before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread
from typing import IO

from runctl_auto.backend.claims import RENEWAL_SECONDS, UNCERTAIN, Claims, Lease, Refused
from runctl_auto.backend.holder import host_name, user_name
from runctl_auto.backend.locks import LockOwner, parse_lock
from runctl_auto.engine.failures import locked_error
from runctl_auto.errors import AccessDeniedError, CloudError, StackLockedError
from runctl_auto.jobs.session import Session
from runctl_auto.local.file_lock import take
from runctl_auto.local.private_folder import open_private

_POLL_SECONDS = 1.0
_NOT_IMPLEMENTED = ("NotImplemented", "501")


@dataclass(frozen=True, kw_only=True)
class HeldJob:
    """A claimed job. ``lease`` is None for a command that changes nothing, and where the backend holds no
    claims."""

    name: str
    claims: Claims | None = None
    lease: Lease | None = None

    def refuse_if_lost(self) -> None:
        """Raises ``StackLockedError`` when another command may have the job by now, ``CloudError`` and
        OSError when that is not known."""
        if self.lease is None or self.lease.still_held():
            return
        held = self.claims.held_on(self.name) if self.claims is not None else None
        raise _refusal(self.name, held.claim.owner if held is not None else None)


@contextmanager
def claimed(
    session: Session,
    job: str,
    *,
    everywhere: bool = False,
    patience_seconds: float = 0.0,
    watches_holders: bool = True,
) -> Iterator[HeldJob]:
    """Within it no other command of this project folder plans or applies ``job``; with ``everywhere`` none of
    any machine changes it.

    Waits ``patience_seconds`` for who holds it. With ``watches_holders`` also, a term at most, until a holder
    on another machine is known to live. Raises ``StackLockedError`` that says who that is.
    """
    deadline = session.time.monotonic() + patience_seconds
    with _claimed_here(session, job, deadline):
        claims = session.claims() if everywhere else None
        lease = None if claims is None else _lease(session, claims, job, deadline, watches_holders)
        if lease is None:
            yield HeldJob(name=job)
            return
        with renewed(lease):
            yield HeldJob(name=job, claims=claims, lease=lease)


@contextmanager
def _claimed_here(session: Session, job: str, deadline: float) -> Iterator[None]:
    folder = session.folders.make_private("claims")
    with os.fdopen(open_private(folder / f"{job}.json", os.O_RDWR | os.O_CREAT | os.O_APPEND), "r+b") as file:
        while not take(file):
            if session.time.monotonic() >= deadline:
                raise _refusal(job, _owner_in(file))
            session.time.sleep(_POLL_SECONDS)
        _sign(file, session.time.now().isoformat())
        try:
            yield
        finally:
            file.truncate(0)


def _lease(
    session: Session, claims: Claims, job: str, deadline: float, watches_holders: bool
) -> Lease | None:
    """The claim in the backend; None where it holds none."""
    has_told = False
    while True:
        outcome = _attempt(session, claims, job)
        if not isinstance(outcome, Refused):
            return outcome
        may_be_dead = outcome.life == "unknown" and watches_holders
        if not may_be_dead and session.time.monotonic() >= deadline:
            raise _refusal(job, outcome.owner)
        if may_be_dead and outcome.owner is not None and not has_told:
            session.reporter.say(f"looking whether {outcome.owner} still works on job '{job}'")
            has_told = True
        session.time.sleep(_POLL_SECONDS)


def _attempt(session: Session, claims: Claims, job: str) -> Lease | Refused | None:
    try:
        return claims.attempt(job)
    except OSError as error:
        why = error.strerror or str(error)
    except AccessDeniedError as error:
        why = error.what
    except CloudError as error:
        if error.code not in _NOT_IMPLEMENTED:
            raise
        why = "the service has no conditional writes"
    session.reporter.say(f"job '{job}' is claimed in this folder only: {why}")
    return None


@contextmanager
def renewed(lease: Lease, *, every_seconds: float = RENEWAL_SECONDS) -> Iterator[None]:
    """Within it a thread renews the lease, until it is lost; it is released at the end."""
    ended = Event()

    def renew() -> None:
        while not ended.wait(every_seconds):
            with suppress(*UNCERTAIN):
                if not lease.renew():
                    return

    Thread(target=renew, name="claim", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        with suppress(*UNCERTAIN):
            lease.release()


def _sign(file: IO[bytes], at: str) -> None:
    file.truncate(0)
    signature = {"pid": os.getpid(), "username": user_name(), "hostname": host_name(), "timestamp": at}
    file.write(json.dumps(signature).encode())
    file.flush()


def _owner_in(file: IO[bytes]) -> LockOwner | None:
    file.seek(0)
    return parse_lock(file.read())


def _refusal(job: str, owner: LockOwner | None) -> StackLockedError:
    return locked_error(job, [owner] if owner is not None else [])
