"""Wires up the agent for a job of this machine: folders in place of a bucket, no metadata, no shutdown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runctl_auto.agent.containers.apart import Apart
from runctl_auto.agent.containers.scripts import Scripts
from runctl_auto.agent.contract import MOST_SPEC_BYTES
from runctl_auto.agent.data.bringing_data import BroughtData
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job import job_process
from runctl_auto.agent.job.job_tree import JobTree
from runctl_auto.agent.job.out_of_memory import OutOfMemory
from runctl_auto.agent.job.output_log import LogShipper
from runctl_auto.agent.job.processes import ProcProcessTable, become_subreaper
from runctl_auto.agent.job.stopping import StopSwitch, wait_unless_stopped
from runctl_auto.agent.journal import Journal
from runctl_auto.agent.local.agent_record import AgentRecord
from runctl_auto.agent.local.host import host_name
from runctl_auto.agent.local.in_container import LocalMachine
from runctl_auto.agent.local.job_folder import MARK, AgentProcess, JobFolder
from runctl_auto.agent.machine.idleness import GpuUse
from runctl_auto.agent.machine.machine import ProgramResult, run_program
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.machine.system_stop import leave_on_sigterm
from runctl_auto.agent.metrics.collecting import Metrics
from runctl_auto.agent.metrics.machine_use import MachineLook
from runctl_auto.agent.nodes.master_port import free_port
from runctl_auto.agent.pace import Pace
from runctl_auto.agent.run import Run
from runctl_auto.agent.run_tools import RunTools
from runctl_auto.agent.service import AgentService
from runctl_auto.agent.spec import DataSpec, SecretSpec, VolumeSpec, verified_spec
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.agent.store.folder_store import FolderStore

LOG_PACE = Pace(first=0.05, later=0.5)
STOP_PACE = Pace(first=0.25, later=1.0)
MARKET = "on-demand"
"""What a machine that nobody takes away counts as."""


class NoMetadata:
    """No cloud takes this machine back."""

    def get(self, path: str) -> str | None:  # noqa: ARG002
        return None


@dataclass(frozen=True)
class FoldersAsVolumes:
    """Folders of this machine that stand for volumes, by name; nothing is mounted."""

    folders: Mapping[str, Path]

    def mount_all(self, volumes: tuple[VolumeSpec, ...]) -> dict[str, Path]:  # noqa: ARG002
        missing = [str(path) for path in self.folders.values() if not path.is_dir()]
        if missing:
            raise AgentError(f"folders that stand for volumes are gone: {', '.join(missing)}")
        return dict(self.folders)

    def grow_all(self) -> None:
        """The disk is as large as it is."""

    def unmount_all(self) -> None:
        """Nothing was mounted."""


@dataclass(frozen=True)
class FoldersAsData:
    """Folders of this machine that hold the job's data, by their path in the work folder; links go there."""

    folders: Mapping[str, str]
    say: Callable[[str], None]

    def __call__(
        self,
        sources: Sequence[DataSpec],
        work: Path,
        mounts: Mapping[str, Path],  # noqa: ARG002
    ) -> tuple[BroughtData, ...]:
        return tuple(self._brought(each, work) for each in sources)

    def _brought(self, source: DataSpec, work: Path) -> BroughtData:
        path, held = work / source.path, self.folders.get(source.path)
        if held is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.symlink_to(held)
            self.say(f"data {source}: taken from {held}")
        return BroughtData(str(source), source.strategy, path)


@dataclass(frozen=True)
class Given:
    """Secrets that this process was given."""

    values: Mapping[str, str]

    def __call__(self, wanted: Sequence[SecretSpec]) -> dict[str, str]:
        missing = [each.name for each in wanted if each.name not in self.values]
        if missing:
            raise AgentError(f"secrets of the job were not given: {', '.join(missing)}")
        return {each.name: self.values[each.name] for each in wanted}


@dataclass(frozen=True)
class Around:
    """What one agent works with. ``process`` is its own; ``gpus`` are the numbers of those that it may use;
    ``secrets`` are values by name."""

    folder: JobFolder
    record: AgentRecord
    process: AgentProcess
    gpus: Sequence[int]
    secrets: Mapping[str, str] = field(repr=False)


