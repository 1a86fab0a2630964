"""``protect`` and ``unprotect`` of a volume or snapshot with a stack of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.change import StorageChange, StorageResult
from runctl_auto.jobs.storage.stack import StorageStack
from runctl_auto.jobs.teardown.protected import refuse_listed
from runctl_auto.protection.held import find_held
from runctl_auto.stack.kinds import kind_of, name_in
from runctl_auto.stack.storage_config import StorageConfig


def set_storage_protection(session: Session, stack: str, *, protect: bool, yes: bool) -> StorageResult:
    """Protects the volume or snapshot of ``stack`` from now on, or not any more, after asking. Idempotent.

    Raises ``ProtectedError`` when the settings protect it by its id, ``ConfirmationNeededError`` when
    declined.
    """
    storage = StorageStack(session, "volume" if kind_of(stack) == "volume" else "snapshot", name_in(stack))
    verb = ProtectStorage if protect else UnprotectStorage
    return verb(storage, yes=yes).run()


class _SetProtection(StorageChange):
    protect: ClassVar[bool]

    def decide(self) -> StorageConfig | None:
        config = self.job.applied_config()
        held = find_held(self.job.called, self.job.name, self.state)
        if not self.protect:
            refuse_listed(self.session, self.job.name, held)
        wanted = replace(config, protect=self.protect)
        if wanted == config and held.protected == self.protect:
            self._result = self.as_it_is(config)
            return None
        return wanted

    def notes(self, decision: StorageConfig) -> Sequence[str]:  # noqa: ARG002
        return (f"protection of {self.job.title} {'begins' if self.protect else 'ends'}",)


class ProtectStorage(_SetProtection):
    """Protects a volume or snapshot."""

    verb = "protect"
    protect = True


class UnprotectStorage(_SetProtection):
    """Ends the protection of a volume or snapshot."""

    verb = "unprotect"
    protect = False
