"""What a job of this machine can leave behind: its processes and its folder."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from runctl_auto.agent.job.processes import ProcProcessTable
from runctl_auto.agent.local.job_folder import JobFolder
from runctl_auto.agent.local.leftover import marked_processes
from runctl_auto.errors import NotFoundError
from runctl_auto.providers.resource import NOTHING_RELATED, CloudResource, Relations, Survey
from runctl_auto.providers.resource_kind import AnyKinds, Kinds
from runctl_auto.stack.state import FOLDER, PROCESS, StackState


@dataclass(frozen=True)
class LocalKind:
    """Implements ``ResourceKind``."""

    name: str
    types: tuple[str, ...]
    is_machine: bool = False
    has_creation_time: bool = False
    parents: tuple[str, ...] = ()
    removed_after: tuple[str, ...] = ()
    is_listed: bool = True
    launches_machines: bool = False
    made_by_stacks: bool = False
    id_in_state_is_name: bool = False
    managed_with: tuple[str, ...] = ()
    separate_if_named_as_parent: bool = False
    needs_running_machine: bool = False

    def remove(self, cloud: Path, resource: CloudResource, account: str) -> None:  # noqa: ARG002
        """``cloud`` is the folder of the jobs."""
        remove(resource, cloud)


KINDS: AnyKinds = Kinds(
    [
        LocalKind("process", (PROCESS,), is_machine=True),
        LocalKind("folder", (FOLDER,), has_creation_time=True, removed_after=("process",)),
    ]
)


@dataclass(frozen=True)
class LocalScanner:
    """Implements ``providers.contract.Scanner`` for the job in ``folder``. Nothing here is another's."""

    folder: JobFolder

    @property
    def kinds(self) -> AnyKinds:
        return KINDS

    def relations(self, state: StackState) -> Relations:  # noqa: ARG002
        return NOTHING_RELATED

    def survey(self, related: Relations = NOTHING_RELATED) -> Survey:  # noqa: ARG002
        return survey_of([self.folder])

    def find(self) -> tuple[CloudResource, ...]:
        return self.survey().found

    def is_surely_own(self, resource: CloudResource) -> bool:  # noqa: ARG002
        return True

    def pending_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:  # noqa: ARG002
        return ()

    def unrecorded_unlisted(self, state: StackState) -> tuple[CloudResource, ...]:  # noqa: ARG002
        return ()


def survey_of(folders: Sequence[JobFolder]) -> Survey:
    """The processes that carry the mark of a job, and the folders of jobs that exist."""
    found = []
    for folder in folders:
        job = folder.name
        for pid in marked_processes(folder):
            found.append(
                CloudResource("process", str(pid), f"kill -KILL {pid}", name=job, job=job, how="tag")
            )
        if folder.path.exists():
            made = datetime.fromtimestamp(folder.path.stat().st_mtime, timezone.utc)
            found.append(
                CloudResource(
                    "folder",
                    str(folder.path),
                    f"rm -rf {folder.path}",
                    name=job,
                    job=job,
                    how="name",
                    created_at=made,
                    cost_hour=0.0,
                )
            )
    return Survey(tuple(found))


def remove(resource: CloudResource, jobs: Path) -> None:
    """Ends the process, or deletes the folder, which must be one of ``jobs``. Raises ``NotFoundError``."""
    if resource.kind == "process":
        ProcProcessTable().signal(int(resource.id), signal.SIGKILL)
        return
    path = Path(resource.id)
    if path.parent != jobs:
        raise NotFoundError(f"{path} is no folder of a job of this machine.", code="NotFound")
    shutil.rmtree(path, ignore_errors=True)
