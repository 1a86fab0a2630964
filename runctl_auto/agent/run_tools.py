"""What a run works with, given to it by the service that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runctl_auto.agent.data.bringing_data import BroughtData
from runctl_auto.agent.job.job_process import ScriptStarter
from runctl_auto.agent.job.output_log import FLUSH_PACE, LogShipper
from runctl_auto.agent.job.stopping import StopSwitch
from runctl_auto.agent.metrics.collecting import Metrics
from runctl_auto.agent.nodes.team import Team
from runctl_auto.agent.pace import Pace
from runctl_auto.agent.spec import DataSpec, RunSpec, SecretSpec, VolumeSpec
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import StatusWriter
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.tracing.span_parts import MachineTrace
from runctl_auto.agent.watchers import (
    STOP_PACE,
    Metadata,
)

PATIENCE_SECONDS = 120.0
"""How long a run goes on trying to reach the store for what it cannot do without."""


class MountsVolumes(Protocol):
    """Mounts, grows and unmounts the job's volumes."""

    def mount_all(self, volumes: tuple[VolumeSpec, ...]) -> dict[str, Path]: ...
    def grow_all(self) -> None: ...
    def unmount_all(self) -> None: ...


class ReadsSecrets(Protocol):
    """Returns the values of the job's secrets by the names of their variables."""

    def __call__(self, wanted: Sequence[SecretSpec], /) -> dict[str, str]: ...


class BringsData(Protocol):
    """Brings data to the job by their strategies; raises StopEarly when the run is to stop meanwhile."""

    def __call__(
        self, sources: Sequence[DataSpec], work: Path, mounts: Mapping[str, Path], /
    ) -> tuple[BroughtData, ...]: ...


class RunsInContainer(Protocol):
    """The container of the run's scripts; `Container` describes the methods."""

    @property
    def environment(self) -> Mapping[str, str]: ...
    def fetch(self, secrets: ReadsSecrets, /) -> None: ...
    def share(self, paths: Iterable[Path], secrets: Iterable[str], /) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class RunTools:
    """The dependencies of a run; tests inject their own."""

    config: AgentConfig
    spec: RunSpec
    folder: Path
    store: Store
    metadata: Metadata
    status: StatusWriter
    logs: LogShipper
    volumes: MountsVolumes
    secrets: ReadsSecrets
    bring_data: BringsData
    start: ScriptStarter
    switch: StopSwitch
    say: Callable[[str], None]
    inherited: Mapping[str, str]
    home: Path
    clock: Callable[[], float]
    processor_seconds: Callable[[], float | None] = lambda: None
    gpu_in_use: Callable[[], bool] = lambda: False
    end_services: Callable[[], None] = lambda: None
    out_of_memory: Callable[[], str | None] = lambda: None
    written_files: Callable[[], frozenset[tuple[int, int]]] = frozenset
    look_for_notices: Callable[[], None] | None = None
    trace: MachineTrace | None = None
    metrics: Metrics | None = None
    output: Path | None = None
    """The file that what the job prints is appended to."""
    log_pace: Pace = FLUSH_PACE
    stop_pace: Pace = STOP_PACE
    """How often the store is asked for a stop request."""
    team: Team | None = None
    """The other nodes of a run on several machines."""
    gpus: Callable[[], int] = lambda: 0
    master_port: Callable[[], int] | None = None
    container: RunsInContainer | None = None
    """What ``start`` runs scripts in; None: they run on the machine itself."""

    @property
    def work(self) -> Path:
        """The work folder."""
        return self.folder / "work"

    @property
    def setup_done(self) -> Path:
        """The mark that setup need not be run again."""
        return self.folder / "setup.done"
