"""A run whose machines end without a word is not given one after the other: the second tells why."""

from __future__ import annotations

from runctl_auto.errors import CloudError, MachineNeverReportedError
from runctl_auto.jobs.follow import Lost
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

    A machine that its provider took back is no reason to give up, and does not count.
    """

    def __init__(self, job: str, run: str, provider: Provider, reporter: Reporter, time: Time) -> None:
        self.run = run
        self._where = {"job": job, "run": run}
        self._provider = provider
        self._reporter = reporter
        self._time = time
        self._count = 0

    def refuse_another(self, lost: Lost) -> None:
        """Counts ``lost``. Raises ``MachineNeverReportedError``, with the reason of its end and its last
        words, when it is the second in a row; blocks for up to a minute for the console.
        """
        if has_reported(lost):
            self._count = 0
        elif not lost.machine.was_taken_away:
            self._count += 1
        if self._count >= MOST_SILENT:
            raise self.given_up(lost, self._count)

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


def has_reported(lost: Lost) -> bool:
    """Whether the lost machine itself wrote the status of the run, not one before it."""
    return lost.status is not None and lost.status.instance == lost.machine.id
