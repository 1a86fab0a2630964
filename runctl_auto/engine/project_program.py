"""Which program the engine runs: runctl's own, or a project's that the person trusts by name."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.errors import UntrustedError
from runctl_auto.local.project import ProjectFolders, installed_program
from runctl_auto.local.project_program import foreign_program
from runctl_auto.settings.schema import EngineSettings

VARIABLE = "RUNCTL_ENGINE_TRUSTED_PROGRAMS"


def program_in_force(settings: EngineSettings, folders: ProjectFolders) -> Path | None:
    """The folder of the program that runs in place of runctl's own; None when that one does.

    Raises ``UntrustedError`` for a program that the project's ``Pulumi.yaml`` names and the person's settings
    do not: it would run with the caller's credentials, and decide what a plan shows.
    """
    found = foreign_program(folders.root, installed_program())
    if found is None:
        return None
    if found.folder not in (each.expanduser().resolve() for each in settings.trusted_programs):
        raise UntrustedError(
            f"{found.file} makes the engine run {found.folder}, which is not runctl's own program. It would "
            "run with your credentials, and decide what the plan shows.",
            where={"file": str(found.file), "program": str(found.folder)},
            next_step=f"Read it. To let it run: {VARIABLE}={found.folder}, or the setting "
            "engine.trusted_programs in ~/.runctl.toml; without the file runctl's own program runs.",
        )
    return found.folder
