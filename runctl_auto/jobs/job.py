"""The job in hand: its stack, configuration, state, provider and results, each asked for when needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runctl_auto.errors import JobNotFoundError, UntrustedError
from runctl_auto.jobs.stack_in_hand import StackInHand
from runctl_auto.local import correlation
from runctl_auto.local.project import PROJECT_NAME, leads_out
from runctl_auto.providers.compute import Compute, ComputeNow, compute_in
from runctl_auto.providers.contract import Machine, Results
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement, StackConfig
from runctl_auto.stack.state import StackState

if TYPE_CHECKING:
    from runctl_auto.jobs.session import Session


class Job(StackInHand):
    """One job of the backend, for one command.

    Kept once read: the opened ``stack``, and account and region of the job, which do not change while it has
    resources. All else is fresh on every call, since the engine, the agent and other commands change it. Not
    to be shared between threads.
    """

    def __init__(self, session: Session, name: str) -> None:
        super().__init__(session, name)
        self._placement: Placement | None = None

    def config(self) -> StackConfig | None:
        """The configuration of the stack, read from its settings file; None when it was never set up."""
        found = parse_config(self.stack.config())
        if found is not None:
            self._placement = found.placement
            correlation.note_run(self.name, found.run.id)
        return found

    def applied_config(self) -> StackConfig:
        """As ``config``. Raises ``JobNotFoundError`` when the job was never set up."""
        found = self.config()
        if found is None:
            raise self._never_set_up()
        return found

    def compute(self) -> Compute:
        """The instance or the group that the state names."""
        return compute_in(self.state())

    def compute_now(self, state: StackState) -> ComputeNow:
        """The machine that ``state`` names as it is now; one or two requests, none without one."""
        compute = compute_in(state)
        return compute.now(self.provider) if compute.exists else ComputeNow(None)

    @property
    def region(self) -> str:
        """The region of the job. Raises ``JobNotFoundError`` when the job was never set up."""
        return self._where().region

    @property
    def results(self) -> Results:
        """What the job's runs keep in the cloud; it need not exist. Raises ``JobNotFoundError`` when the job
        was never set up."""
        return self.provider.results(self.name, self._where().account)

    def machine(self, identity: str) -> Machine:
        """A machine of the job as it is now; one request."""
        return self.provider.machine(identity)

    def machines(self, identities: Sequence[str]) -> Mapping[str, Machine]:
        """Machines of the job as they are now, by id; one request, none without any."""
        return self.provider.machines(identities) if identities else {}

    def status(self, run: str) -> RunStatus | None:
        """The durable status of a run; None when there is none (yet). One request."""
        return self.results.status(run)

    @property
    def downloads(self) -> Path:
        """The folder of the job's fetched artifacts: in it a folder for each run.

        Raises ``UntrustedError`` when a link in the results folder makes it lie elsewhere.
        """
        folder = self.session.downloads / self.name
        if leads_out(self.session.downloads, folder):
            raise UntrustedError(
                f"{folder} leads out of the folder of results.",
                where={"path": str(folder)},
                next_step="Look where the link leads, and remove it.",
            )
        return folder

    def _where(self) -> Placement:
        if self._placement is None:
            self.config()
        if self._placement is None:
            raise self._never_set_up()
        return self._placement

    def _never_set_up(self) -> JobNotFoundError:
        return JobNotFoundError(
            f"Job '{self.name}' was never set up: its stack has no configuration.",
            where={"job": self.name},
            next_step=f"`runctl up JOB.yaml` sets it up, `runctl down {self.name}` removes it.",
        )


def parse_config(values: Mapping[str, str]) -> StackConfig | None:
    """The configuration from a stack's values; None when it was never set up."""
    if f"{PROJECT_NAME}:placement" not in values:
        return None
    return StackConfig.from_values(values)
