"""The settings file of a stack, ``Pulumi.<job>.yaml``: read and written without an engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from runctl_auto.errors import EngineError
from runctl_auto.local.project import PROJECT_NAME, ProjectFolders

BACKEND_KEY = f"{PROJECT_NAME}:backend"
"""Configuration key that names the backend to which the settings file belongs."""

_KNOWN_SETTINGS = frozenset({"config", "encryptionsalt", "encryptedkey", "secretsprovider"})


def settings_file(workspace: Path, job: str) -> Path:
    """The path of the settings file of a job's stack: beside ``Pulumi.yaml``."""
    return workspace / f"Pulumi.{job}.yaml"


def read_config(file: Path) -> dict[str, str]:
    """runctl's plain values by full key; empty without a file. Raises ``EngineError`` for an invalid one."""
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
        if key.startswith(prefix) and not _is_encrypted(value)
    }


def write_config(file: Path, values: Mapping[str, str]) -> bool:
    """Writes plain values to the settings file without an engine; False when it contains more than runctl's
    own settings, which only the engine may rewrite.
    """
    import yaml

    settings = yaml.safe_load(file.read_text(encoding="utf-8")) or {} if file.exists() else {}
    config = settings.get("config") or {}
    is_plain = all(isinstance(value, str) or _is_encrypted(value) for value in config.values())
    if not is_plain or not _KNOWN_SETTINGS.issuperset(settings):
        return False
    _replace(file, {**settings, "config": {**config, **values}})
    return True


def encrypted_value(file: Path, key: str) -> str | None:
    """The ciphertext under the full key ``key``; None when there is none."""
    import yaml

    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        value = (settings.get("config") or {}).get(key)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, AttributeError):
        return None
    return str(value["secure"]) if value is not None and _is_encrypted(value) else None


def put_encrypted_value(file: Path, key: str, ciphertext: str | None) -> None:
    """Restores an earlier ciphertext under ``key``; None removes the key."""
    import yaml

    settings = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    config = {name: value for name, value in (settings.get("config") or {}).items() if name != key}
    if ciphertext is not None:
        config[key] = {"secure": ciphertext}
    _replace(file, {**settings, "config": config})


def _is_encrypted(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"} and isinstance(value["secure"], str)


def _replace(file: Path, settings: Mapping[str, object]) -> None:
    import yaml

    beside = file.with_name(f".{file.name}.new")
    beside.write_text(yaml.safe_dump(dict(settings), width=1_000_000), encoding="utf-8")
    beside.replace(file)


def set_aside(file: Path, folders: ProjectFolders) -> None:
    """Moves the settings of another backend's stack to a backup folder, which keeps the latest per job."""
    folder = folders.make_private() / "other-settings"
    folder.mkdir(exist_ok=True)
    shutil.move(file, folder / file.name)
