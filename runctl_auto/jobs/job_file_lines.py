"""Errors about a job, reported with the lines of its job file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runctl_auto.engine.violations import with_lines
from runctl_auto.errors import JobFileError, PolicyViolationError
from runctl_auto.job_file.job_file import JobFile


@contextmanager
def with_job_file_lines(file: JobFile) -> Iterator[None]:
    """Adds the lines of ``file`` to errors about its fields: policy violations, and what the cloud does not
    have."""
    try:
        yield
    except PolicyViolationError as error:
        raise with_lines(error, file) from None  # the engine's output adds nothing
    except JobFileError as error:
        raise file.with_line(error) from error.__cause__
