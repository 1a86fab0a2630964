"""The job file: from a path to a validated ``JobSpec``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runctl_auto.errors import JobFileError
from runctl_auto.job.consistency import contradictions
from runctl_auto.job.document import read_job_document
from runctl_auto.job.problems import problems_of_contradictions, problems_of_validation
from runctl_auto.job.spec import JobSpec
from runctl_auto.job.support import Unsupported, unsupported

__all__ = ["JobSpec", "Unsupported", "load_job", "unsupported", "work_folder"]


def load_job(path: Path, *, defaults: Mapping[str, Any] | None = None) -> JobSpec:
    """The job at ``path``. ``defaults`` (from settings) fill top-level fields that the file leaves out.

    Raises JobFileError whose ``problems`` are all that is wrong, each with its place in the file.
    """
    document = read_job_document(path, defaults)
    try:
        spec = JobSpec.model_validate(document.values)
    except ValidationError as error:
        problems = problems_of_validation(document, error)
        raise JobFileError(
            "the job file is not valid", problems=problems, where={"file": document.file}
        ) from None
    problems = problems_of_contradictions(document, contradictions(spec))
    if problems:
        raise JobFileError("the job file is not valid", problems=problems, where={"file": document.file})
    return spec


def work_folder(path: Path, spec: JobSpec) -> Path:
    """The folder that travels to the machine: ``workdir``, relative to the job file at ``path``.

    Raises JobFileError when it is no folder.
    """
    folder = (path.parent / Path(spec.workdir).expanduser()).resolve()
    if not folder.is_dir():
        raise JobFileError(
            f"workdir is not a folder: {folder}", where={"file": str(path), "field": "workdir"}
        )
    return folder
