"""Changes a setting in its file, preserving comments and formatting; writes only valid settings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, get_origin

import tomlkit
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from runctl_auto.errors import FieldProblem, SettingsError
from runctl_auto.local.atomic_file import replace_file
from runctl_auto.local.printable import shortened
from runctl_auto.settings.layers import settings_error
from runctl_auto.settings.schema import SettingPath, setting_fields
from runctl_auto.settings.sources import check_settings_text, read_settings_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def set_setting(file: Path, path: SettingPath, text: str, *, project: Path | None = None) -> None:
    """Writes the value of ``text`` at ``path`` to ``file``, which need not exist.

    ``project`` is the folder of the project whose file it is, None for the person's own. The write is atomic.
    Raises ``SettingsError`` when the value is not allowed or the file would not be valid.
    """
    value = _meaning(path, text)
    _rewrite(file, lambda document: _put(document, path, value), path, value, project)


def add_to_list(file: Path, path: SettingPath, entry: str) -> bool:
    """Adds ``entry`` to the list at ``path`` in the person's ``file``; False when it was there. Raises
    ``SettingsError``."""
    held = _flat(tomllib.loads(_valid_text(file, None))).get(path, [])
    entries = [*held, entry] if isinstance(held, list) else [entry]
    if isinstance(held, list) and entry in held:
        return False
    _rewrite(file, lambda document: _put(document, path, entries), path, entries, None)
    return True


def unset_setting(file: Path, path: SettingPath, *, project: Path | None = None) -> bool:
    """Removes ``path`` from ``file``; False when it was not there. Raises ``SettingsError``."""
    if not _holds(tomllib.loads(_valid_text(file, project)), path):
        return False
    _rewrite(file, lambda document: _take_out(document, path), path, None, project)
    return True


def _meaning(path: SettingPath, text: str) -> Any:
    """The value of ``text`` for this setting, in TOML's types."""
    info = dict(setting_fields())[path]
    kind: Any = info.annotation
    given: Any = text
    if get_origin(kind) is tuple:
        given = _listed(text)
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        return to_jsonable_python(adapter.validate_python(given))
    except ValidationError:
        problem = FieldProblem(
            "config",
            None,
            None,
            ".".join(path),
            "has no such value",
            found=shortened(json.dumps(text, ensure_ascii=False)),
            allowed=info.description,
        )
        raise settings_error([problem]) from None


def _listed(text: str) -> list[Any]:
    """``["a", "b"]`` or ``a,b``."""
    if text.lstrip().startswith("["):
        try:
            found: list[Any] = json.loads(text)
            return found
        except (ValueError, RecursionError):
            return [text]
    return [each.strip() for each in text.split(",") if each.strip()]


def _rewrite(
    file: Path,
    change: Callable[[tomlkit.TOMLDocument], None],
    path: SettingPath,
    value: object,
    project: Path | None,
) -> None:
    before = _valid_text(file, project)
    document = tomlkit.parse(before)
    change(document)
    after = tomlkit.dumps(document)
    check_settings_text(str(file), after, of_project=project is not None)
    _require_nothing_else_changed(file, before, after, path, value)
    _replace(file, after)


def _valid_text(file: Path, project: Path | None) -> str:
    text = read_settings_text(file, within=project)
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise settings_error([FieldProblem(str(file), None, None, "", f"not TOML: {error}")]) from error
    return text


def _put(document: tomlkit.TOMLDocument, path: SettingPath, value: Any) -> None:
    target: Any = document
    for key in path[:-1]:
        if key not in target:
            target[key] = tomlkit.table()
        target = target[key]
        if not isinstance(target, MutableMapping):
            return  # not a table: reported by the validation of the whole file
    target[path[-1]] = value


def _take_out(document: tomlkit.TOMLDocument, path: SettingPath) -> None:
    target: Any = document
    for key in path[:-1]:
        target = target[key]
    del target[path[-1]]


def _require_nothing_else_changed(
    file: Path, before: str, after: str, path: SettingPath, value: object
) -> None:
    """Verifies the edit with a different parser than the one that made it."""
    expected, found = _flat(tomllib.loads(before)), _flat(tomllib.loads(after))
    expected.pop(path, None)
    if value is not None:
        expected[path] = value
    if expected != found:
        raise SettingsError(
            "The file is written in a way that cannot be edited without touching more than was asked.",
            where={"file": str(file), "setting": ".".join(path)},
            next_step="Change it in an editor; `runctl config validate` checks it.",
        )


def _flat(values: dict[str, Any], above: SettingPath = ()) -> dict[SettingPath, Any]:
    found: dict[SettingPath, Any] = {}
    for key, value in values.items():
        path = (*above, key)
        found |= _flat(value, path) if isinstance(value, dict) else {path: value}
    return found


def _holds(values: Any, path: SettingPath) -> bool:
    return path in _flat(values)


def _replace(file: Path, text: str) -> None:
    try:
        replace_file(file, text)
    except OSError as error:
        raise SettingsError(
            f"The settings file cannot be written: {error.strerror or error}", where={"file": str(file)}
        ) from error
