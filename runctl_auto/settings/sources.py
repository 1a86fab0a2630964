"""Sources of settings: defaults, the user's file, the project's file, environment, options.

Later ones take precedence. All are validated on load: every problem is reported at once, with file and line,
variable or option. A project's file may come from somebody else: what decides who gets the caller's
credentials is taken from it only as the caller confirms it (``settings.confirmation``).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from runctl_auto.errors import FieldProblem
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.local.printable import shortened
from runctl_auto.local.private_folder import refuse_foreign_file
from runctl_auto.local.project import SETTINGS_FILE, ProjectFolders, leads_out
from runctl_auto.settings.confirmation import (
    Unconfirmed,
    unconfirmed_error,
    value_at,
    wanting_confirmation,
    without,
)
from runctl_auto.settings.layers import (
    DEFAULT,
    Layer,
    Origin,
    environment_layer,
    layer_of_text,
    options_layer,
    settings_error,
)
from runctl_auto.settings.layers import variable_for as variable_for  # noqa: PLC0414
from runctl_auto.settings.places import fault_of_home, problem_of_place
from runctl_auto.settings.schema import SettingPath, Settings, setting_fields, setting_value

MAX_FILE_BYTES = 64 * 1024

_HOME = ("checkpoint", "directory")
_POLICIES = ("policies", "file")


@dataclass(frozen=True)
class SourcedSettings:
    """The effective settings, and the origin of each. ``unconfirmed`` are values of the project's file that
    are not in force."""

    settings: Settings
    origins: Mapping[SettingPath, Origin]
    unconfirmed: tuple[Unconfirmed, ...] = ()


def load_settings(
    folders: ProjectFolders, environ: Mapping[str, str], options: Mapping[SettingPath, object]
) -> Settings:
    """The effective settings; see ``load_sourced_settings``."""
    return load_sourced_settings(folders, environ, options).settings


def load_sourced_settings(
    folders: ProjectFolders,
    environ: Mapping[str, str],
    options: Mapping[SettingPath, object],
    *,
    leave_out_unconfirmed: bool = False,
) -> SourcedSettings:
    """The effective settings, with their origins.

    ``options`` maps paths such as ``("engine", "path")`` to values. Raises ``SettingsError`` with all
    problems; values of the project's file that want a confirmation are one, unless they are to be left out.
    """
    personal, project = _file_layers(folders, environ)
    above = [environment_layer(environ), options_layer(options)]
    layers = [each for each in (personal, project, *above) if each is not None]
    problems = [problem for layer in layers for problem in layer.problems()]
    if problems:
        raise settings_error(problems)
    unconfirmed = _unconfirmed(folders, personal, project, above)
    if unconfirmed and not leave_out_unconfirmed:
        raise unconfirmed_error(unconfirmed)
    left_out = [each.path for each in unconfirmed]
    merged: dict[str, Any] = {}
    origins = {path: DEFAULT for path, _ in setting_fields()}
    for layer in layers:
        hidden = left_out if layer.of_project else []
        _merge(merged, without(layer.values, hidden))
        known = (path for path in layer.origins if path in origins and path not in hidden)
        origins |= {path: layer.origins[path] for path in known}
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:  # between settings, each of which is valid
        file = str(folders.settings_file)
        found = [FieldProblem(file, None, None, "", _plain(each["msg"])) for each in error.errors()]
        raise settings_error(found) from error
    found = _problems_of_places(folders.root, settings, origins, project)
    if found:
        raise settings_error(found)
    return SourcedSettings(settings, origins, unconfirmed)


def settings_files(folders: ProjectFolders, environ: Mapping[str, str]) -> list[Path]:
    """The user's file and the project's, whether they exist or not; the latter takes precedence."""
    project = folders.settings_file
    personal = _personal_file(environ)
    return [*([personal] if personal and personal.resolve() != project.resolve() else []), project]


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Unknown variables with our prefix that resemble a valid one, each with that name."""
    ours = [variable_for(path) for path, _ in setting_fields()]
    found: dict[str, str] = {}
    for name in sorted(environ):
        if name.startswith("RUNCTL_") and name not in ours:
            for near in difflib.get_close_matches(name, ours, n=1, cutoff=0.85):
                found[name] = near
    return found


