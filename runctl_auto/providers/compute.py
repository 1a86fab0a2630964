"""What a job computes with: instances, or a group in which the cloud itself makes the machine."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runctl_auto.providers.contract import GONE, Machine, MachineGroup, Provider
from runctl_auto.stack.state import GROUP, StackState

_OF_A_NODE = re.compile(r"-node-(\d+)-instance$")


@dataclass(frozen=True)
class Compute:
    """The instances that the state names, in the order of the nodes, or the group; at most one of them."""

    instances: tuple[str, ...] = ()
    group: str | None = None

    @property
    def instance(self) -> str | None:
        """The instance of the first node that has one."""
        return next(iter(self.instances), None)

    @property
    def exists(self) -> bool:
        return bool(self.instances or self.group)

    def now(self, provider: Provider) -> ComputeNow:
        """As it is now; one or two requests."""
        if len(self.instances) == 1:
            return ComputeNow(provider.machine(self.instances[0]))
        if self.instances:
            found = provider.machines(self.instances)
            machines = tuple(found.get(each, Machine(each, GONE)) for each in self.instances)
            alive = [each for each in machines if not each.is_ending]
            return ComputeNow(next(iter(alive or machines)), machines=machines)
        if not self.group:
            return ComputeNow(None)
        group = provider.groups([self.group]).get(self.group)
        made = [provider.machine(each) for each in group.machines] if group else []
        living = [each for each in made if not each.is_ending]
        return ComputeNow(next(iter(living or made), None), group)


@dataclass(frozen=True)
class ComputeNow:
    """The machine, None without one, and its group, None for a single instance or when it is gone.

    Of several ``machines``, ``machine`` is the first that runs, the first of all when none does.
    """

    machine: Machine | None
    group: MachineGroup | None = None
    machines: tuple[Machine, ...] = ()

    @property
    def all(self) -> tuple[Machine, ...]:
        """All machines, in the order of the nodes."""
        return self.machines or ((self.machine,) if self.machine is not None else ())

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
        return not self.wants_machine and all(each.has_ended for each in self.all)


def compute_in(state: StackState) -> Compute:
    """What ``state`` names."""
    group = state.first(GROUP)
    machines = tuple(each.id for each in state.machines() if each.id)
    return Compute(machines, group.id or None if group else None)


def machines_by_node(state: StackState) -> dict[int, str]:
    """The machines that ``state`` names, by their nodes; empty for a job on one machine."""
    named = ((_OF_A_NODE.search(each.name), each.id) for each in state.machines())
    return {int(match[1]): machine for match, machine in named if match is not None and machine}
