"""The container of a job on a person's own machine: its runtime, and what is left of it after a kill."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from runctl_auto.agent.containers.apart import Apart
from runctl_auto.agent.containers.container import Container, Places
from runctl_auto.agent.containers.fetching import Fetching
from runctl_auto.agent.containers.joining import RECORD
from runctl_auto.agent.containers.runtime import Runtime, Wanted
from runctl_auto.agent.containers.scripts import Scripts, half_of_memory
from runctl_auto.agent.job.job_tree import JobTree
from runctl_auto.agent.journal import Journal
from runctl_auto.agent.local.job_folder import MARK, JobFolder, read_json
from runctl_auto.agent.machine.machine import RunProgram, run_program
from runctl_auto.agent.spec import ContainerSpec, RunSpec

_SECONDS = 30.0


@dataclass(frozen=True)
class LocalRuntime:
    """The runtime that ``up`` has found. ``user`` is who the job is in the container, as docker has it; with
    ``as_caller`` podman makes it the one who calls."""

    program: str
    is_podman: bool = False
    user: str | None = None
    as_caller: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "program": self.program,
            "podman": self.is_podman,
            "user": self.user,
            "as_caller": self.as_caller,
        }

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> LocalRuntime:
        user = found["user"]
        return cls(
            str(found["program"]),
            bool(found["podman"]),
            None if user is None else str(user),
            bool(found["as_caller"]),
        )

    @property
    def runtime(self) -> Runtime:
        return Runtime(self.program, self.is_podman)


@dataclass(frozen=True)
class LocalMachine:
    """What running scripts in a container needs here. ``place`` is the run's folder, ``record`` holds its
    processes; ``wait`` raises when the run is to stop; ``gpus`` are the numbers of those that it may use."""

    folder: JobFolder
    place: Path
    record: Path
    journal: Journal
    tree: JobTree
    apart: Apart
    wait: Callable[[float], object]
    gpus: Sequence[int]
    inherited: Mapping[str, str]

    def scripts(self, spec: RunSpec, image: ContainerSpec, local: LocalRuntime) -> Scripts:
        """How the scripts of ``spec`` are started in a container of ``image``."""
        work, home, runtime = self.place / "work", self.folder.path / "home", local.runtime
        home.mkdir(mode=0o700, exist_ok=True)
        wanted = Wanted(
            name=container_name(self.folder),
            work=work,
            labels={"job": spec.job, "run": spec.run},
            shared=(work, home),
            user=local.user,
            as_caller=local.as_caller,
            gpus=",".join(str(each) for each in self.gpus) or None,
            shared_memory=half_of_memory(),
        )
        fetching = Fetching(
            runtime,
            run_program,
            self.inherited,
            self.journal.say,
            self.wait,
            self.place,
            architecture=platform.machine(),
        )
        container = Container(
            image,
            runtime,
            wanted,
            Places(work, self.journal.path, self.record, self.place / RECORD),
            self.apart,
            fetching,
            run_program,
            self.journal.say,
            self.inherited,
        )
        # The GPUs that a container has are numbered from 0.
        own = {MARK: str(self.folder.path), "HOME": str(home)}
        return Scripts(partial(container.start, tree=self.tree), own, home, container)


def container_name(folder: JobFolder) -> str:
    """One name for each job of each project."""
    place = hashlib.sha256(os.fsencode(folder.path)).hexdigest()[:8]
    return f"runctl-{folder.name}-{place}"


def runtime_of(folder: JobFolder) -> LocalRuntime | None:
    """The runtime of the job's container; None for a job without one."""
    found = (read_json(folder.record) or {}).get("runtime")
    with suppress(KeyError, TypeError):
        return None if found is None else LocalRuntime.of(found)
    return None


def end_container(folder: JobFolder, run: RunProgram = run_program) -> None:
    """Ends and removes the job's container, if it has one; blocks for seconds at most. Idempotent."""
    local = runtime_of(folder)
    if local is not None:
        run(local.runtime.remove(container_name(folder)), _SECONDS)


def has_container(folder: JobFolder, run: RunProgram = run_program) -> bool:
    """Whether a container of the job exists, as far as its runtime can be asked."""
    local = runtime_of(folder)
    if local is None:
        return False
    return run(local.runtime.container(container_name(folder)), _SECONDS).code == 0
