"""Loads a job file: from a path to a validated ``JobFile``."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import isfile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runctl_auto.errors import FieldProblem
from runctl_auto.job_file.consistency import contradictions
from runctl_auto.job_file.document import JobDocument, invalid_job_file, read_job_document
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.job_file.other_names import in_our_names
from runctl_auto.job_file.problems import in_order, problems_of_contradictions, problems_of_validation
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.local.project import left_by_link


def load_job_file(
    path: Path, *, defaults: Mapping[str, Any] | None = None, read: JobDocument | None = None
) -> JobFile:
    """The job file at ``path``. ``defaults`` (from settings) fill top-level fields that the file omits.
    ``read`` is the document at ``path`` if it was read before.

    Raises JobFileError with all ``problems``, each with its position in the file; also for a link that leads
    out of the project: messages quote what a file holds.
    """
    is_file = isfile(path)  # noqa: PTH113 - Path's own raises for a name that is too long
    project = left_by_link(path) if is_file else None
    if project is not None:
        complaint = f"is reached by a link that leads out of the project {project}"
        problem = FieldProblem(str(path), None, None, "", complaint)
        raise invalid_job_file(str(path), [problem])
    return _validated(path, read or read_job_document(path, defaults))


def job_file_of_values(values: Mapping[str, Any], path: Path) -> JobFile:
    """The job file that would hold ``values`` at ``path``, where no file need be; folders that it names are
    relative to that.

    Raises JobFileError with all ``problems``, none of which has a line.
    """
    return _validated(path, JobDocument(path.name, dict(values)))


def _validated(path: Path, read: JobDocument) -> JobFile:
    translated = in_our_names(read)
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
    return JobFile(path, spec, document)
