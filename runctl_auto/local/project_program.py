"""Which program a project's own ``Pulumi.yaml`` makes the engine run.

Not only ``main`` decides that: ``plugins``, ``packages``, options of the runtime and the files beside the
program do, too. A file that says anything but what runctl itself writes there is therefore another program's.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file

PROJECT_NAME = "runctl"
PROJECT_FILE = "Pulumi.yaml"
OTHER_PROJECT_FILES = ("Pulumi.json", "Pulumi.yml")
"""Names that the engine takes for a project file as well, and may prefer."""
_MAX_BYTES = 64 * 1024
_NAME_LINE = re.compile(rf"^name:\s*['\"]?{PROJECT_NAME}['\"]?\s*(#.*)?$", re.MULTILINE)
_MAIN_LINE = re.compile(r"^main:\s*(?P<main>'[^']+'|\"[^\"]+\"|[^#\s]+)", re.MULTILINE)
_OWN_LINES = tuple(
    re.compile(pattern)
    for pattern in (
        r"",
        rf"name: {PROJECT_NAME}",
        r"description: [A-Za-z][\w ,.-]*",
        r"main: [\w./@+-]+",
        r"runtime:( python)?",
        r"  name: python",
    )
)
"""The only lines of a file for runctl's own program. Nothing in them can begin a text of several lines, so
that they mean the same to every reader of YAML."""


@dataclass(frozen=True)
class ForeignProgram:
    """A program that is not runctl's own: the ``folder`` that ``file`` names, or its own folder."""

    folder: Path
    file: Path


def is_runctl_project(root: Path) -> bool:
    """Whether ``root`` holds a ``Pulumi.yaml`` of the project ``runctl``."""
    return bool(_NAME_LINE.search(_text(root)))


def program_of(workspace: Path) -> Path:
    """The folder of the program named by the ``Pulumi.yaml`` in ``workspace``."""
    found = _MAIN_LINE.search(_text(workspace))
    return (workspace / found.group("main").strip("'\"")).resolve() if found else workspace


def foreign_program(root: Path, own: Path) -> ForeignProgram | None:
    """The program that the engine would run for the project in ``root``; None when it is ``own``, the one
    installed with runctl."""
    if not is_runctl_project(root):
        return None
    lines = [line.rstrip(" \r") for line in _text(root).split("\n")]
    program = program_of(root)
    is_plain = all(any(own_line.fullmatch(line) for own_line in _OWN_LINES) for line in lines)
    keys = [line.partition(":")[0] for line in lines if line]
    is_alone = not any(os.path.lexists(root / name) for name in OTHER_PROJECT_FILES)
    if is_plain and is_alone and len(keys) == len(set(keys)) and program == own.resolve():
        return None
    return ForeignProgram(program, root / PROJECT_FILE)


def _text(folder: Path) -> str:
    """The project file's text, empty without one; one that cannot be read belongs to no project of runctl."""
    try:
        return read_plain_file(folder / PROJECT_FILE, _MAX_BYTES).decode("utf-8", errors="replace")
    except NotAPlainFileError:
        return ""
