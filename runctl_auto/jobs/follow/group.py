"""Follows the group of a run: the machines that the cloud makes, the launches that fail, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runctl_auto.jobs.reporting import Reporter
from runctl_auto.providers.contract import GONE, Launch, Machine, MachineGroup, Provider

BOOTS_WITHOUT_WORD = 2
"""So many machines may end without a word of their agent; then the group is ended."""


@dataclass(frozen=True)
class GroupEnd:
    """The cloud makes no more machines for the run. ``machine`` is the last one, with the reason; ``silent``
    how many ended without a word, if the group was ended for that.
    """

    machine: Machine
    silent: int = 0


class GroupWatch:
    """Looks at one group. Not to be shared between threads."""

    def __init__(self, provider: Provider, group: str, reporter: Reporter) -> None:
        self._provider = provider
        self._group = group
        self._reporter = reporter
        self.present: str | None = None
        """The machine that it has, as it was last looked at."""
        self._machine = ""
        self._failures: dict[str, Launch] = {}
        self._has_launched = False

    @property
    def failures(self) -> tuple[Launch, ...]:
        """The launches that failed, one for each reason and zone; empty once one has worked."""
        return () if self._has_launched else tuple(self._failures.values())

    def look(self, *, has_reported: bool) -> GroupEnd | None:
        """How it ended, when the cloud makes no more machines; None while it does.

        ``has_reported`` is whether the run ever wrote a status: without one the group is ended after the
        second machine. Tells new machines and new reasons of failed launches. A few requests.
        """
        group = self._provider.groups([self._group]).get(self._group)
        if group is None:
            return GroupEnd(Machine(self._machine, GONE, reason="its group is gone"))
        launches = self._provider.launches(self._group)
        self.present = group.machines[-1] if group.machines else None
        self._tell(group, launches)
        if group.wanted == 0 and not group.machines:
            why = "its group wants no machine any more"
            return GroupEnd(Machine(self._machine, "terminated", reason=why))
        return self._ended_silently(group, launches) if not has_reported and group.wanted else None

    def _ended_silently(self, group: MachineGroup, launches: Sequence[Launch]) -> GroupEnd | None:
        """The last of the machines that ended without a word, if there are too many; the group is ended."""
        lost = [each.machine for each in launches if each.machine and each.machine not in group.machines]
        ended = [self._provider.machine(each) for each in lost] if len(lost) >= BOOTS_WITHOUT_WORD else []
        silent = [each for each in ended if not each.was_taken_away]
        if len(silent) < BOOTS_WITHOUT_WORD:
            return None
        self._provider.end_group(self._group)
        return GroupEnd(silent[0], silent=len(silent))

    def _tell(self, group: MachineGroup, launches: Sequence[Launch]) -> None:
        self._has_launched = self._has_launched or any(each.machine for each in launches)
        for machine in group.machines:
            if machine != self._machine:
                self._machine = machine
                self._failures.clear()
                found = self._provider.machine(machine)
                self._reporter.say(f"AWS made machine {machine} ({found.type} in {found.zone})")
        if group.machines:
            return
        for each in reversed(launches):
            if each.failure is None:
                continue
            text = f"{each.zone}: {each.failure}" if each.zone else each.failure
            if text not in self._failures:
                self._failures[text] = each
                self._reporter.say(f"no machine yet, AWS tries again: {text}")
