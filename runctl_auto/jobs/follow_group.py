"""Follows the group of a run: the machines that the cloud makes, the launches that fail, and its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from runctl_auto.jobs.reporting import Reporter
from runctl_auto.providers.contract import GONE, Launch, Machine, MachineGroup, Provider

BOOTS_WITHOUT_WORD = 2
"""So many machines may end without a word of their agent; then the group is ended."""


_TAKEN_AWAY = ("Server.SpotInstance", "Server.InsufficientInstanceCapacity")
"""How the reasons of ends begin that are no fault of what ran there."""


class GroupWatch:
    """Looks at one group. Not to be shared between threads."""

    def __init__(self, provider: Provider, group: str, reporter: Reporter) -> None:
        self._provider = provider
        self._group = group
        self._reporter = reporter
        self._machine = ""
        self._told: dict[str, None] = {}
        self._has_launched = False

    @property
    def failures(self) -> tuple[str, ...]:
        """Why launches failed; empty once one has worked."""
        return () if self._has_launched else tuple(self._told)

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
        return self._ended_silently(group, launches) if not has_reported and group.wanted else None

    def _ended_silently(self, group: MachineGroup, launches: Sequence[Launch]) -> Machine | None:
        """The last of the machines that ended without a word, if there are too many; the group is ended."""
        lost = [each.machine for each in launches if each.machine and each.machine not in group.machines]
        ended = [self._provider.machine(each) for each in lost] if len(lost) >= BOOTS_WITHOUT_WORD else []
        silent = [each for each in ended if not (each.reason or "").startswith(_TAKEN_AWAY)]
        if len(silent) < BOOTS_WITHOUT_WORD:
            return None
        self._provider.end_group(self._group)
        why = f"{len(silent)} machines ended without a word: {silent[0].reason or 'no reason given'}"
        return replace(silent[0], reason=why)

    def _tell(self, group: MachineGroup, launches: Sequence[Launch]) -> None:
        self._has_launched = self._has_launched or any(each.machine for each in launches)
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
                self._told[failure] = None
                self._reporter.say(f"no machine yet, AWS tries again: {failure}")
