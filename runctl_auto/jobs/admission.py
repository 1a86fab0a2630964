"""Lets no more jobs begin at once than may run: those that are beginning are counted before states tell them.

Who gives a job a machine marks it in the backend's folder and counts, one after the other: of two that begin
at once the later sees the mark of the earlier. A mark is a lock of the system and ends with its command.
Where the backend is no folder, marks lie in the project's, and other machines do not see them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from runctl_auto.engine.events import Plan
from runctl_auto.jobs.permitted import makes_machine, refuse_too_many_jobs
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.local.file_lock import take

_FOLDER = ".runctl-starting"
_GATE = "gate"
_MARK = ".job"
_GATE_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.2


@contextmanager
def admitted(session: Session, job: str, plan: Plan) -> Iterator[None]:
    """Within it ``job`` counts as one that runs, if ``plan`` gives it a machine.

    Waits while another counts. Raises ``TooManyJobsError`` when as many as may have a machine or get one.
    """
    if not makes_machine(plan):
        yield
        return
    with ExitStack() as held:
        try:
            folder = _folder(session)
            with _gate(session, folder):
                starting = _others(folder, job)
                _hold_mark(folder, job, held)
                refuse_too_many_jobs(session, job, plan, starting=starting)
        except OSError:  # a folder that cannot be written has no marks
            refuse_too_many_jobs(session, job, plan)
        yield


def _folder(session: Session) -> Path:
    shared = session.driver.backend.folder
    if shared is None:
        return session.folders.make_private(_FOLDER)
    folder = shared / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _gate(session: Session, folder: Path) -> Iterator[None]:
    """One command at a time is in it; one that stays in it too long is not waited for."""
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
    """The file at ``path``, made unless it exists; others' files too, in a folder that several people share.
    A link is not followed, a pipe not waited for: both raise OSError, now or when they are locked."""
    flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o644), "rb")
