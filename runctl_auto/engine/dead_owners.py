"""Locks of a stack whose owners were killed, and engines that outlived the runctl that started them."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.backend.backend import Backend
from runctl_auto.backend.locks import LockOwner, is_dead, is_orphan
from runctl_auto.engine.automation_edge import translated
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.failures import locked_error
from runctl_auto.errors import StackLockedError

ORPHAN_SECONDS = 600.0
"""How long to wait for an engine whose runctl was killed."""


class DeadOwners:
    """Of the stack ``job``. ``cancel`` removes its locks where the backend does not show them."""

    def __init__(
        self, job: str, backend: Backend, options: EngineOptions, cancel: Callable[[], object]
    ) -> None:
        self._job = job
        self._backend = backend
        self._options = options
        self._cancel = cancel

    def await_quiet(self) -> None:
        """Returns once no engine works on the stack, as far as the backend's locks can be read.

        Raises ``StackLockedError`` when somebody else holds the stack.
        """

        def look() -> None:
            locks = self._backend.locks(self._job) if self._backend.is_readable else ()
            owners = [each.owner for each in locks if each.owner is not None]
            if owners:
                raise locked_error(self._job, owners)

        self.wait_behind(look)

    def wait_behind(self, attempt: Callable[[], None]) -> None:
        """Carries out ``attempt``. A lock whose owner was killed is removed; an engine that outlived its
        runctl is waited for, ten minutes at most."""
        deadline = self._options.monotonic() + ORPHAN_SECONDS
        told = False
        while True:
            try:
                attempt()
                return
            except StackLockedError as error:
                owners = [each for each in error.owners if isinstance(each, LockOwner)]
                if owners and all(is_dead(each, self._options.processes) for each in owners):
                    self._options.warn("removing the lock of an operation that was killed")
                    if self._remove_dead():
                        continue
                waits = owners and all(
                    is_dead(each, self._options.processes) or is_orphan(each, self._options.processes)
                    for each in owners
                )
                if not waits or self._options.monotonic() >= deadline:
                    raise
                if not told:
                    self._options.warn(f"waiting for an engine whose runctl was killed: {owners[0]}")
                    told = True
                self._options.sleep(1.0)

    def _remove_dead(self) -> int:
        """How many were removed; each by itself where the backend shows them: one taken meanwhile stays."""
        if not self._backend.is_readable:
            with translated("removal of a dead lock", self._job):
                self._cancel()
            return 1
        dead = [
            each
            for each in self._backend.locks(self._job)
            if each.owner is not None and is_dead(each.owner, self._options.processes)
        ]
        for lock in dead:
            self._backend.remove_lock(lock)
        return len(dead)
