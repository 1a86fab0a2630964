"""The job file: from a path to a validated ``JobSpec``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runctl_auto.errors import JobFileError
from runctl_auto.job_file.consistency import contradictions
from runctl_auto.job_file.document import JobDocument, invalid_job_file, location_of, read_job_document
from runctl_auto.job_file.other_names import in_our_names
from runctl_auto.job_file.plain_values import Location
from runctl_auto.job_file.problems import in_order, problems_of_contradictions, problems_of_validation
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.job_file.support import Unsupported, unsupported
from runctl_auto.local.printable import shortened
from runctl_auto.local.project import find_project

__all__ = [
    "JobSpec",
    "Unsupported",
    "load_job",
    "places_in",
    "told_at_its_line",
    "unsupported",
    "work_folder",
]


def load_job(path: Path, *, defaults: Mapping[str, Any] | None = None) -> JobSpec:
    """The job at ``path``. ``defaults`` (from settings) fill top-level fields that the file leaves out.

    Raises JobFileError whose ``problems`` are all that is wrong, each with its place in the file.
    """
    translated = in_our_names(read_job_document(path, defaults))
    document = translated.document
    read_problems = [*document.problems, *translated.problems]
    try:
        spec = JobSpec.model_validate(document.values)
    except ValidationError as error:
        problems, more = problems_of_validation(document, error, translated.undecided)
        raise invalid_job_file(document.file, in_order([*read_problems, *problems]), more=more) from None
    problems = in_order([*read_problems, *problems_of_contradictions(document, contradictions(spec))])
    if problems:
        raise invalid_job_file(document.file, problems)
    return spec


def places_in(path: Path) -> JobDocument:
    """Where in the job file at ``path`` each field stands, whatever name it has there.

    Raises JobFileError when the file cannot be read.
    """
    return in_our_names(read_job_document(path)).document


def told_at_its_line(error: JobFileError, path: Path) -> JobFileError:
    """``error`` with the line of the job file at ``path`` where the field stands that it names.

    For what the cloud answers about a field: an image that does not exist. Others are returned as they are.
    """
    field = error.where.get("field")
    if error.problems or field is None:
        return error
    try:
        document = places_in(path)
    except JobFileError:  # it was read before, and has changed since
        return error
    location = location_of(field)
    value = _value_at(document.values, location)
    found = shortened(str(value)) if isinstance(value, (str, int, float)) else None
    return JobFileError(
        error.what,
        problems=[document.problem(location, "is at fault", found=found)],
        where={**error.where, "file": document.file},
        next_step=error.next_step,
    )


def _value_at(values: object, location: Location) -> object:
    """What stands there; None when nothing does."""
    for part in location:
        try:
            values = values[part]  # type: ignore[index]
        except (LookupError, TypeError):
            return None
    return values


def work_folder(path: Path, spec: JobSpec) -> Path:
    """The folder that travels to the machine: ``workdir``, relative to the job file at ``path``.

    A job file may be another person's: it names folders of its own project only. Raises JobFileError for
    any other, and for what is no folder.
    """
    project = find_project(path.parent).root
    try:
        folder = (path.parent / Path(spec.workdir).expanduser()).resolve()
        is_folder = folder.is_dir()
    except (OSError, RuntimeError):  # too long a name, links that turn in circles, ~nobody
        is_folder = False
    if not is_folder:
        raise _wrong_workdir(path, spec, "is not a folder", "a folder")
    if not folder.is_relative_to(project):
        raise _wrong_workdir(
            path,
            spec,
            "leads out of the project",
            f"a folder in {project}, the nearest with a .git, .runctl or .runctl.toml",
        )
    return folder


def _wrong_workdir(path: Path, spec: JobSpec, message: str, allowed: str) -> JobFileError:
    problem = read_job_document(path).problem(
        ("workdir",), message, found=shortened(spec.workdir), allowed=allowed
    )
    return invalid_job_file(str(path), [problem])
