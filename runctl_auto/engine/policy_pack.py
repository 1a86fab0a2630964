"""The policy pack that runctl runs: where it lies, and what the project has set it to."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.engine.project_policies import as_pulumi_reads_it, read_project_policies
from runctl_auto.errors import PolicyViolationError
from runctl_auto.local.project import ProjectFolders
from runctl_auto.settings.schema import PolicySettings


@dataclass(frozen=True)
class PackInForce:
    """A policy pack's ``folder`` and its configuration, a JSON file."""

    folder: Path
    config: Path


def own_pack() -> Path:
    """The folder of the pack that runctl carries, in a checkout and installed alike."""
    return Path(__file__).resolve().parents[2] / "policies"


def pack_in_force(settings: PolicySettings, folders: ProjectFolders) -> PackInForce:
    """The pack with the project's ``policies.yaml``, written out for the engine into the project's private
    folder. Raises SettingsError when the file is wrong."""
    text = as_pulumi_reads_it(read_project_policies(folders.root / settings.file))
    config = folders.make_private() / "policies.json"
    _write(config, text)
    return PackInForce(own_pack(), config)


def refuse_to_skip(settings: PolicySettings) -> None:
    """Raises PolicyViolationError unless the settings permit to go without policies."""
    if not settings.allow_skip:
        raise PolicyViolationError(
            "The settings do not permit --no-policy.",
            where={"setting": "policies.allow_skip"},
            next_step="Go without the option, or set allow_skip = true in [policies] of .runctl.toml.",
        )


def _write(file: Path, text: str) -> None:
    """Whole or not at all: another command may read it meanwhile."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".policies-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(name).replace(file)
