"""Checks a job file and its work folder before anything else. Needs no cloud and creates nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from runctl_auto.errors import NotSupportedError, UsageError
from runctl_auto.job_file.document import JobDocument
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.job_file.load import load_job_file
from runctl_auto.job_file.one_provider import seen_by
from runctl_auto.job_file.spec import NO_REGION, CloudName, JobSpec
from runctl_auto.job_file.support import unsupported
from runctl_auto.job_file.work_folder import find_work_folder
from runctl_auto.packaging.package import refuse_nothing, refuse_too_much
from runctl_auto.packaging.work_files import walk_work_folder
from runctl_auto.packaging.work_folder import WorkFolder

Walk = Callable[[Path], WorkFolder]
"""Walks a work folder."""


@dataclass(frozen=True)
class CheckedJob:
    """A valid job file and its work folder, each read once for the whole command."""

    file: JobFile
    work_folder: WorkFolder

    @property
    def spec(self) -> JobSpec:
        return self.file.spec


def check_files(path: Path, *, read: JobDocument | None = None, walk: Walk = walk_work_folder) -> CheckedJob:
    """Reads the job file at ``path``, unless it was ``read`` before, and walks its work folder.

    Raises JobFileError for an invalid file, JobFileError or PackagingError for a work folder, or something
    in it, that cannot travel, that is too large, or of which nothing is packaged.
    """
    return _with_work_folder(load_job_file(path, read=read), walk)


def _with_work_folder(file: JobFile, walk: Walk = walk_work_folder) -> CheckedJob:
    work_folder = walk(find_work_folder(file))
    refuse_nothing(work_folder)
    refuse_too_much(work_folder)
    return CheckedJob(file, work_folder)


def check_job(
    path: Path,
    *,
    read: JobDocument | None = None,
    walk: Walk = walk_work_folder,
) -> CheckedJob:
    """As ``check_files``. Also raises NotSupportedError for valid fields that ``up`` does not support yet,
    and for a job of this machine, which has no stack."""
    checked = check_files(path, read=read, walk=walk)
    _refuse_this_machine(checked.file)
    _refuse_unsupported(checked.file)
    return checked


def check_for(provider: Literal["local"] | CloudName | None, path: Path) -> CheckedJob:
    """As ``check_job``, for a job that ``provider`` is to make, whatever its file says; None: as that says.
    This machine says itself what it cannot do."""
    checked = check_files(path)
    if provider == "local" or (provider is None and checked.spec.provider == "local"):
        return checked
    if provider is not None:
        checked = _of_provider(checked, provider)
    _refuse_unsupported(checked.file)
    return checked


def _refuse_this_machine(file: JobFile) -> None:
    if file.spec.provider == "local":
        raise NotSupportedError(
            f"Job '{file.spec.name}' is one of this machine (provider: local): it has no stack to plan or "
            "to apply.",
            where={"file": str(file.path), "job": file.spec.name, "provider": "local"},
            next_step=f"`runctl up {file.path}` shows what it would make, asks, and makes it.",
        )


def _of_provider(checked: CheckedJob, provider: CloudName) -> CheckedJob:
    if checked.spec.region == NO_REGION:
        raise UsageError(
            f"Job '{checked.spec.name}' is written for this machine: it names no region of {provider}.",
            where={"file": str(checked.file.path), "field": "region"},
            next_step="Add region to the file, such as region: us-east-1.",
        )
    spec = checked.spec
    if provider in spec.providers:
        spec = seen_by(spec, provider)
    else:
        spec = spec.model_copy(update={"provider": provider, "providers": (), "provider_order": "listed"})
    return replace(checked, file=replace(checked.file, spec=spec))


def check_loaded(file: JobFile) -> CheckedJob:
    """As ``check_job``, for a job file that was read before."""
    checked = _with_work_folder(file)
    _refuse_this_machine(file)
    _refuse_unsupported(checked.file)
    return checked


def _refuse_unsupported(file: JobFile) -> None:
    refused = unsupported(file.spec)
    if refused:
        raise NotSupportedError(
            f"Job '{file.spec.name}' asks for what is not supported yet: "
            + "; ".join(str(each) for each in refused)
            + ".",
            where={"file": str(file.path), "job": file.spec.name},
            next_step="Remove or replace the named fields.",
        )
