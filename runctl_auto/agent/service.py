"""The agent's lifecycle on one machine: every failure is reported, and no machine continues unattended."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runctl_auto.agent.contract import TERMINAL_PHASES, Phase, Reason
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.output_log import LogShipper
from runctl_auto.agent.job.stopping import StopSwitch
from runctl_auto.agent.journal import Journal
from runctl_auto.agent.keys import node_logs_prefix
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.run_tools import PATIENCE_SECONDS, MountsVolumes
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import Outcome, StatusWriter, read_previous
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.store.time_limit import TimeLimit

NOTICE_SECONDS = 7.0
"""How long the last status waits for notices: for an attempt that hangs, or for all that are refused."""
LEAVING_NOTICE_SECONDS = 2.0
"""The same where the system ends the machine or the service."""
STATUS_SECONDS = 4.0
"""Kept for the last status of a machine that the cloud takes back."""


class TracesMachine(Protocol):
    """What the machine has recorded of a traced run; `MachineTrace` describes the method."""

    def end(self, store: Store) -> None: ...


class OtherNodes(Protocol):
    """The other nodes of the run; `Team` describes the methods."""

    def ended(self) -> None: ...
    def close(self) -> None: ...


class RunOnce(Protocol):
    """Runs the run on this machine to its end; may raise any exception."""

    def __call__(self, status: StatusWriter, logs: LogShipper) -> Outcome: ...


class ReplacesMachine(Protocol):
    """The group of this machine; `own_group` describes the methods."""

    def end(self) -> bool: ...
    def boot_failed(self) -> None: ...
    def boot_worked(self) -> None: ...


class TellsPeople(Protocol):
    """Sends notices about the run; `MachineNotices` describes the methods."""

    def ended(self, outcome: Outcome) -> None: ...
    def settle(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class AgentService:
    """The agent of one machine. `clock` is in seconds since the epoch.

    `group` replaces the machine when it is lost; it is ended once the run has ended for good. `notices`
    returns who tells people of the end, None when nobody does; `team` the other nodes, None on one machine.
    """

    config: AgentConfig
    folder: Path
    store: Store
    identity: Callable[[], MachineIdentity]
    journal: Journal
    switch: StopSwitch
    volumes: MountsVolumes
    run: RunOnce
    end_machine: Callable[[], None]
    clock: Callable[[], float]
    group: ReplacesMachine | None = None
    notices: Callable[[], TellsPeople | None] = lambda: None
    trace: Callable[[], TracesMachine | None] = lambda: None
    team: Callable[[], OtherNodes | None] = lambda: None

    def serve(self) -> int:
        """Blocks until the run has ended here; returns the process's exit code.

        A run that has ended already is not run again; a store that is unreachable for two minutes at the
        start terminates the machine, since nothing could be reported from it.
        """
        steady = self.store.patient(PATIENCE_SECONDS)
        try:
            previous = read_previous(steady, self.config.status_key, self.config.run)
            if previous and previous.get("phase") in TERMINAL_PHASES:
                self.journal.say(f"run {self.config.run} has ended already: {previous['phase']}")
                if self.group:
                    self.group.end()
                self.end_machine()
                return 0
            if self.config.node:
                previous = read_previous(steady, self.config.own_status_key, self.config.run)
            status = StatusWriter(
                self.config, self.identity(), self.store, previous=previous, clock=self.clock
            )
        except AgentError as error:
            self.journal.say(f"the agent cannot start: {error}")
            if self.group:
                self.group.boot_failed()
            self.end_machine()
            return 0
        if self.group:
            self.group.boot_worked()
        self._count_boot(status)
        self._serve(status)
        return 0

    def _serve(self, status: StatusWriter) -> None:
        logs = LogShipper(
            self.store,
            node_logs_prefix(self.config.run, self.config.node),
            source=self.journal.path,
            position_file=self.folder / "logs.json",
            shipped=lambda count: status.note(log_parts=count),
            redaction=None,
        )
        outcome = self._outcome(status, logs)
        self._last_words(outcome, status, logs)
        self.volumes.unmount_all()
        if outcome.is_terminal and self.group:
            self.group.end()
        request = self.switch.request
        if not (request and request.leave_running):
            self.end_machine()

    def _outcome(self, status: StatusWriter, logs: LogShipper) -> Outcome:
        try:
            outcome = self.run(status, logs)
        except AgentError as error:
            outcome = Outcome(Phase.FAILED, Reason.AGENT_ERROR, None, str(error))
        except Exception as error:
            self.journal.say(traceback.format_exc())
            outcome = Outcome(Phase.FAILED, Reason.AGENT_ERROR, None, f"the agent failed: {error!r}")
        if outcome.message and self.switch.request is None:
            self.journal.say(outcome.message)
        return outcome

    def _last_words(self, outcome: Outcome, status: StatusWriter, logs: LogShipper) -> None:
        patient = self.store.patient(PATIENCE_SECONDS)
        before, last = TimeLimit(self.clock), TimeLimit(self.clock)
        request = self.switch.request
        if request is not None and request.ends_at is not None:
            before.set(request.ends_at - STATUS_SECONDS)
            last.set(request.ends_at)
        told = self.notices()
        if told is not None:
            self._try("the notice of the end", lambda: told.ended(outcome))
        self._try("the last output", lambda: logs.ship_all(patient.within(before)))
        trace = self.trace()
        if trace is not None:
            self._try("the last spans", lambda: trace.end(self.store.within(before)))
        if told is not None:
            self._try("the notice of the end", lambda: self._settle_notices(told))
        team = self.team()
        if team is not None and self.config.node == 0:
            # Whoever sees the run's end may take the other machines away.
            self._try("the end of the other nodes", team.ended if outcome.is_terminal else team.close)
        self._try("the last status", lambda: status.end(outcome, patient.within(last)))
        if team is not None:
            team.close()

    def _settle_notices(self, told: TellsPeople) -> None:
        """Waits for the notice of the end, which goes out while the last output is stored."""
        request, seconds = self.switch.request, NOTICE_SECONDS
        if request is not None and request.ends_at is not None:
            seconds = min(seconds, request.ends_at - 2 * STATUS_SECONDS - self.clock())
        if request is not None and request.leave_running:
            seconds = min(seconds, LEAVING_NOTICE_SECONDS)
        told.settle(max(0.0, seconds))

    def _try(self, what: str, store: Callable[[], None]) -> None:
        """A failure of either step must not prevent the other, or the machine's termination."""
        try:
            store()
        except Exception as error:
            self.journal.say(f"{what} could not be stored: {error!r}")

    def _count_boot(self, status: StatusWriter) -> None:
        """Boot time counts once a machine, not once a start of the agent."""
        marker = self.folder / "booted"
        if not marker.exists():
            status.spend("boot", self.clock() - self.config.booted_at)
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
