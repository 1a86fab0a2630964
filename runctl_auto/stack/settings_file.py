"""The settings file of a stack, ``Pulumi.<job>.yaml``: read and written without an engine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from runctl_auto.errors import EngineError, UntrustedError
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.local.private_folder import replace_private
from runctl_auto.local.project import PROJECT_NAME, ProjectFolders
from runctl_auto.stack.plain_settings import plain_values

BACKEND_KEY = f"{PROJECT_NAME}:backend"
"""Configuration key that names the backend to which the settings file belongs."""

_MAX_BYTES = 4 * 1024 * 1024
_HARMLESS = frozenset({"aws:region", "aws:defaultTags", "aws:ignoreTags", "aws:maxRetries"})
_KNOWN_SETTINGS = frozenset({"config", "encryptionsalt", "encryptedkey", "secretsprovider"})


def settings_file(workspace: Path, job: str) -> Path:
    """The path of the settings file of a job's stack: beside ``Pulumi.yaml``."""
    return workspace / f"Pulumi.{job}.yaml"


def read_config(file: Path) -> dict[str, str]:
    """runctl's plain values by full key; empty without a file. Raises ``EngineError`` for an invalid one."""
    prefix = f"{PROJECT_NAME}:"
    try:
        text = _text(file)
        values = plain_values(text, prefix)
        return _parsed(text, prefix, file) if values is None else values
    except UnicodeDecodeError as error:
        raise _unreadable(file, error) from error


def _parsed(text: str, prefix: str, file: Path) -> dict[str, str]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        settings = yaml.load(text, loader) or {}  # noqa: S506 - a safe one
        config = dict(settings.get("config") or {})
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise _unreadable(file, error) from error
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in config.items()
        if key.startswith(prefix) and not _is_encrypted(value)
    }


def _unreadable(file: Path, error: Exception) -> EngineError:
    return EngineError(
        f"The stack's settings cannot be read: {error}",
        where={"file": str(file)},
        next_step="Remove it; the next command takes the settings back from the stack's history.",
    )


def write_config(file: Path, values: Mapping[str, str]) -> bool:
    """Writes plain values to the settings file without an engine; False when it contains more than runctl's
    own settings, which only the engine may rewrite.
    """
    import yaml

    settings = yaml.safe_load(_text(file)) or {}
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
        settings = yaml.safe_load(_text(file)) or {}
        value = (settings.get("config") or {}).get(key)
    except (EngineError, yaml.YAMLError, UnicodeDecodeError, AttributeError):
        return None
    return str(value["secure"]) if value is not None and _is_encrypted(value) else None


def put_encrypted_value(file: Path, key: str, ciphertext: str | None) -> None:
    """Restores an earlier ciphertext under ``key``; None removes the key."""
    import yaml

    settings = yaml.safe_load(_text(file)) or {}
    config = {name: value for name, value in (settings.get("config") or {}).items() if name != key}
    if ciphertext is not None:
        config[key] = {"secure": ciphertext}
    _replace(file, {**settings, "config": config})


def refuse_redirecting(file: Path, secrets_provider: str) -> None:
    """Raises ``UntrustedError`` when the settings file, which lies in the project, makes the engine use
    another key service than the settings' ``secrets_provider``, or other addresses of a cloud."""
    import yaml

    settings = yaml.safe_load(_text(file)) or {}
    named = settings.get("secretsprovider") or "passphrase"
    keys = [str(key) for key in settings.get("config") or {}]
    redirecting = [key for key in keys if key.startswith("aws:") and key not in _HARMLESS]
    if named not in ("passphrase", "default", secrets_provider):
        fault = f"encrypts with {named}, not with {secrets_provider} as your settings say"
    elif redirecting:
        fault = f"sets {redirecting[0]}, which could send your credentials elsewhere"
    else:
        return
    raise UntrustedError(
        f"The stack's settings in {file} are not used: the file {fault}.",
        where={"file": str(file)},
        next_step="Remove it, and the settings are taken back from the stack's history; or set "
        "engine.secrets_provider.",
    )


def _text(file: Path) -> str:
    """The file's text, empty without one. Raises ``EngineError`` for what is not a plain file, also for a
    link: the engine would write through it."""
    try:
        return read_plain_file(file, _MAX_BYTES, follow=False).decode("utf-8")
    except NotAPlainFileError as error:
        if not os.path.lexists(file):
            return ""
        raise EngineError(
            f"The stack's settings are not read: {file} {error}.",
            where={"file": str(file)},
            next_step="Remove it; the next command takes the settings back from the stack's history.",
        ) from error


def _is_encrypted(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"} and isinstance(value["secure"], str)


def _replace(file: Path, settings: Mapping[str, object]) -> None:
    import yaml

    replace_private(file, yaml.safe_dump(dict(settings), width=1_000_000))


def set_aside(file: Path, folders: ProjectFolders) -> None:
    """Moves the settings of another backend's stack to a backup folder, which keeps the latest per job."""
    folder = folders.make_private("other-settings")
    shutil.move(file, folder / file.name)
