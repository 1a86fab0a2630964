"""Follows the group of a run: the machines that the cloud makes, the launches that fail, and its end."""

from __future__ import annotations

from collections.abc import Sequence

from runctl_auto.jobs.reporting import Reporter
from runctl_auto.providers.contract import GONE, Launch, Machine, MachineGroup, Provider

BOOTS_WITHOUT_WORD = 2
"""So many machines may end without a word of their agent; then the group is ended."""


class GroupWatch:
    """Looks at one group. Not to be shared between threads."""

    def __init__(self, provider: Provider, group: str, reporter: Reporter) -> None:
        self._provider = provider
        self._group = group
        self._reporter = reporter
        self._machine = ""
        self._told: set[str] = set()

    def look(self, *, has_reported: bool) -> Machine | None:
        """The last machine when the cloud makes no more of them, with the reason; None while it does.

        ``has_reported`` is whether the run ever wrote a status: without one the group is ended after the
        second machine. Tells new machines and new reasons of failed launches. A few requests.
        """
        group = self._provider.groups([self._group]).get(self._group)
        if group is None:
            return Machine(self._machine, GONE, reason="its group is gone")
        launches = self._provider.launches(self._group)
        self._tell(group, launches)
        if group.wanted == 0 and not group.machines:
            return Machine(self._machine, "terminated", reason="its group wants no machine any more")
        lost = [each.machine for each in launches if each.machine and each.machine not in group.machines]
        if not has_reported and len(lost) >= BOOTS_WITHOUT_WORD and group.wanted:
            self._provider.end_group(self._group)
            reason = self._provider.machine(lost[0]).reason or "no reason given"
            return Machine(
                lost[0], "terminated", reason=f"{len(lost)} machines ended without a word: {reason}"
            )
        return None

    def _tell(self, group: MachineGroup, launches: Sequence[Launch]) -> None:
        for machine in group.machines:
            if machine != self._machine:
                self._machine = machine
                self._told.clear()
                found = self._provider.machine(machine)
                self._reporter.say(f"AWS made machine {machine} ({found.type} in {found.zone})")
        if group.machines:
            return
        for failure in dict.fromkeys(each.failure for each in reversed(launches) if each.failure):
            if failure not in self._told:
                self._told.add(failure)
                self._reporter.say(f"no machine yet, AWS tries again: {failure}")
