"""Lets no more jobs begin at once than may run: those that are beginning are counted before states tell them.

Who gives a job a machine marks its claim in the backend and counts, one after the other: of two that begin at
once, on whatever machines, the later sees the mark of the earlier. A mark ends with its claim. Where the
backend holds no claims, marks are locks of the system on files of the project folder, and other machines do
not see them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from runctl_auto.backend.claims import NO_JOB, UNCERTAIN, Claims, HeldClaim, Lease
from runctl_auto.engine.events import Plan
from runctl_auto.errors import TooManyJobsError
from runctl_auto.jobs.claim import HeldJob
from runctl_auto.jobs.permitted import makes_machine, refuse_too_many_jobs
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.local.file_lock import take

_FOLDER = "starting"
_GATE = "gate"
_MARK = ".job"
_GATE_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.2


@contextmanager
def admitted(session: Session, held: HeldJob, plan: Plan) -> Iterator[None]:
    """Within it the claimed job counts as one that runs, if ``plan`` gives it a machine.

    Waits while another counts. Raises ``TooManyJobsError`` when as many as may have a machine or get one.
    """
    if not makes_machine(plan):
        yield
    elif held.claims is None or held.lease is None:
        with _admitted_here(session, held.name, plan):
            yield
    else:
        with _gate_of(session, held.claims):
            held.lease.mark_starting()
            _refuse_too_many(session, held.claims, held.name, plan)
        yield


def _refuse_too_many(session: Session, claims: Claims, job: str, plan: Plan) -> None:
    """Holders that may be dead count only if they are seen to live; that is found out when it matters."""
    starting = _starting(claims, job)
    try:
        refuse_too_many_jobs(session, job, plan, starting=[each.name for each in starting])
    except TooManyJobsError:
        doubtful = [each for each in starting if each.life == "unknown"]
        if not doubtful:
            raise
        living = _living(session, claims, doubtful)
        certain = [each.name for each in starting if each.life == "alive"]
        refuse_too_many_jobs(session, job, plan, starting=[*certain, *living])


def _starting(claims: Claims, job: str) -> list[HeldClaim]:
    """The claims of other jobs that are getting a machine."""
    return [
        each for each in claims.held() if each.claim.starting and each.life != "dead" and each.name != job
    ]


def _living(session: Session, claims: Claims, doubtful: Sequence[HeldClaim]) -> list[str]:
    """Which of them are renewed, or end otherwise than by the death of their command. Blocks for a term."""
    names = [each.name for each in doubtful]
    living: list[str] = []
    title = f"looking whether others still begin: {', '.join(names)}"
    with session.reporter.working(title, after=PATIENCE_SECONDS):
        while names:
            for name in list(names):
                held = claims.held_on(name)
                if held is None or held.life != "unknown":
                    names.remove(name)
                    if held is None or held.life == "alive":
                        living.append(name)
            if names:
                session.time.sleep(_POLL_SECONDS * 5)
    return living


@contextmanager
def _gate_of(session: Session, claims: Claims) -> Iterator[None]:
    """One command at a time is in it; one that stays in it too long is not waited for."""
    time = session.time
    deadline = time.monotonic() + _GATE_PATIENCE_SECONDS
    with session.reporter.working("waiting for another that begins", after=PATIENCE_SECONDS):
        while not isinstance(gate := claims.attempt(NO_JOB), Lease) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        if isinstance(gate, Lease):
            with suppress(*UNCERTAIN):
                gate.release()


@contextmanager
def _admitted_here(session: Session, job: str, plan: Plan) -> Iterator[None]:
    with ExitStack() as held:
        try:
            folder = session.folders.make_private(_FOLDER)
            with _gate(session, folder):
                starting = _others(folder, job)
                _hold_mark(folder, job, held)
                refuse_too_many_jobs(session, job, plan, starting=starting)
        except OSError:  # a folder that cannot be written has no marks
            refuse_too_many_jobs(session, job, plan)
        yield


@contextmanager
def _gate(session: Session, folder: Path) -> Iterator[None]:
    """As ``_gate_of``, in the project folder."""
    time = session.time
    deadline = time.monotonic() + _GATE_PATIENCE_SECONDS
    waiting = session.reporter.working("waiting for another that begins", after=PATIENCE_SECONDS)
    with _opened(folder / _GATE) as file:
        with waiting:
            while not take(file) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
        yield


def _hold_mark(folder: Path, job: str, held: ExitStack) -> None:
    take(held.enter_context(_opened(folder / f"{job}{_MARK}")))


def _others(folder: Path, job: str) -> tuple[str, ...]:
    """Jobs whose marks are held."""
    marks = sorted(mark for mark in folder.glob(f"*{_MARK}") if mark.stem != job)
    return tuple(mark.stem for mark in marks if _is_held(mark))


def _is_held(mark: Path) -> bool:
    with _opened(mark) as file:
        return not take(file)


def _opened(path: Path) -> IO[bytes]:
    """The file at ``path``, made unless it exists. A link is not followed, a pipe not waited for: both raise
    OSError, now or when they are locked."""
    flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o644), "rb")
