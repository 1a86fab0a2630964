"""The policy pack that runctl runs, its own always: where it lies, and what the project has set it to."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from runctl_auto.engine.policy_base import tightened
from runctl_auto.engine.project_policies import as_pulumi_reads_it, read_project_policies
from runctl_auto.errors import PolicyViolationError, SettingsError
from runctl_auto.local.private_folder import read_private, replace_private
from runctl_auto.local.project import ProjectFolders
from runctl_auto.settings.checkout import settings_of_checkout
from runctl_auto.settings.schema import PolicySettings, Settings


@dataclass(frozen=True)
class PackInForce:
    """A policy pack's ``folder`` and its configuration, a JSON file; ``notes`` for the plan."""

    folder: Path
    config: Path
    notes: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Of the rules themselves and of what the project has set them to."""
        digest = hashlib.sha256(self.config.read_bytes())
        for file in sorted(self.folder.glob("*.py")):
            digest.update(b"\0" + file.name.encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()


def own_pack() -> Path:
    """The folder of the pack that runctl carries, in a checkout and installed alike."""
    return Path(__file__).resolve().parents[2] / "policies"


def pack_in_force(settings: PolicySettings, folders: ProjectFolders) -> PackInForce:
    """The pack with the project's ``policies.yaml``, as strict as ``settings.base`` at least, written out for
    the engine into the project's private folder. Raises SettingsError when a file is wrong."""
    policies = read_project_policies(folders.root / settings.file)
    name, notes = "policies.json", tuple[str, ...]()
    if settings.base is not None:
        base = _base(settings.base)
        policies, notes = tightened(read_project_policies(_policies_file(base)), policies)
        name = "policies-with-base.json"
    config, text = folders.make_private() / name, as_pulumi_reads_it(policies)
    if read_private(config) != text:
        replace_private(config, text)
    return PackInForce(own_pack(), config, notes)


def held_to_base(settings: Settings) -> Settings:
    """The settings with what a project may not loosen as the base has it: what is protected, whether policies
    may be skipped, and what bounds a machine's permissions. A base that is a file says nothing of these.

    Raises SettingsError when the base does not exist, or its settings are wrong.
    """
    if settings.policies.base is None:
        return settings
    base = _base(settings.policies.base)
    if not base.is_dir():
        return settings
    held = settings_of_checkout(base)
    policies = settings.policies.model_copy(
        update={
            "allow_skip": settings.policies.allow_skip and held.policies.allow_skip,
            "protected": tuple(dict.fromkeys((*held.policies.protected, *settings.policies.protected))),
        }
    )
    boundary = held.aws.permissions_boundary or settings.aws.permissions_boundary
    aws = settings.aws.model_copy(update={"permissions_boundary": boundary})
    return settings.model_copy(update={"policies": policies, "aws": aws})


def refuse_to_skip(settings: PolicySettings) -> None:
    """Raises PolicyViolationError unless the settings permit to go without policies."""
    if not settings.allow_skip:
        raise PolicyViolationError(
            "The settings do not permit --no-policy.",
            where={"setting": "policies.allow_skip"},
            next_step="Go without the option, or set allow_skip = true in [policies] of .runctl.toml.",
        )


def _base(named: Path) -> Path:
    base = named.expanduser().absolute()
    if not base.exists():
        raise SettingsError(
            "The base of the policies does not exist.",
            where={"setting": "policies.base", "path": str(base)},
            next_step="Name a checkout of the project, or a file such as policies.yaml.",
        )
    return base


def _policies_file(base: Path) -> Path:
    return base / settings_of_checkout(base).policies.file if base.is_dir() else base
