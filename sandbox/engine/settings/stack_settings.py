"""The settings file of a stack, `Pulumi.<stack>.yaml`: its secrets provider and its configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.engine.settings.config_key import ConfigKey, parse_key
from sandbox.engine.settings.config_path import (
    Accessor,
    ConfigPathError,
    delete_path,
    get_path,
    parse_path,
    set_path,
)
from sandbox.engine.settings.config_value import RawValue
from sandbox.engine.settings.documents import SettingsFileError, read_document, write_document


@dataclass
class StackSettings:
    """What is in the file; `document` holds everything else of it, so that it is kept."""

    file: Path
    config: dict[ConfigKey, RawValue] = field(default_factory=dict)
    encryption_salt: str | None = None
    secrets_provider: str | None = None
    document: dict[str, Any] = field(default_factory=dict)

    def get(self, key: ConfigKey, *, path: bool = False) -> tuple[bool, RawValue]:
        """Whether the key (or the path that its name is) has a value, and which."""
        if not path:
            return key in self.config, self.config.get(key)
        root, accessors = split_path(key)
        if root not in self.config:
            return False, None
        return get_path(self.config[root], accessors)

    def set(self, key: ConfigKey, value: RawValue, *, path: bool = False) -> None:
        """Sets a key, or with `path` the place in a structure that its name describes."""
        if not path:
            self.config[key] = value
            return
        root, accessors = split_path(key)
        if not accessors:
            self.config[root] = value
            return
        try:
            self.config[root] = set_path(self.config.get(root), accessors, value)
        except ConfigPathError as error:
            text = str(error)
            raise ConfigPathError(f"{root.name}.{text}" if text[:1] != "[" else root.name + text) from error

    def remove(self, key: ConfigKey, *, path: bool = False) -> None:
        """Removes a key or the place that it describes; nothing there is no error."""
        if not path:
            self.config.pop(key, None)
            return
        root, accessors = split_path(key)
        if not accessors:
            self.config.pop(root, None)
        elif root in self.config:
            self.config[root] = delete_path(self.config[root], accessors)

    def sorted_config(self) -> Iterator[tuple[ConfigKey, RawValue]]:
        """All values in the order of their keys."""
        for key in sorted(self.config):
            yield key, self.config[key]

    def save(self) -> None:
        """Writes the file; new keys come last, those that were there keep their place."""
        document = dict(self.document)
        _put(document, "secretsprovider", self.secrets_provider)
        _put(document, "encryptionsalt", self.encryption_salt)
        config = {str(key): value for key, value in self.config.items()}
        _put(document, "config", config or None)
        if not document and not self.file.exists():
            return
        write_document(self.file, document)
        self.document = document


def _put(document: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        document.pop(key, None)
    else:
        document[key] = value


def split_path(key: ConfigKey) -> tuple[ConfigKey, list[Accessor]]:
    """The key and the accessors within its value that a path key stands for."""
    try:
        accessors = parse_path(key.name)
    except ConfigPathError as error:
        raise ConfigPathError(f"invalid config key path: {error}") from error
    if not accessors or not isinstance(accessors[0], str) or not accessors[0]:
        raise ConfigPathError("first path segment of config key must be a string which is not empty")
    return ConfigKey(key.namespace, accessors[0]), accessors[1:]


def load_stack_settings(file: Path, project: str) -> StackSettings:
    """The settings in `file`; empty ones when there is no such file."""
    document = read_document(file) if file.exists() else {}
    if document.get("environment"):
        raise SettingsFileError(
            f"{file} imports environments, which need Pulumi Cloud: this engine does not support them"
        )
    config = document.get("config") or {}
    if not isinstance(config, dict):
        raise SettingsFileError(f"could not parse '{file}': 'config' must be a map")
    return StackSettings(
        file=file,
        config={_file_key(str(key), project): value for key, value in config.items()},
        encryption_salt=document.get("encryptionsalt"),
        secrets_provider=document.get("secretsprovider"),
        document=document,
    )


def _file_key(text: str, project: str) -> ConfigKey:
    return parse_key(text) if ":" in text else ConfigKey(project, text)
