"""Files and folders that settings name: those that a project may decide about lie in the project."""

from __future__ import annotations

import os
from pathlib import Path

from runctl_auto.errors import FieldProblem
from runctl_auto.local.printable import shortened


def fault_of_home(project: Path, folder: Path) -> str | None:
    """What is wrong with ``folder`` as that of fetched artifacts, which needs to be one of its own: else they
    would be packaged with the code of the next run."""
    try:
        if project.resolve().is_relative_to(folder.resolve()):
            return "holds the project itself"
        existing = next(candidate for candidate in (folder, *folder.parents) if candidate.exists())
        return None if existing.is_dir() and os.access(existing, os.W_OK) else "not a writable folder"
    except OSError:  # the name is too long
        return "not a writable folder"


def problem_of_place(origin: str, key: str, fault: str, path: Path, allowed: str | None) -> FieldProblem:
    """The problem of a setting that ``origin`` set to ``path``."""
    return FieldProblem(origin, None, None, key, fault, found=shortened(str(path), 120), allowed=allowed)
