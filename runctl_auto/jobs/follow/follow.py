"""Follows a run to its end, and gives it a new machine when it loses the one it has."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.agent.contract import Phase
from runctl_auto.agent.pace import FIRST_SECONDS, Pace
from runctl_auto.agent.status_format import NodePhase
from runctl_auto.jobs.follow.group import GroupWatch
from runctl_auto.jobs.follow.heartbeat import Heartbeat, is_hung, silent_node
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.jobs.session import Time
from runctl_auto.local.printable import printable
from runctl_auto.observe.logs import LogLine, RunLog
from runctl_auto.providers.compute import Compute
from runctl_auto.providers.contract import GONE, Launch, Machine, Provider, Results
from runctl_auto.run.status import RunStatus

POLL_SECONDS = 1.0
POLL_PACE = Pace(first=POLL_SECONDS, later=5.0)
MACHINE_CHECK_SECONDS = 10.0
MACHINE_CHECK_PACE = Pace(first=MACHINE_CHECK_SECONDS, later=30.0)
STALE_SECONDS = 60.0
ENDING_SECONDS = 180.0
PATIENCE_WITH_OTHERS_SECONDS = 600.0
"""How long a command that follows a run waits for another that works on the job."""


@dataclass(frozen=True)
class Ended:
    """The run came to its end."""

    status: RunStatus


@dataclass(frozen=True)
class Lost:
    """The machine is gone and the run has not ended: interrupted, terminated, or never started.

    ``is_hung``: it is there and does not report; whoever replaces it ends it first. ``silent``: how many
    machines of a group ended without a word, if the group was ended for that. ``is_missing``: one of several
    that could not be had is to be asked for again, while the others go on.
    """

    machine: Machine
    status: RunStatus | None
    is_hung: bool = False
    silent: int = 0
    is_missing: bool = False


@dataclass(frozen=True)
class Starved:
    """The group of the run got no machine at all in time; ``failures`` are the launches that say why."""

    failures: tuple[Launch, ...]


class Follower:
    """Watches one run: tells its phases and its log lines, and when its machine is lost."""

    def __init__(
        self,
        results: Results,
        provider: Provider,
        run: str,
        reporter: Reporter,
        time: Time,
        *,
        nodes: int = 1,
        rank: int | None = None,
        asks_for_missing: bool = False,
    ) -> None:
        """Of a run on several ``nodes`` the logs of all are told, or of one ``rank``. ``asks_for_missing``:
        one of them that the state does not name is a loss.
        """
        self._results = results
        self._provider = provider
        self._run = run
        self._reporter = reporter
        self._time = time
        self._nodes = nodes if asks_for_missing else 0
        self._missing_at: float | None = None
        self._log = RunLog(results, run, nodes=nodes, rank=rank)
        self._phase: str | None = None
        self._heartbeat = Heartbeat()
        self._hung: tuple[str, str | None] | None = None

    def tell_missing_in(self, seconds: float) -> None:
        """Some of several machines are missing: after so long, that is told as a loss once more."""
        self._missing_at = self._time.monotonic() + seconds

    def until_end(self, compute: Compute) -> Ended | Lost:
        """Blocks until the run has ended or it has lost its machine and, of a group, gets no other.

        A machine that hangs is lost too, and told once; that of a group is ended, so that the cloud makes
        another.
        """
        outcome = self.until_end_or_starved(compute, capacity_seconds=None)
        assert not isinstance(outcome, Starved)  # noqa: S101 - it waits for capacity without a limit
        return outcome

    def until_end_or_starved(
        self, compute: Compute, *, capacity_seconds: float | None
    ) -> Ended | Lost | Starved:
        """As ``until_end``; a group may try for ``capacity_seconds`` to get the run's first machine."""
        group = GroupWatch(self._provider, compute.group, self._reporter) if compute.group else None
        began = self._time.monotonic()
        # The machine of a group is not known yet; that of an instance was just made.
        next_check = began if group else began + MACHINE_CHECK_SECONDS
        while True:
            status = self._results.status(self._run)
            if status is not None and status.ended:
                return self._ended(status)
            self._tell(status, self._time.monotonic() - began)
            machine = group.present if group else compute.instance
            silent = self._heartbeat.silent_seconds(machine, status, self._time.monotonic())
            if self._is_missing_one(compute):
                return Lost(Machine("", GONE), status, is_missing=True)
            is_interrupted = group is None and _has_left_machine(status, compute)
            if is_interrupted or self._time.monotonic() >= next_check:
                elapsed = self._time.monotonic() - began
                next_check = began + elapsed + MACHINE_CHECK_PACE.seconds(elapsed)
                lost = self._look_at(group, status) if group else self._look_for_machines(compute)
                if lost is None:
                    lost = self._silent_node(status, compute)
                if lost is None and machine and self._has_hung(machine, status, silent):
                    lost = self._without_hung(machine, status, group)
                is_late = capacity_seconds is not None and elapsed >= capacity_seconds
                if lost is None and group and is_late and status is None and group.failures:
                    return Starved(group.failures)
                if lost is not None:
                    return lost
            self._time.sleep(POLL_PACE.seconds(self._time.monotonic() - began))

    def _is_missing_one(self, compute: Compute) -> bool:
        """Whether it is time to ask again for one of several machines. Of those that the state does not name
        from the beginning another command knows more: that one is given time.
        """
        if not 0 < len(compute.instances) < self._nodes:
            self._missing_at = None
            return False
        if self._missing_at is None:
            self.tell_missing_in(MACHINE_CHECK_SECONDS)
        return self._time.monotonic() >= (self._missing_at or 0.0)

    def _look_at(self, group: GroupWatch, status: RunStatus | None) -> Ended | Lost | None:
        end = group.look(has_reported=status is not None)
        return None if end is None else self._without(end.machine, silent=end.silent)

    def _has_hung(self, machine: str, status: RunStatus | None, silent_seconds: float) -> bool:
        """Whether it is found to hang, now and not before."""
        mark = (machine, status.updated_at if status is not None else None)
        if mark == self._hung or not is_hung(machine, status, silent_seconds):
            return False
        self._hung = mark
        return True

    def _without_hung(self, machine: str, status: RunStatus | None, group: GroupWatch | None) -> Lost | None:
        if group is None:
            return Lost(self._provider.machine(machine), status, is_hung=True)
        self._reporter.say(f"machine {machine} does not report; it is ended, so that AWS makes another")
        self._provider.terminate([machine])
        return None

    def _look_for_machines(self, compute: Compute) -> Ended | Lost | None:
        machines = compute.now(self._provider).all or (Machine("", GONE),)
        lost = next((each for each in machines if each.is_ending), None)
        return None if lost is None else self._without(await_end(self._provider, lost, self._time))

    def _silent_node(self, status: RunStatus | None, compute: Compute) -> Lost | None:
        """A machine that runs, of several, which the others have not heard for too long."""
        node = silent_node(status)
        if node is None or node["instance"] not in compute.instances:
            return None
        return Lost(self._provider.machine(node["instance"]), status, is_hung=True)

    def _without(self, machine: Machine, *, silent: int = 0) -> Ended | Lost:
        """What the run is without its ``machine``, which may have written the end of the run before."""
        status = self._results.status(self._run)
        if status is not None and status.ended:
            return self._ended(status)
        return Lost(machine, status, silent=silent)

    def _ended(self, status: RunStatus) -> Ended:
        """The end, told after the last line of the log."""
        for line in self._log.rest():
            tell_line(self._reporter, line)
        self._reporter.say(_sentence(status))
        return Ended(status)

    def _tell(self, status: RunStatus | None, elapsed: float) -> None:
        if status is not None and status.phase != self._phase:
            self._phase = status.phase
            self._reporter.say(_sentence(status))
        # The search for the first part is a list request; later, the status shows whether there is one.
        if self._log.has_begun or elapsed < FIRST_SECONDS or (status and status.raw.get("log_parts")):
            for line in self._log.new_lines():
                tell_line(self._reporter, line)


