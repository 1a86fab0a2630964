"""What a worker of a cluster needs to work on a stack: a session like that of the command, made there.

It travels to the worker as plain data, with no secret in it: credentials, the passphrase and the values of
jobs' secrets are those of the worker's own environment.
"""

from __future__ import annotations

import io
import os
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from runctl_auto.errors import EngineError, UsageError

if TYPE_CHECKING:
    from runctl_auto.jobs.folder.sessions import ThreadSessions
    from runctl_auto.jobs.session import Session

_MAKING = threading.Lock()
_MADE: dict[WorkerPlace, ThreadSessions] = {}
"""One a process: its threads work beside each other with one language host."""


@dataclass(frozen=True)
class WorkerPlace:
    """The project ``folder`` and the settings that are no secret. ``options`` are those given to the command,
    by path."""

    folder: Path
    backend: str
    options: tuple[tuple[tuple[str, ...], str | bool], ...]
    policies: bool
    version: str
    verbose: bool = False

    @classmethod
    def of(cls, session: Session, options: Mapping[tuple[str, ...], object], *, verbose: bool) -> WorkerPlace:
        """The place of workers for the command with ``session``."""
        settings = session.settings
        shared: dict[tuple[str, ...], str | bool] = {
            ("sandbox",): settings.sandbox,
            ("owner",): settings.owner,
        }
        if not settings.sandbox:
            shared[("engine", "backend")] = session.environment.backend
        given = {path: value for path, value in options.items() if isinstance(value, str | bool)}
        return cls(
            session.folders.root,
            session.environment.backend,
            tuple(sorted({**shared, **given}.items())),
            session.policies is not None,
            version("runctl"),
            verbose,
        )

    def __call__(self, stack: str) -> Session:
        """The session of this thread of the worker for work on ``stack``. Blocks while the first is made.

        Raises ``UsageError`` when the worker's runctl or project folder is another, and whatever a command
        raises that cannot begin.
        """
        with _MAKING:
            if self not in _MADE:
                _MADE[self] = self._sessions()
        return _MADE[self].of(stack)

    def _sessions(self) -> ThreadSessions:
        from runctl_auto.cli.console import Console
        from runctl_auto.cli.invocation import Invocation
        from runctl_auto.cli.job_reporter import JobReporter
        from runctl_auto.jobs.folder.sessions import ThreadSessions

        self._refuse_another_runctl()
        console = Console(as_json=True, verbose=self.verbose, out=_Nowhere())
        invocation = Invocation(console=console, options=dict(self.options), ends_engines=True)
        invocation.enter(self.folder)
        session = invocation.session(policies=self.policies)
        if session.environment.backend != self.backend:
            raise UsageError(
                f"This worker keeps states in {session.environment.backend}, and the command in "
                f"{self.backend}.",
                where={"worker": _name()},
                next_step="Start the worker on the same project folder, with the same settings.",
            )
        lock = threading.Lock()
        return ThreadSessions(session, lambda: JobReporter(console, lock))

    def _refuse_another_runctl(self) -> None:
        own = version("runctl")
        if own != self.version:
            raise UsageError(
                f"This worker has runctl {own}, and the command is of {self.version}.",
                where={"worker": _name()},
                next_step="Install the same version on all workers.",
            )
        if not self.folder.is_dir():
            raise EngineError(
                f"This worker has no folder {self.folder}.",
                where={"worker": _name(), "folder": str(self.folder)},
                next_step="Give all workers the project folder at the same path, such as a shared one.",
            )


class _Nowhere(io.StringIO):
    """Results are the command's to print."""

    def write(self, text: str) -> int:
        return len(text)


def _name() -> str:
    return f"{socket.gethostname()} (pid {os.getpid()})"