def build_service(around: Around, switch: StopSwitch) -> AgentService:
    """The agent of one run."""
    folder, record, process = around.folder, around.record, around.process
    leave_on_sigterm(switch, None, time.time)
    config = record.config(process.began_at)
    store = FolderStore(folder.store)
    place = folder.run(record.run)
    journal = Journal(place / "output.log", record.run)
    journal.path.touch(mode=0o600)
    volumes = FoldersAsVolumes(record.mount_points)

    def run(status: StatusWriter, logs: LogShipper) -> Outcome:
        job_record, table = folder.job_record(record.run), ProcProcessTable()
        apart = Apart()
        tree = JobTree(table, apart=apart)
        if not become_subreaper():
            journal.say("orphaned processes of the job cannot be followed: the kernel knows no subreaper")
        if job_process.end_leftover(job_record, table):
            journal.say("ended the job that an earlier agent left running")
        spec = verified_spec(store.get(config.spec_key, MOST_SPEC_BYTES), config.spec_sha256)
        status.note(attempt=spec.attempt)
        status.price_machine(lambda kind, market: 0.0)  # noqa: ARG005 - nobody rents it out
        inherited = _inherited(folder, record, around.gpus)
        if spec.container is not None and record.runtime is not None:
            wait = partial(wait_unless_stopped, switch)
            scripts = LocalMachine(
                folder, place, job_record, journal, tree, apart, wait, around.gpus, inherited
            ).scripts(spec, spec.container, record.runtime)
        else:
            start = partial(
                job_process.start_script,
                work=place / "work",
                output=journal.path,
                record=job_record,
                tree=tree,
            )
            scripts = Scripts(start, inherited, Path.home())
        tools = RunTools(
            config=config,
            spec=spec,
            folder=place,
            store=store,
            metadata=NoMetadata(),
            status=status,
            logs=logs,
            volumes=volumes,
            secrets=Given(around.secrets),
            bring_data=FoldersAsData(record.data, journal.say),
            start=scripts.start,
            switch=switch,
            say=journal.say,
            inherited=scripts.inherited,
            home=scripts.home,
            clock=time.time,
            processor_seconds=tree.processor_seconds,
            written_files=tree.written,
            gpu_in_use=_gpu_use(around.gpus),
            out_of_memory=OutOfMemory(run_program),
            end_services=partial(job_process.end_services, tree, job_record),
            metrics=Metrics(
                store,
                spec.run,
                node=spec.node,
                began=status.began,
                look=MachineLook(run_program, place),
                note=lambda summary: status.note(metrics=summary),
                say=journal.say,
                clock=time.time,
            ),
            output=journal.path,
            gpus=lambda: len(around.gpus),
            master_port=partial(free_port, spec.run),
            container=scripts.container,
            log_pace=LOG_PACE,
            stop_pace=STOP_PACE,
        )
        return Run(tools).execute()

    identity = MachineIdentity(process.identity, "local", host_name(), MARKET)
    return AgentService(
        config=config,
        folder=place,
        store=store,
        identity=lambda: identity,
        journal=journal,
        switch=switch,
        volumes=volumes,
        run=run,
        end_machine=lambda: None,
        clock=time.time,
    )


def _inherited(folder: JobFolder, record: AgentRecord, gpus: Sequence[int]) -> dict[str, str]:
    environment = {**record.environment, MARK: str(folder.path)}
    environment["CUDA_VISIBLE_DEVICES"] = ",".join(str(each) for each in gpus)
    return environment


def _gpu_use(gpus: Sequence[int]) -> Callable[[], bool]:
    """Whether one of the job's own GPUs computes; other jobs' GPUs do not keep this one from being idle."""
    if not gpus:
        return lambda: False
    wanted = ",".join(str(each) for each in gpus)

    def ask(argv: Sequence[str], timeout: float) -> ProgramResult:
        return run_program((*argv, "-i", wanted), timeout)

    return GpuUse(ask)
