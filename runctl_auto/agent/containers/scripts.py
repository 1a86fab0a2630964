"""Where the scripts of a run are started: on the machine itself, or in a container on it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runctl_auto.agent.containers.apart import Apart
from runctl_auto.agent.containers.aws_registry import AwsRegistry
from runctl_auto.agent.containers.container import Container, Places
from runctl_auto.agent.containers.fetching import Fetching
from runctl_auto.agent.containers.joining import RECORD
from runctl_auto.agent.containers.runtime import Runtime, Wanted
from runctl_auto.agent.job.job_process import ScriptStarter, start_script
from runctl_auto.agent.job.job_tree import JobTree
from runctl_auto.agent.journal import Journal
from runctl_auto.agent.machine.machine import RunProgram
from runctl_auto.agent.machine.pod_identity import for_jobs, is_pod
from runctl_auto.agent.spec import ContainerSpec, RunSpec
from runctl_auto.agent.start.layout import Layout, variables_of

DOCKER = Runtime("docker")
_SERVICE_SECONDS = 90.0


@dataclass(frozen=True)
class Scripts:
    """``start`` starts a script, in ``container`` unless that is None. It inherits ``inherited``; ``home`` is
    its home where that names none."""

    start: ScriptStarter
    inherited: Mapping[str, str]
    home: Path
    container: Container | None = None


@dataclass(frozen=True)
class Machine:
    """What running scripts needs of a rented machine. ``folder`` is the run's, ``record`` holds its
    processes; ``wait`` raises when the run is to stop; ``gpus`` counts NVIDIA GPUs."""

    layout: Layout
    folder: Path
    record: Path
    journal: Journal
    tree: JobTree
    apart: Apart
    run: RunProgram
    wait: Callable[[float], object]
    registry: AwsRegistry
    gpus: Callable[[], int]
    environment: Mapping[str, str]

    def scripts(self, spec: RunSpec) -> Scripts:
        """How the scripts of ``spec`` are started. A pod is itself the container of its job."""
        if spec.container is not None and not is_pod(self.environment):
            return self._in_container(spec, spec.container)
        start = partial(
            start_script,
            work=self.folder / "work",
            output=self.journal.path,
            record=self.record,
            tree=self.tree,
        )
        return Scripts(start, for_jobs(self.environment), self.layout.resolve("/root"))

    def _in_container(self, spec: RunSpec, image: ContainerSpec) -> Scripts:
        make_docker_ready(self.run)
        work = self.folder / "work"
        wanted = Wanted(
            name=container_name(spec.job, spec.run),
            work=work,
            labels={"job": spec.job, "run": spec.run},
            shared=(work,),
            user="0:0",
            gpus="all" if self.gpus() else None,
            shared_memory=half_of_memory(),
            locks_memory=True,
        )
        fetching = Fetching(
            DOCKER,
            self.run,
            self.environment,
            self.journal.say,
            self.wait,
            self.folder,
            aws_password=self.registry.password,
            architecture=platform.machine(),
        )
        container = Container(
            image,
            DOCKER,
            wanted,
            Places(work, self.journal.path, self.record, self.folder / RECORD),
            self.apart,
            fetching,
            self.run,
            self.journal.say,
            self.environment,
        )
        start = partial(container.start, tree=self.tree)
        # A file of this machine's, as of AWS_CA_BUNDLE, is not in the container.
        told = {key: each for key, each in variables_of(self.environment).items() if "ENDPOINT" in key}
        return Scripts(start, told, Path("/root"), container)


def make_docker_ready(run: RunProgram) -> None:
    """Starts docker, and ends the agent of Amazon's container service, which its images start for clusters;
    what is not there is no error."""
    run(("systemctl", "mask", "--now", "ecs.service"), _SERVICE_SECONDS)
    run(("systemctl", "start", "docker.service"), _SERVICE_SECONDS)


def container_name(job: str, run: str) -> str:
    """The name of a run's container."""
    return f"runctl-{job}-{run}"


def half_of_memory() -> int:
    """Half of the machine's memory in bytes: what /dev/shm has outside of containers."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
