"""Replacing and restoring methods of moto."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.aws.cloud.scaling.groups import Groups
from sandbox.aws.cloud.scaling.moto_cloud import moto_groups

if TYPE_CHECKING:
    from sandbox.aws.cloud.lifecycle import Lifecycle
    from sandbox.aws.corrections.eventual_consistency import Consistency


@dataclass(frozen=True)
class Emulation:
    """What the corrections share: the clock, the instances' lifecycle, the read delay, the Auto Scaling
    groups, and the callbacks for a created or changed schedule, for a new instance that does not reach the
    cloud, and for changed groups. `console` reads the console log of an instance."""

    clock: Callable[[], float]
    lifecycle: Lifecycle
    consistency: Consistency
    rescheduled: Callable[[], None] = field(default=lambda: None)
    unreachable: Callable[[str], None] = field(default=lambda _: None)
    console: Callable[[str], bytes] = field(default=lambda _: b"")
    groups: Groups = field(default_factory=moto_groups)
    regrouped: Callable[[], None] = field(default=lambda: None)


class Patches:
    """Attribute replacements and additions; `undo` reverts all of them, the last one first."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def replace(self, owner: Any, name: str, new: Any) -> None:
        """Set `owner.name`, which must exist, to `new`."""
        old = owner.__dict__[name] if name in owner.__dict__ else getattr(owner, name)
        self._undo.append(lambda: setattr(owner, name, old))
        setattr(owner, name, new)

    def add(self, owner: Any, name: str, new: Any) -> None:
        """Set `owner.name`, which must not exist, to `new`: for operations that moto lacks."""
        if hasattr(owner, name):
            raise AttributeError(f"{owner.__name__} has {name}")
        self._undo.append(lambda: delattr(owner, name))
        setattr(owner, name, new)

    def wrap(self, owner: Any, name: str, make: Callable[[Callable[..., Any]], Any]) -> None:
        """Replace the function `owner.name` by `make(function)`."""
        self.replace(owner, name, make(getattr(owner, name)))

    def undo(self) -> None:
        while self._undo:
            self._undo.pop()()
