"""Which run applying a job file means on this machine, and what is known of the job before."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.agent.local.agent_record import HERE
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.local.record import LocalJobs
from runctl_auto.run.identity import RunIdentity, choose_run
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement, Protection, StackConfig
from runctl_auto.stack.container import ContainerChoice
from runctl_auto.stack.prices import Rates

_FREE = Rates(
    volume_gb_month=0.0,
    snapshot_gb_month=0.0,
    public_ipv4_hour=0.0,
    s3_gb_month=0.0,
    put_1000=0.0,
    get_1000=0.0,
    transfer_out_gb=0.0,
)
_SYSTEM = "this-system"


@dataclass(frozen=True)
class LocalCurrent:
    """A job of this machine as it is. ``alive``: its agent runs or waits; ``waits``: it is in the queue and
    does not run."""

    config: StackConfig | None
    status: RunStatus | None
    alive: bool = False
    waits: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether its run goes on by itself, now or when it is its turn."""
        return (self.alive or self.waits) and not self.has_ended

    @property
    def has_ended(self) -> bool:
        return self.status is not None and self.status.ended


def current_here(jobs: LocalJobs, job: str) -> LocalCurrent:
    """Reads files only."""
    if not jobs.has(job):
        return LocalCurrent(None, None)
    config = jobs.config(job)
    if config is None:
        return LocalCurrent(None, None, jobs.folder(job).agent_lives())
    alive = jobs.folder(job).agent_lives()  # first: an agent writes its last status while it lives
    waits = jobs.queue.position(job) is not None
    return LocalCurrent(config, jobs.results(job).status(config.run.id), alive, waits)


def run_here(
    spec: JobSpec,
    code_sha256: str,
    current: LocalCurrent,
    *,
    rerun: bool = False,
    afresh: bool | None = None,
) -> RunIdentity:
    """The run; it goes on from the checkpoints of the one before, as everywhere."""
    return choose_run(
        spec,
        code_sha256=code_sha256,
        agent_sha256=HERE,
        previous=current.config.run if current.config else None,
        previous_status=current.status,
        rerun=rerun,
        afresh=afresh,
    )


def config_here(
    spec: JobSpec, run: RunIdentity, owner: str, host: str, container: ContainerChoice | None = None
) -> StackConfig:
    """The configuration that every verb reads: the place is this machine, and costs nothing."""
    placement = Placement(
        account=HERE,
        partition=HERE,
        region=HERE,
        zone=host,
        vpc=HERE,
        subnet=HERE,
        image=_SYSTEM,
        instance_type=HERE,
        market="on-demand",
        price_hour=0.0,
    )
    return StackConfig(
        job=spec,
        run=run,
        placement=placement,
        owner=owner,
        protection=Protection(),
        rates=_FREE,
        container=container,
    )
