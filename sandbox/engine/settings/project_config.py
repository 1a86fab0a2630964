"""Configuration that a project file declares: defaults, required keys and their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.engine.settings.config_key import ConfigKey, parse_key
from sandbox.engine.settings.config_value import RawValue, is_secure
from sandbox.engine.settings.documents import SettingsFileError
from sandbox.engine.settings.project import Project
from sandbox.engine.settings.stack_settings import split_path

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": (str, int, float, bool),
    "integer": int,
    "boolean": bool,
    "array": list,
    "object": dict,
}


def declared_values(project: Project, config: Mapping[ConfigKey, RawValue]) -> dict[ConfigKey, RawValue]:
    """`config` with the project's defaults for the keys that it lacks."""
    merged = dict(config)
    for name, declaration in _declarations(project):
        key = _key(project, name)
        value = declaration.get("default", declaration.get("value"))
        if key not in merged and value is not None:
            merged[key] = value if isinstance(value, (list, dict)) else _text(value)
    return merged


def check_declared(project: Project, stack: str, config: Mapping[ConfigKey, RawValue]) -> None:
    """Raises SettingsFileError when a declared key is missing, unencrypted or of another type."""
    missing = []
    for name, declaration in _declarations(project):
        key = _key(project, name)
        if key in config:
            _check_value(stack, name, declaration, config[key])
        elif key.namespace == project.name:
            missing.append(name)
    if missing:
        names = [f"'{name}'" for name in missing]
        listing = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
        noun = "value" if len(names) == 1 else "values"
        raise SettingsFileError(f"Stack '{stack}' is missing configuration {noun} {listing}")


def _declarations(project: Project) -> list[tuple[str, Mapping[str, Any]]]:
    return [
        (str(name), value if isinstance(value, dict) else {"value": value})
        for name, value in sorted(project.config.items())
    ]


def _key(project: Project, name: str) -> ConfigKey:
    key = parse_key(name) if ":" in name else ConfigKey(project.name, name)
    return split_path(key)[0]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_value(stack: str, name: str, declaration: Mapping[str, Any], value: RawValue) -> None:
    if "type" not in declaration:
        return
    if declaration.get("secret") and not is_secure(value):
        raise SettingsFileError(
            f"Stack '{stack}' with configuration key '{name}' must be encrypted as it's secret"
        )
    if is_secure(value) or _fits(declaration["type"], value):
        return
    raise SettingsFileError(
        f"Stack '{stack}' with configuration key '{name}' must be of type '{declaration['type']}'"
    )


def _fits(type_name: str, value: RawValue) -> bool:
    if type_name == "boolean" and isinstance(value, str):
        return value in ("true", "false")
    if type_name == "integer" and isinstance(value, str):
        return value.lstrip("+-").isdigit()
    if type_name == "integer" and isinstance(value, bool):
        return False
    expected = _TYPES.get(type_name)
    return expected is None or isinstance(value, expected)
