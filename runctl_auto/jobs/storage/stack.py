"""The stack of a volume or snapshot in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runctl_auto.errors import JobNotFoundError, UsageError
from runctl_auto.jobs.stack_in_hand import StackInHand
from runctl_auto.stack.kinds import NAME_FORM, StorageKind, is_name, removal, stack_of, titled
from runctl_auto.stack.state import SNAPSHOT, SNAPSHOT_COPY, VOLUME, ResourceState, StackState
from runctl_auto.stack.storage_config import StorageConfig, storage_config

if TYPE_CHECKING:
    from runctl_auto.jobs.session import Session

_TYPES = {"volume": (VOLUME,), "snapshot": (SNAPSHOT, SNAPSHOT_COPY)}


class StorageStack(StackInHand):
    """A volume or snapshot that has a stack of its own. ``title`` is what messages call it."""

    def __init__(self, session: Session, kind: StorageKind, called: str) -> None:
        """Raises ``UsageError`` when nothing may be called so."""
        if not is_name(called):
            raise UsageError(
                f"{called!r} is no name of a {kind}.",
                where={kind: called},
                next_step=f"A name has {NAME_FORM}; `runctl {kind} ls` lists those that there are.",
            )
        super().__init__(session, stack_of(kind, called))
        self.kind = kind
        self.called = called

    @property
    def title(self) -> str:
        return titled(self.name)

    @property
    def where(self) -> dict[str, str]:
        """The place of errors."""
        return {self.kind: self.called}

    def open(self) -> None:
        """Opens the stack. Idempotent. Raises ``JobNotFoundError`` when the backend has none of this name."""
        try:
            super().open()
        except JobNotFoundError as error:
            raise JobNotFoundError(
                f"There is no {self.title} in this backend.",
                where=self.where,
                next_step=f"`runctl {self.kind} ls` lists those that are there.",
            ) from error

    def config(self) -> StorageConfig | None:
        """The configuration of the stack; None when it was never set up."""
        found = storage_config(self.stack.config())
        return found if found is not None and found.stack == self.name else None

    def applied_config(self) -> StorageConfig:
        """As ``config``. Raises ``JobNotFoundError`` when it was never set up."""
        found = self.config()
        if found is None:
            raise JobNotFoundError(
                f"{self.title.capitalize()} was never set up: its stack has no configuration.",
                where=self.where,
                next_step=f"`{removal(self.name)}` removes the stack.",
            )
        return found

    @property
    def region(self) -> str:
        """Its region. Raises ``JobNotFoundError`` when it was never set up."""
        return self.applied_config().region


def stored(state: StackState, kind: StorageKind) -> ResourceState | None:
    """The volume or snapshot that the state of such a stack holds; None before it is made."""
    found = (each for each in state.in_cloud() if each.type in _TYPES[kind] and not each.delete)
    return next((each for each in found if each.id), None)
