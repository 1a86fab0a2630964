"""A run whose machines end without a word is not given one after the other: the second tells why."""

from __future__ import annotations

from runctl_auto.errors import CloudError, MachineNeverReportedError
from runctl_auto.jobs.follow.follow import Lost
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.jobs.session import Time
from runctl_auto.local.printable import printable
from runctl_auto.providers.contract import Provider

MOST_SILENT = 2
"""How many machines in a row may end without a report."""
LINES_SHOWN = 25
CONSOLE_SECONDS = 60.0
"""How long to wait for a console output: EC2 posts it some time after the machine's end."""
_POLL_SECONDS = 5.0


class SilentMachines:
    """Counts the lost machines of one run that ended without ever writing its status, one after the other.

    A machine that its provider took back, or somebody ended, is no reason to give up, and does not count; one
    that hung until it was ended does. However often the same machine is found to be lost, it counts once.
    """

    def __init__(self, job: str, run: str, provider: Provider, reporter: Reporter, time: Time) -> None:
        self.run = run
        self._where = {"job": job, "run": run}
        self._provider = provider
        self._reporter = reporter
        self._time = time
        self._silent: set[str] = set()

    def refuse_another(self, lost: Lost) -> None:
        """Counts ``lost``. Raises ``MachineNeverReportedError``, with the reason of its end and its last
        words, when it is the second in a row, and begins anew; blocks for up to a minute for the console.
        """
        if has_reported(lost):
            self._silent.clear()
        elif _ended_by_itself(lost):
            self._silent.add(lost.machine.id)
        count = len(self._silent)
        if count >= MOST_SILENT:
            self._silent.clear()
            raise self.given_up(lost, count)

    def given_up(self, lost: Lost, count: int) -> MachineNeverReportedError:
        """The error that tells of ``count`` silent machines in a row, ``lost`` the last of them. Blocks as
        ``refuse_another``.
        """
        machine, job = lost.machine, self._where["job"]
        reason = machine.reason or f"unknown, it is {machine.state}"
        with self._reporter.working("reading the console of the machine"):
            console, problem = self._console(machine.id)
        return MachineNeverReportedError(
            f"{count} machines in a row ended without a report of the run, the last one {machine.id} "
            f"in {machine.zone or 'an unknown zone'}. State reason: {printable(reason)}.",
            machine=machine.id,
            state_reason=machine.reason,
            console=console,
            console_problem=problem,
            where={**self._where, "machine": machine.id},
            next_step="The console shows how far the machine came; it needs an image with Python 3.9 or "
            "newer, a way to S3, and its role. Then `runctl up` tries again; "
            f"`runctl down {job}` removes everything.",
        )

    def _console(self, machine: str) -> tuple[tuple[str, ...], str | None]:
        """The last lines, or why there are none."""
        deadline = self._time.monotonic() + CONSOLE_SECONDS
        while True:
            try:
                text = self._provider.console(machine)
            except CloudError as error:
                return (), printable(error.what)
            lines = [printable(line) for line in text.splitlines() if line.strip()]
            if lines or self._time.monotonic() >= deadline:
                return tuple(lines[-LINES_SHOWN:]), None
            self._time.sleep(_POLL_SECONDS)


def _ended_by_itself(lost: Lost) -> bool:
    """Whether the machine itself is why it is lost. Where none is known, another command is replacing it."""
    machine = lost.machine
    if not machine.id or machine.was_taken_away:
        return False
    return lost.is_hung or not machine.was_ended_by_somebody


def has_reported(lost: Lost) -> bool:
    """Whether the lost machine itself reported of the run, not one before it; of several the first node
    writes the status, and lists the others' machines that it heard of.
    """
    status, machine = lost.status, lost.machine.id
    return status is not None and (
        status.instance == machine or any(each.id == machine for each in status.machines)
    )
