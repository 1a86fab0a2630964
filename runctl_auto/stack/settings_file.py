"""The settings file of a stack, ``Pulumi.<job>.yaml``: read and written without an engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from runctl_auto.errors import EngineError
from runctl_auto.project import PROJECT_NAME, ProjectFolders

BACKEND_KEY = f"{PROJECT_NAME}:backend"
"""Configuration key that names the backend which the settings file belongs to."""

_KNOWN_SETTINGS = frozenset({"config", "encryptionsalt", "encryptedkey", "secretsprovider"})


def settings_file(workspace: Path, job: str) -> Path:
    """Where the settings of a job's stack lie: beside ``Pulumi.yaml``."""
    return workspace / f"Pulumi.{job}.yaml"


def read_config(file: Path) -> dict[str, str]:
    """runctl's own values by full key; empty without a file. Raises ``EngineError`` for a broken one."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        settings = yaml.load(file.read_text(encoding="utf-8"), loader) or {}  # noqa: S506 - a safe one
        config = dict(settings.get("config") or {})
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError, ValueError) as error:
        raise EngineError(
            f"The stack's settings cannot be read: {error}",
            where={"file": str(file)},
            next_step="Remove it; the next command takes the settings back from the stack's history.",
        ) from error
    prefix = f"{PROJECT_NAME}:"
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
        if key.startswith(prefix)
    }


def write_config(file: Path, values: Mapping[str, str]) -> bool:
    """Writes plain values into the settings file without an engine; False when it holds more than runctl's
    own settings, which only the engine may rewrite."""
    import yaml

    settings = yaml.safe_load(file.read_text(encoding="utf-8")) or {} if file.exists() else {}
    config = settings.get("config") or {}
    is_plain = all(isinstance(value, str) for value in config.values())
    if not is_plain or not _KNOWN_SETTINGS.issuperset(settings):
        return False
    text = yaml.safe_dump({**settings, "config": {**config, **values}}, width=1_000_000)
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)
    return True


def set_aside(file: Path, folders: ProjectFolders) -> None:
    """Moves the settings of another backend's stack out of the way; the latest of each job is kept there."""
    folder = folders.make_private() / "other-settings"
    folder.mkdir(exist_ok=True)
    shutil.move(file, folder / file.name)