def tell_line(reporter: Reporter, line: LogLine) -> None:
    """Reports a line of a log, with the rank that wrote it where there are several."""
    if line.rank is None:
        reporter.log_line(line.text)
    else:
        reporter.log_line(line.text, line.rank)


def _has_left_machine(status: RunStatus | None, compute: Compute) -> bool:
    """Whether the agents tell that a machine of the run is gone, or will be."""
    if status is None:
        return False
    lost = [each["instance"] for each in status.nodes if each["phase"] == NodePhase.LOST]
    return status.phase == Phase.INTERRUPTED or any(each in compute.instances for each in lost)


def await_end(
    provider: Provider, machine: Machine, time: Time, *, seconds: float = ENDING_SECONDS
) -> Machine:
    """The machine once it is terminated; as it is after ``seconds`` when it takes longer. Blocks."""
    deadline = time.monotonic() + seconds
    while machine.is_ending and not machine.has_ended and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        machine = provider.machine(machine.id)
    return machine


_WORDS = {
    Phase.BOOTING: "the machine has started",
    Phase.FETCHING: "fetching code, volumes and checkpoints",
    Phase.SETUP: "setup runs",
    Phase.RUNNING: "training runs",
    Phase.STOPPING: "stopping",
    Phase.SUCCEEDED: "training succeeded",
    Phase.FAILED: "training failed",
    Phase.STOPPED: "training was stopped",
    Phase.INTERRUPTED: "the machine is being taken away",
}


def _sentence(status: RunStatus) -> str:
    if status.unreadable is not None:
        return printable(status.unreadable)
    text = _WORDS[status.phase]
    if status.phase == Phase.RUNNING and status.resumed_from:
        return printable(f"{text}, from checkpoint {status.resumed_from}")
    if status.phase in (Phase.FAILED, Phase.STOPPED) and status.reason:
        return printable(f"{text} ({status.reason})")
    if status.phase == Phase.INTERRUPTED and status.message:
        return printable(f"{text}; {status.message}")
    return text
