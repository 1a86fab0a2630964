"""Paths on the local machine: the project folder and runctl's folders in it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.errors import UntrustedError
from runctl_auto.local.ownership import fault_of_owner
from runctl_auto.local.private_folder import (
    make_private_folder,
    make_subfolder,
    read_private,
    refuse_planted,
    replace_private,
)
from runctl_auto.local.project_program import OTHER_PROJECT_FILES, PROJECT_FILE, is_runctl_project
from runctl_auto.local.project_program import PROJECT_NAME as PROJECT_NAME  # noqa: PLC0414

SETTINGS_FILE = ".runctl.toml"
TRUSTED_FOLDERS_VARIABLE = "RUNCTL_TRUSTED_FOLDERS"
"""Project folders that are used although somebody else owns them, parted as in PATH."""
_MARKS = (SETTINGS_FILE, ".runctl", ".git")


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

    def make_private(self, *names: str) -> Path:
        """Creates the private folder, readable by its owner only, and in it the folder ``names``. Idempotent.

        Raises ``UntrustedError`` when one of them is a link, or somebody else's.
        """
        return make_subfolder(make_private_folder(self.private), *names)

    def refuse_planted(self) -> None:
        """Raises ``UntrustedError`` when the project brought the private folder, or links in it, with it."""
        refuse_planted(self.private)

    def workspace(self) -> Path:
        """Pulumi's workspace folder; its ``Pulumi.yaml`` is written if the project has none."""
        if is_runctl_project(self.root):
            return self.root
        folder = self.make_private("pulumi")
        for name in OTHER_PROJECT_FILES:
            if os.path.lexists(folder / name):
                raise UntrustedError(
                    f"The engine would take {folder / name} for the project.",
                    where={"path": str(folder / name)},
                    next_step="Remove it: runctl does not put it there.",
                )
        text = _project_file(installed_program())
        if read_private(folder / PROJECT_FILE) != text:
            replace_private(folder / PROJECT_FILE, text)
        return folder


def find_project(start: Path, environ: Mapping[str, str] = os.environ) -> ProjectFolders:
    """The project of ``start``: the nearest folder upwards that is marked as one, else ``start`` itself.

    Raises ``UntrustedError`` when somebody else than the caller and root owns the folder or one of its marks,
    or may write there, unless ``environ`` names the folder in RUNCTL_TRUSTED_FOLDERS.
    """
    root = project_around(start)
    trusted = environ.get(TRUSTED_FOLDERS_VARIABLE, "").split(os.pathsep)
    if root not in [Path(each).resolve() for each in trusted if each]:
        for path in (root, *_marks_in(root)):
            fault = fault_of_owner(path.lstat())
            if fault is not None:
                raise _somebody_elses(root, path, fault)
    return ProjectFolders(root)


def project_around(start: Path) -> Path:
    """The nearest folder from ``start`` upwards that is marked as a project, else ``start`` itself.

    Folders above ``start`` where every user may write, such as /tmp, are never projects. Who owns the folder
    is not looked at: it bounds what may be read, and says nothing about what may be trusted.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if _marks_in(folder) and (folder == start or not folder.stat().st_mode & stat.S_IWOTH):
            return folder
    return start


def leads_out(project: Path, path: Path) -> bool:
    """Whether ``path`` is outside the folder ``project``, also by a link on the way. Neither need exist."""
    try:
        resolved = path.resolve()
        inside = resolved.is_relative_to(project.resolve())
    except (OSError, RuntimeError):  # links form a loop, or the name is too long
        return True
    return not inside or _is_loop(resolved)  # Python 3.13 leaves a loop as it is


def left_by_link(file: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The project that a link on the way to ``file`` leads out of; None when no link does.

    Links outside of projects are the caller's own, also those in the home folder.
    """
    lexical = Path(os.path.abspath(file))  # noqa: PTH100 - resolve() would follow what is looked for
    for link in (lexical, *lexical.parents):
        is_link = os.path.islink(link)  # noqa: PTH114 - Path's own raises for a name that is too long
        if not is_link or _is_loop(link):
            continue
        project = project_around(link.parent)
        is_projects = link == lexical or (
            bool(_marks_in(project)) and str(project) != environ.get("HOME", "")
        )
        if is_projects and leads_out(project, link):
            return project
    return None


def _is_loop(link: Path) -> bool:
    try:
        link.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def installed_program() -> Path:
    """The folder of the Pulumi program that was installed with runctl."""
    return Path(__file__).resolve().parents[2] / "stacks"


def _marks_in(folder: Path) -> list[Path]:
    return [folder / mark for mark in _MARKS if os.path.lexists(folder / mark)]


def _somebody_elses(root: Path, path: Path, fault: str) -> UntrustedError:
    return UntrustedError(
        f"The project {root} is not used: {path} {fault}. Its settings and program would act for you.",
        where={"path": str(path)},
        next_step="Work in a folder of your own; if you trust everyone who can write there: "
        f"{TRUSTED_FOLDERS_VARIABLE}={root}",
    )


def _project_file(main: Path) -> str:
    return (
        f"name: {PROJECT_NAME}\n"
        "description: A training environment per stack, declared from its job file\n"
        f"main: {main}\n"
        "runtime:\n"
        "  name: python\n"
    )
