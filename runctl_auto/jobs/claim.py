"""One command at a time decides about a job in a project folder: its settings file is one for all of them.

The backend's lock is had by an engine, and only while that works; what an engine does is read from the
settings file before. The claim is a lock of the system on a file: it ends with the process that holds it.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from runctl_auto.backend.locks import parse_lock
from runctl_auto.engine.failures import locked_error
from runctl_auto.jobs.session import Session
from runctl_auto.local.file_lock import take
from runctl_auto.local.private_folder import open_private

_POLL_SECONDS = 1.0


@contextmanager
def claimed(session: Session, job: str, *, patience_seconds: float = 0.0) -> Iterator[None]:
    """Within it no other command of this project folder plans or applies ``job``.

    Waits ``patience_seconds`` for who holds it. Raises ``StackLockedError`` that says who that is.
    """
    folder = session.folders.make_private("claims")
    deadline = session.time.monotonic() + patience_seconds
    with os.fdopen(open_private(folder / f"{job}.json", os.O_RDWR | os.O_CREAT | os.O_APPEND), "r+b") as file:
        while not take(file):
            if session.time.monotonic() >= deadline:
                raise _refusal(job, file)
            session.time.sleep(_POLL_SECONDS)
        _sign(file, session.time.now().isoformat())
        try:
            yield
        finally:
            file.truncate(0)


def _sign(file: IO[bytes], at: str) -> None:
    file.truncate(0)
    signature = {
        "pid": os.getpid(),
        "username": _user(),
        "hostname": socket.gethostname(),
        "timestamp": at,
    }
    file.write(json.dumps(signature).encode())
    file.flush()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _refusal(job: str, file: IO[bytes]) -> Exception:
    file.seek(0)
    owner = parse_lock(file.read())
    return locked_error(job, [owner] if owner is not None else [])
