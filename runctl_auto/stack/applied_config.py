"""What the configurations of all kinds of stacks tell: where it lives, whose it is, what it uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class AppliedConfig(Protocol):
    """The configuration of a stack of any kind."""

    @property
    def account(self) -> str:
        """The account of its resources."""

    @property
    def region(self) -> str:
        """The region of its resources."""

    @property
    def owner(self) -> str:
        """Whose it is."""

    @property
    def price_hour(self) -> float | None:
        """USD an hour of its machine; None when unknown, or without one."""

    @property
    def used_volumes(self) -> Sequence[str]:
        """Ids of volumes that it uses and has not made."""

    def to_values(self) -> dict[str, str]:
        """The values to set, by full key."""
