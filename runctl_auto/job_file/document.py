"""Reads a user's YAML file, keeping the position of every value.

Only plain trees are read: tags and repeated keys are rejected, depth and size are bounded, aliases included,
and only regular files are opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from runctl_auto.errors import FieldProblem, JobFileError
from runctl_auto.job_file.plain_values import Location, PlainValues
from runctl_auto.job_file.yaml_tree import NotAPlainTreeError, Position, compose_tree
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.local.printable import shortened

MAX_BYTES = 64 * 1024
MAX_PROBLEMS = 50
NO_MAPPING = "is not a mapping of fields"

# Values that may be anything, secrets included, are never quoted in a message.
UNSPOKEN = frozenset({"env", "envs", "secrets"})

_PLAIN_KEY = re.compile(r"[\w./:@+=-]+")
_PART = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass
class JobDocument:
    """The values of a file, with the position and the source text of each (in quotes if it was quoted)."""

    file: str
    values: dict[str, Any]
    positions: dict[Location, Position] = field(default_factory=dict)
    texts: dict[Location, str] = field(default_factory=dict)
    origins: dict[Location, Location] = field(default_factory=dict)
    """Where the value at a location was written, if that is another location."""
    problems: Sequence[FieldProblem] = ()
    """Values in the file that are not plain."""
    unread: frozenset[Location] = frozenset()
    """Locations where None stands for a value that is not plain."""

    def written(self, location: Location) -> Location:
        """``location`` as written in the file."""
        for length in range(len(location), 0, -1):
            if location[:length] in self.origins:
                return self.origins[location[:length]] + location[length:]
        return location

    def position(self, location: Location) -> Position | None:
        """The position of ``location``, or of the nearest enclosing value that is in the file."""
        written = self.written(location)
        for length in range(len(written), -1, -1):
            if written[:length] in self.positions:
                return self.positions[written[:length]]
        return None

    def problem(
        self,
        location: Location,
        message: str,
        *,
        found: str | None = None,
        allowed: str | None = None,
        nearest: str | None = None,
    ) -> FieldProblem:
        """The problem at ``location``, with its position in the file."""
        position = self.position(location)
        return FieldProblem(
            file=self.file,
            line=position.line if position else None,
            column=position.column if position else None,
            field=field_name(location),
            message=message,
            found=found,
            allowed=allowed,
            nearest=nearest,
        )


def read_job_document(path: Path, defaults: Mapping[str, Any] | None = None) -> JobDocument:
    """The document at ``path``; ``defaults`` fill top-level keys that it omits.

    Values that are not plain are among its ``problems``. Raises JobFileError when the file as a whole cannot
    be read as a plain mapping.
    """
    file = str(path)
    try:
        root = _mapping(compose_tree(_decoded(read_plain_file(path, MAX_BYTES))))
    except NotAPlainFileError as error:
        raise _unreadable(
            FieldProblem(file, None, None, "", error.complaint, allowed=error.allowed),
            "`runctl init` writes a job file." if isinstance(error.__cause__, FileNotFoundError) else None,
        ) from error
    except NotAPlainTreeError as error:
        line, column = (error.position.line, error.position.column) if error.position else (None, None)
        raise _unreadable(
            FieldProblem(file, line, column, "", error.complaint, error.found, error.allowed)
        ) from error
    plain = PlainValues()
    values = plain.mapping(root, ())
    return JobDocument(
        file,
        {**(defaults or {}), **values},
        plain.positions,
        plain.texts,
        problems=_problems_of_faults(file, plain),
        unread=frozenset(fault.location for fault in plain.faults if fault.hides_value),
    )


def invalid_job_file(file: str, problems: Sequence[FieldProblem], *, more: int = 0) -> JobFileError:
    """The error for a file with ``problems``, of which the first fifty are listed, and ``more`` others."""
    told, count = len(problems[:MAX_PROBLEMS]), len(problems) + more
    return JobFileError(
        "the job file is not valid" + (f"; the first {told} of {count} problems:" if count > told else ""),
        problems=problems[:MAX_PROBLEMS],
        where={"file": file},
        next_step="Correct the named fields; `runctl schema` prints all that there are.",
    )


def field_name(location: Location) -> str:
    """``volumes[0].mount`` for ("volumes", 0, "mount"); a key that is not a plain word is quoted."""
    name = ""
    for part in location:
        if isinstance(part, int):
            name += f"[{part}]"
            continue
        key = shortened(part) if _PLAIN_KEY.fullmatch(part) else repr(shortened(part))
        name += f".{key}" if name else key
    return name


def location_of(field: str) -> Location:
    """The inverse of ``field_name``; for plain words only."""
    return tuple(int(index) if index else name for index, name in _PART.findall(field))


def is_unspoken(location: Location) -> bool:
    """Whether the value at ``location`` must not be quoted in a message."""
    return len(location) > 1 and location[0] in UNSPOKEN


def _unreadable(problem: FieldProblem, next_step: str | None = None) -> JobFileError:
    return JobFileError(
        "the job file cannot be read", problems=[problem], where={"file": problem.file}, next_step=next_step
    )


def _mapping(root: yaml.Node | None) -> yaml.MappingNode:
    if isinstance(root, yaml.MappingNode) and root.tag == "tag:yaml.org,2002:map":
        return root
    complaint = "is empty" if root is None else NO_MAPPING
    raise NotAPlainTreeError(complaint, Position(1, 1), allowed="fields such as name: digits")


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        position = Position(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        raise NotAPlainTreeError(
            "is not UTF-8 text", position, found=f"the byte 0x{content[error.start]:02x}"
        ) from error


def _problems_of_faults(file: str, plain: PlainValues) -> list[FieldProblem]:
    return [
        FieldProblem(
            file=file,
            line=fault.position.line,
            column=fault.position.column,
            field=field_name(fault.location),
            message=fault.message,
            found=None if is_unspoken(fault.location) else fault.found,
        )
        for fault in plain.faults
    ]
