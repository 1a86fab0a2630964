"""The machine of a job, for a command that reaches it; or why there is none, and the way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from runctl_auto.agent.contract import Phase
from runctl_auto.errors import (
    JobNotFoundError,
    MachineNotReachableError,
    NotSupportedError,
    RunctlError,
    UsageError,
)
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.session import Session
from runctl_auto.providers.compute import Compute, ComputeNow, compute_in, machines_by_node
from runctl_auto.providers.contract import Machine, Provider, Results
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import StackState

PATIENCE_SECONDS = 10.0
"""How long a machine that is not reached is tried again."""
_POLL_SECONDS = 1.0
_BOOT_SECONDS = 300.0
"""How long after its launch a machine that was never heard of counts as one that boots."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class ReachedMachine:
    """The machine of a job as its state names it. Making one asks for the machine, nothing else."""

    session: Session
    config: StackConfig
    state: StackState
    machine: Machine
    provider: Provider

    @property
    def id(self) -> str:
        return self.machine.id

    @property
    def job(self) -> str:
        return self.config.job.name

    @property
    def run(self) -> str:
        return self.config.run.id

    @property
    def results(self) -> Results:
        return self.provider.results(self.job, self.config.account)

    @property
    def protected(self) -> tuple[str, ...]:
        """The names of the job's resources that are protected."""
        return tuple(each.name for each in self.state.in_cloud() if each.protect)

    @property
    def where(self) -> dict[str, str]:
        return {"job": self.job, "machine": self.id}

    def reached(self, attempt: Callable[[], Result]) -> Result:
        """What ``attempt`` comes to, repeated for some seconds while the machine is not reached.

        Raises ``MachineNotReachableError`` that tells why, and the way out.
        """
        time = self.session.time
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return attempt()
            except MachineNotReachableError as error:
                if time.monotonic() >= deadline:
                    raise self.not_reached() from error
                if self.provider.machine(self.id).is_ending:
                    raise _is_gone(self.config, self.id) from error
                time.sleep(_POLL_SECONDS)

    def not_reached(self) -> MachineNotReachableError:
        """Why the machine is not reached, as far as can be told."""
        now = self.provider.machine(self.id)
        if now.is_ending:
            return _is_gone(self.config, self.id)
        if self.provider.reach.connection(self.id) != "unknown":
            return MachineNotReachableError(
                f"Machine {self.id} of job '{self.job}' runs and does not answer Systems Manager: it "
                "hangs, or has lost its network.",
                where=self.where,
                next_step=f"`runctl status {self.job}` tells when it last reported; `runctl watch "
                f"{self.job}` replaces a machine that stays silent.",
            )
        if self._age_seconds(now) < _BOOT_SECONDS:
            return MachineNotReachableError(
                f"Machine {self.id} of job '{self.job}' is booting: its Systems Manager agent has not "
                "reported yet.",
                where=self.where,
                next_step="Repeat the command in a minute.",
            )
        return MachineNotReachableError(
            f"Machine {self.id} of job '{self.job}' has no Systems Manager: its agent has never reported.",
            where=self.where,
            next_step="The image must have amazon-ssm-agent, and the subnet a way to the services ssm and "
            "ssmmessages: an internet gateway, NAT, or endpoints.",
        )

    def _age_seconds(self, machine: Machine) -> float:
        if machine.launched_at is None:
            return 0.0
        return (self.session.time.now() - machine.launched_at).total_seconds()


def machine_of(session: Session, name: str, rank: int = 0) -> ReachedMachine:
    """The machine of the job, of several that of ``rank``, without an engine where files tell of it.

    Raises ``JobNotFoundError`` without such a job, ``MachineNotReachableError`` without a machine,
    ``UsageError`` for a rank that it does not have.
    """
    session.job(name)  # refuses the name of a volume or snapshot
    config = parse_config(session.driver.config_of(name))
    if config is None:
        raise JobNotFoundError(
            f"Job '{name}' was never set up.",
            where={"job": name},
            next_step="`runctl up JOB.yaml` does that.",
        )
    if config.placement.provider == "runpod":
        raise NotSupportedError(
            f"Job '{name}' runs in a pod, which runctl does not reach: RunPod's API runs no commands.",
            where={"job": name, "provider": "runpod"},
            next_step=f"`runctl logs {name}` shows what it prints; RunPod's console opens a terminal.",
        )
    refuse_no_rank(config, rank)
    state = session.driver.states([name])[name]
    if isinstance(state, RunctlError):
        raise state
    provider = session.provider(config.region)
    now = _compute_of(state, config, rank).now(provider)
    if now.machine is None or now.machine.is_ending:
        status = provider.results(name, config.account).status(config.run.id)
        raise _without_machine(config, status, now)
    return ReachedMachine(session, config, state, now.machine, provider)


def refuse_no_rank(config: StackConfig, rank: int) -> None:
    """Raises ``UsageError`` for a rank that the job does not have."""
    job, nodes = config.job.name, config.job.nodes
    if not 0 <= rank < nodes:
        raise UsageError(
            f"Job '{job}' has no rank {rank}: it runs on {nodes} {'node' if nodes == 1 else 'nodes'}.",
            where={"job": job},
            next_step="Ranks count from 0.",
        )


def _compute_of(state: StackState, config: StackConfig, rank: int) -> Compute:
    """What the state names; of several machines that of ``rank`` alone, if it is there."""
    if config.job.nodes == 1:
        return compute_in(state)
    found = machines_by_node(state).get(rank)
    return Compute(() if found is None else (found,))


def _without_machine(
    config: StackConfig, status: RunStatus | None, now: ComputeNow
) -> MachineNotReachableError:
    job, run = config.job.name, config.run.id
    where = {"job": job, "run": run}
    if status is not None and status.ended:
        is_stopped = status.phase == Phase.STOPPED
        return MachineNotReachableError(
            f"Job '{job}' has no machine: its run has ended ({status.phase}).",
            where=where,
            next_step=f"`runctl resume {job}` continues it."
            if is_stopped
            else f"`runctl logs {job}` shows its output; `runctl up --rerun JOB.yaml` makes a new attempt.",
        )
    if now.wants_machine:
        return MachineNotReachableError(
            f"Job '{job}' has no machine at the moment: the cloud makes the next one.",
            where=where,
            next_step=f"`runctl status {job}` shows when it is there; then repeat the command.",
        )
    if now.machine is not None:
        return _is_gone(config, now.machine.id)
    return MachineNotReachableError(
        f"Job '{job}' has no machine.",
        where=where,
        next_step=f"`runctl up JOB.yaml` makes one, or `runctl resume {job}` if the job was stopped.",
    )


def _is_gone(config: StackConfig, machine: str) -> MachineNotReachableError:
    job = config.job.name
    return MachineNotReachableError(
        f"Machine {machine} of job '{job}' is gone, and its run has not ended.",
        where={"job": job, "machine": machine},
        next_step=f"`runctl watch {job}` or `runctl up JOB.yaml` gives the run a new one; `runctl down "
        f"{job}` ends it.",
    )
