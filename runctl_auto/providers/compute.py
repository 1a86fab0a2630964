"""What a job computes with: a single instance, or a group in which the cloud itself makes the machine."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.providers.contract import Machine, MachineGroup, Provider
from runctl_auto.stack.state import GROUP, INSTANCE, StackState


@dataclass(frozen=True)
class Compute:
    """The instance or the group that the state names; at most one of them."""

    instance: str | None = None
    group: str | None = None

    @property
    def exists(self) -> bool:
        return bool(self.instance or self.group)

    def now(self, provider: Provider) -> ComputeNow:
        """As it is now; one or two requests."""
        if self.instance:
            return ComputeNow(provider.machine(self.instance))
        if not self.group:
            return ComputeNow(None)
        group = provider.groups([self.group]).get(self.group)
        machines = [provider.machine(each) for each in group.machines] if group else []
        alive = [each for each in machines if not each.is_ending]
        return ComputeNow(next(iter(alive or machines), None), group)


@dataclass(frozen=True)
class ComputeNow:
    """The machine, None without one, and its group, None for a single instance or when it is gone."""

    machine: Machine | None
    group: MachineGroup | None = None

    @property
    def wants_machine(self) -> bool:
        """Whether the cloud makes a machine, now or when this one is lost."""
        return self.group is not None and self.group.wanted > 0

    @property
    def runs(self) -> bool:
        """Whether a machine can do the run's work, now or soon."""
        return self.wants_machine or self.has_machine

    @property
    def has_machine(self) -> bool:
        """Whether there is a machine that can answer."""
        return self.machine is not None and not self.machine.is_ending

    @property
    def has_ended(self) -> bool:
        """Whether no machine exists and none will."""
        return not self.wants_machine and (self.machine is None or self.machine.has_ended)


def compute_in(state: StackState) -> Compute:
    """What ``state`` names."""
    instance, group = state.first(INSTANCE), state.first(GROUP)
    return Compute(instance.id or None if instance else None, group.id or None if group else None)
