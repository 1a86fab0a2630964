"""A job file, read once per command and passed as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.errors import FieldProblem, JobFileError
from runctl_auto.job_file.document import JobDocument, location_of
from runctl_auto.job_file.plain_values import Location
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.local.printable import shortened


@dataclass(frozen=True)
class JobFile:
    """The job described by the file at ``path``, and the position of each of its fields.

    ``document`` holds the positions under runctl's own field names. No method rereads the file: a line is
    that of the text from which ``spec`` was parsed.
    """

    path: Path
    spec: JobSpec
    document: JobDocument = field(repr=False)

    def line_of(self, name: str) -> int | None:
        """The line of the field ``name`` (``volumes[0].size``), or of the nearest enclosing field."""
        position = self.document.position(location_of(name))
        return position.line if position else None

    def problem(
        self, location: Location, message: str, *, found: str | None = None, allowed: str | None = None
    ) -> FieldProblem:
        """The problem at ``location``, with file, line and field."""
        return self.document.problem(location, message, found=found, allowed=allowed)

    def with_line(self, error: JobFileError) -> JobFileError:
        """``error`` with file and line of the field that its ``where`` names.

        For errors that are found outside the file, such as an image that does not exist in the cloud. An
        error that has its line already, or names no field, is returned unchanged.
        """
        name = error.where.get("field")
        if error.problems or name is None:
            return error
        location = location_of(name)
        value = _value_at(self.document.values, location)
        found = shortened(str(value)) if isinstance(value, (str, int, float)) else None
        return JobFileError(
            error.what,
            problems=[self.problem(location, "is at fault", found=found)],
            where={**error.where, "file": str(self.path)},
            next_step=error.next_step,
        )


def _value_at(values: object, location: Location) -> object:
    """The value at ``location``; None when there is none."""
    for part in location:
        try:
            values = values[part]  # type: ignore[index]
        except (LookupError, TypeError):
            return None
    return values