def check_settings_text(file: str, text: str, *, of_project: bool = False) -> None:
    """Raises ``SettingsError`` with all problems of ``text`` as the content of ``file``, which may be one
    ``of_project``."""
    layer = layer_of_text(file, text, of_project=of_project)
    problems = layer.problems()
    if problems:
        raise settings_error(problems)
    try:
        Settings.model_validate(layer.values)
    except ValidationError as error:
        found = [FieldProblem(file, None, None, "", _plain(each["msg"])) for each in error.errors()]
        raise settings_error(found) from error


def read_settings_text(file: Path, *, within: Path | None = None) -> str:
    """The text of a settings file, empty when it does not exist.

    Raises ``SettingsError``, also for a link that leads out of the folder ``within``.
    """
    if not os.path.lexists(file):
        return ""
    if within is not None and leads_out(within, file):
        complaint = "is a link that leads out of the project"
        raise settings_error([FieldProblem(str(file), None, None, "", complaint)])
    try:
        return read_plain_file(file, MAX_FILE_BYTES).decode("utf-8")
    except NotAPlainFileError as error:
        problem = FieldProblem(str(file), None, None, "", error.complaint, allowed=error.allowed)
        raise settings_error([problem]) from error
    except UnicodeDecodeError as error:
        raise settings_error([FieldProblem(str(file), None, None, "", "is not UTF-8 text")]) from error


def known_setting(key: str) -> SettingPath:
    """The path of the setting named ``key``. Raises ``SettingsError`` with the nearest name."""
    path = tuple(key.split("."))
    if path in dict(setting_fields()):
        return path
    keys = [".".join(each) for each, _ in setting_fields()]
    near = difflib.get_close_matches(key, keys, n=1) or [each for each in keys if each.endswith(f".{key}")]
    problem = FieldProblem(
        "config",
        None,
        None,
        shortened(key),
        "unknown setting",
        allowed=", ".join(keys),
        nearest=near[0] if near else None,
    )
    raise settings_error([problem])


def is_personal(file: Path, environ: Mapping[str, str]) -> bool:
    """Whether ``file`` holds the person's own settings: that of the home folder, unless a repository brought
    it there."""
    personal = _personal_file(environ)
    return personal is not None and file.resolve() == personal.resolve() and not _is_checkout(file.parent)


def _personal_file(environ: Mapping[str, str]) -> Path | None:
    home = environ.get("HOME")
    return Path(home) / SETTINGS_FILE if home else None


def _is_checkout(folder: Path) -> bool:
    return os.path.lexists(folder / ".git")


def _file_layers(folders: ProjectFolders, environ: Mapping[str, str]) -> tuple[Layer | None, Layer | None]:
    """That of the person and that of the project; one file is not both."""
    personal, project = None, None
    for file in settings_files(folders, environ):
        if file != folders.settings_file or is_personal(file, environ):
            refuse_foreign_file(file)
            personal = layer_of_text(str(file), read_settings_text(file))
        else:
            text = read_settings_text(file, within=folders.root)
            project = layer_of_text(str(file), text, of_project=True)
    return personal, project


def _unconfirmed(
    folders: ProjectFolders, personal: Layer | None, project: Layer | None, above: list[Layer]
) -> tuple[Unconfirmed, ...]:
    if project is None:
        return ()
    own = [layer.values for layer in (personal, *above) if layer is not None]
    listed = [value_at(values, ("confirmed",)) for values in own]
    confirmed = next((each for each in reversed(listed) if isinstance(each, (list, tuple))), ())
    found = wanting_confirmation(
        project.values,
        personal=personal.values if personal is not None else {},
        confirmed=confirmed,
        overridden=[path for layer in above for path in layer.origins],
        root=folders.root,
    )
    return tuple(
        Unconfirmed(path, str(value), project.file, project.line_of(path), variable_for(path))
        for path, value in found
    )


def _problems_of_places(
    root: Path, settings: Settings, origins: Mapping[SettingPath, Origin], project: Layer | None
) -> list[FieldProblem]:
    """A project's own choice, and what a name means by default, lies in the project."""
    allowed = {path: info.description for path, info in setting_fields()}
    found: list[FieldProblem] = []
    for path in (_HOME, _POLICIES):
        place = root / Path(str(setting_value(settings, path)))
        fault = fault_of_home(root, place) if path == _HOME else None
        own = {DEFAULT} if project is None else {DEFAULT, project.origins.get(path)}
        if fault is None and origins[path] in own and leads_out(root, place):
            fault = "leads out of the project"
        if fault is not None:
            found.append(problem_of_place(origins[path].name, ".".join(path), fault, place, allowed[path]))
    return found


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
