"""The stack in hand, of whatever kind: opened when needed, with its state and the region that it lives in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import JobNotFoundError
from runctl_auto.providers.contract import Provider, Scanner
from runctl_auto.stack.applied_config import AppliedConfig
from runctl_auto.stack.state import StackState

if TYPE_CHECKING:
    from runctl_auto.jobs.session import Session


class StackInHand(ABC):
    """One stack of the backend, for one command. ``name`` is the stack's.

    The opened ``stack`` is kept; the state is fresh on every call, since the engine and other commands change
    it. Not to be shared between threads.
    """

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.name = name
        self.is_new = False
        """Whether this command made the stack."""
        self._stack: JobStack | None = None

    @property
    def stack(self) -> JobStack:
        """The stack; opened by the engine on first use. Raises ``JobNotFoundError`` without one."""
        if self._stack is None:
            self._stack = self.session.driver.open(self.name)
        return self._stack

    def open(self) -> None:
        """Opens the stack. Idempotent. Raises ``JobNotFoundError`` when the backend has none of this name."""
        _ = self.stack

    def take_settings_of_others(self) -> None:
        """Makes the settings file what another folder or machine made of the stack since it was opened."""
        if self._stack is not None:
            self.session.driver.take_settings_of_others(self.name)

    def open_or_create(self) -> None:
        """Opens the stack, or makes it when the backend has none of this name. Idempotent."""
        try:
            self.open()
        except JobNotFoundError:
            self._stack = self.session.driver.create(self.name)
            self.is_new = True

    def state(self) -> StackState:
        """All that the stack's state holds. Raises ``JobNotFoundError`` when the stack is gone."""
        return self.stack.state()

    @property
    @abstractmethod
    def region(self) -> str:
        """The region of its resources. Raises ``JobNotFoundError`` when it was never set up."""

    @abstractmethod
    def applied_config(self) -> AppliedConfig:
        """Its configuration. Raises ``JobNotFoundError`` when it was never set up."""

    @property
    def provider(self) -> Provider:
        """The provider of its region. Raises ``JobNotFoundError`` when it was never set up."""
        return self.session.provider(self.region)

    def scanner(self, config: AppliedConfig) -> Scanner:
        """Finds what exists of this stack and no other: another backend may have one of the same name and
        owner."""
        return self.provider.scanner(
            self.name,
            config.account,
            config.owner,
            backend=self.session.environment.backend,
            price_hour=config.price_hour,
        )
