"""The job in hand: its stack, configuration, state, provider and results, each asked for when needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import JobNotFoundError, UntrustedError
from runctl_auto.local.project import PROJECT_NAME, leads_out
from runctl_auto.providers.compute import Compute, ComputeNow, compute_in
from runctl_auto.providers.contract import Machine, Provider, Results, Scanner
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement, StackConfig
from runctl_auto.stack.state import StackState

if TYPE_CHECKING:
    from runctl_auto.jobs.session import Session


class Job:
    """One job of the backend, for one command.

    Kept once read: the opened ``stack``, and account and region of the job, which do not change while it has
    resources. All else is fresh on every call, since the engine, the agent and other commands change it. Not
    to be shared between threads.
    """

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.name = name
        self.is_new = False
        """Whether this command made the stack."""
        self._stack: JobStack | None = None
        self._placement: Placement | None = None

    @property
    def stack(self) -> JobStack:
        """The job's stack; opened by the engine on first use. Raises ``JobNotFoundError`` without one."""
        if self._stack is None:
            self._stack = self.session.driver.open(self.name)
        return self._stack

    def open(self) -> None:
        """Opens the stack. Idempotent. Raises ``JobNotFoundError`` when the backend has none of this name."""
        _ = self.stack

    def take_settings_of_others(self) -> None:
        """Makes the settings file what another folder or machine made of the stack since it was opened."""
        if self._stack is not None:
            self.session.driver.take_settings_of_others(self.name)

    def open_or_create(self) -> None:
        """Opens the stack, or makes it when the backend has none of this name. Idempotent."""
        try:
            self.open()
        except JobNotFoundError:
            self._stack = self.session.driver.create(self.name)
            self.is_new = True

    def config(self) -> StackConfig | None:
        """The configuration of the stack, read from its settings file; None when it was never set up."""
        found = parse_config(self.stack.config())
        if found is not None:
            self._placement = found.placement
        return found

    def applied_config(self) -> StackConfig:
        """As ``config``. Raises ``JobNotFoundError`` when the job was never set up."""
        found = self.config()
        if found is None:
            raise self._never_set_up()
        return found

    def state(self) -> StackState:
        """All that the stack's state holds. Raises ``JobNotFoundError`` when the stack is gone."""
        return self.stack.state()

    def compute(self) -> Compute:
        """The instance or the group that the state names."""
        return compute_in(self.state())

    def compute_now(self, state: StackState) -> ComputeNow:
        """The machine that ``state`` names as it is now; one or two requests, none without one."""
        compute = compute_in(state)
        return compute.now(self.provider) if compute.exists else ComputeNow(None)

    @property
    def provider(self) -> Provider:
        """The provider of the job's region. Raises ``JobNotFoundError`` when the job was never set up."""
        return self.session.provider(self._where().region)

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

    def scanner(self, config: StackConfig) -> Scanner:
        """Finds what exists of this job and no other: another backend may have one of the same name and
        owner."""
        return self.provider.scanner(
            self.name,
            config.placement.account,
            config.owner,
            backend=self.session.environment.backend,
            price_hour=config.placement.price_hour,
        )

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
