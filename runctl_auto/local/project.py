"""Paths on the local machine: the project folder and runctl's folders in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROJECT_NAME = "runctl"
SETTINGS_FILE = ".runctl.toml"
_MARKS = (SETTINGS_FILE, ".runctl", ".git")
_NAME_LINE = re.compile(rf"^name:\s*['\"]?{PROJECT_NAME}['\"]?\s*(#.*)?$", re.MULTILINE)

_MAIN_LINE = re.compile(r"^main:\s*(?P<main>'[^']+'|\"[^\"]+\"|[^#\s]+)", re.MULTILINE)


@dataclass(frozen=True)
class ProjectFolders:
    """The folders of a project; none of them needs to exist yet."""

    root: Path

    @property
    def private(self) -> Path:
        """The private folder of runctl; mode 0700."""
        return self.root / ".runctl"

    @property
    def sandbox(self) -> Path:
        return self.private / "sandbox"

    @property
    def settings_file(self) -> Path:
        return self.root / SETTINGS_FILE

    def make_private(self) -> Path:
        """Creates the private folder, readable by its owner only. Idempotent."""
        self.private.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.private

    def workspace(self) -> Path:
        """Pulumi's workspace folder; its ``Pulumi.yaml`` is written if the project has none."""
        if _is_runctl_project(self.root / "Pulumi.yaml"):
            return self.root
        folder = self.make_private() / "pulumi"
        folder.mkdir(exist_ok=True)
        file = folder / "Pulumi.yaml"
        text = _project_file(installed_program())
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
        return folder


def program_of(workspace: Path) -> Path:
    """The folder of the program named by the ``Pulumi.yaml`` in ``workspace``."""
    found = _MAIN_LINE.search((workspace / "Pulumi.yaml").read_text(encoding="utf-8", errors="replace"))
    return (workspace / found.group("main").strip("'\"")).resolve() if found else workspace


def find_project(start: Path) -> ProjectFolders:
    """The nearest folder from ``start`` upwards that is marked as a project, else ``start`` itself."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if any((folder / mark).exists() for mark in _MARKS):
            return ProjectFolders(folder)
    return ProjectFolders(start)


def installed_program() -> Path:
    """The folder of the Pulumi program that was installed with runctl."""
    return Path(__file__).resolve().parents[2] / "stacks"


def _is_runctl_project(file: Path) -> bool:
    return file.is_file() and bool(_NAME_LINE.search(file.read_text(encoding="utf-8", errors="replace")))


def _project_file(main: Path) -> str:
    return (
        f"name: {PROJECT_NAME}\n"
        "description: A training environment per stack, declared from its job file\n"
        f"main: {main}\n"
        "runtime:\n"
        "  name: python\n"
    )
