"""Sources of settings: defaults, the user's file, the project's file, environment, options.

Later ones take precedence. All are validated on load: every problem is reported at once, with file and line,
variable or option.
"""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runctl_auto.errors import FieldProblem, SettingsError
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.local.printable import shortened
from runctl_auto.local.project import SETTINGS_FILE, ProjectFolders
from runctl_auto.settings.schema import SettingPath, Settings, setting_fields
from runctl_auto.settings.toml_lines import key_lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_FILE_BYTES = 64 * 1024
MAX_PROBLEMS = 50
_MORE_THAN_TOLD = MAX_PROBLEMS + 1

_SHORT_VARIABLES: Mapping[SettingPath, str] = {
    ("engine", "path"): "RUNCTL_ENGINE",
    ("engine", "backend"): "RUNCTL_BACKEND",
    ("engine", "passphrase_file"): "RUNCTL_PASSPHRASE_FILE",
    ("engine", "parallel"): "RUNCTL_PARALLEL",
}


@dataclass(frozen=True)
class Origin:
    """The source of a value: ``name`` is a file with its line, a variable or an option."""

    kind: Literal["default", "file", "environment", "option"]
    name: str

    def __str__(self) -> str:
        return self.name


DEFAULT = Origin("default", "default")


@dataclass(frozen=True)
class SourcedSettings:
    """The effective settings, and the origin of each."""

    settings: Settings
    origins: Mapping[SettingPath, Origin]


@dataclass
class _Layer:
    """Values of one source; in a ``strict`` one they are typed, else all are texts."""

    file: str
    strict: bool
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[SettingPath, Origin] = field(default_factory=dict)
    lines: Mapping[SettingPath, int] = field(default_factory=dict)

    def problems(self) -> list[FieldProblem]:
        """Problems of these values by themselves."""
        found = [
            self._placed(path, "holds a character that no setting may hold", found=_shown(text))
            for path, text in _texts(self.values)
            if not text.isprintable()
        ]
        try:
            if self.strict:
                Settings.model_validate_json(json.dumps(self.values, default=str), strict=True)
            else:
                Settings.model_validate(self.values)
        except ValidationError as error:
            details = error.errors()
            if any(each["type"] == "json_invalid" for each in details):
                return [*found, FieldProblem(self.file, None, None, "", "is nested too deeply")]
            found += [self._problem(each) for each in details[:_MORE_THAN_TOLD] if each["loc"]]
        return found

    def _problem(self, details: ErrorDetails) -> FieldProblem:
        path = tuple(str(part) for part in details["loc"] if not isinstance(part, int))
        if details["type"] == "extra_forbidden":
            return self._placed(path, "unknown setting", nearest=_nearest(path))
        if details["type"] == "value_error":
            message = str(details["ctx"]["error"])
        else:
            message = _MESSAGES.get(details["type"], "is of the wrong type")
        return self._placed(path, message, found=_shown(details["input"]), allowed=_allowed(path))

    def _placed(
        self,
        path: SettingPath,
        message: str,
        *,
        found: str | None = None,
        allowed: str | None = None,
        nearest: str | None = None,
    ) -> FieldProblem:
        place = self.origins.get(path)
        return FieldProblem(
            file=place.name if place and place.kind != "file" else self.file,
            line=_line(self.lines, path),
            column=None,
            field=shortened(".".join(path)),
            message=message,
            found=found,
            allowed=allowed,
            nearest=nearest,
        )


_MESSAGES = {
    "literal_error": "is not one of the values",
    "greater_than_equal": "is out of range",
    "less_than_equal": "is out of range",
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "is not of the right form",
}


def load_settings(
    folders: ProjectFolders, environ: Mapping[str, str], options: Mapping[SettingPath, object]
) -> Settings:
    """The effective settings; see ``load_sourced_settings``."""
    return load_sourced_settings(folders, environ, options).settings


def load_sourced_settings(
    folders: ProjectFolders, environ: Mapping[str, str], options: Mapping[SettingPath, object]
) -> SourcedSettings:
    """The effective settings, with their origins.

    ``options`` maps paths such as ``("engine", "path")`` to values. Raises ``SettingsError`` with all
    problems.
    """
    layers = [
        *(_file_layer(file) for file in settings_files(folders, environ)),
        _environment_layer(environ),
        _options_layer(options),
    ]
    problems = [problem for layer in layers for problem in layer.problems()]
    if problems:
        raise settings_error(problems)
    file = str(folders.settings_file)
    merged: dict[str, Any] = {}
    origins = {path: DEFAULT for path, _ in setting_fields()}
    for layer in layers:
        _merge(merged, layer.values)
        origins |= {path: origin for path, origin in layer.origins.items() if path in origins}
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:  # between settings, each of which is valid
        found = [FieldProblem(file, None, None, "", _plain(each["msg"])) for each in error.errors()]
        raise settings_error(found) from error
    _require_home(folders.root, settings.checkpoint.directory, origins)
    return SourcedSettings(settings, origins)


def settings_files(folders: ProjectFolders, environ: Mapping[str, str]) -> list[Path]:
    """The user's file and the project's, whether they exist or not; the latter takes precedence."""
    project = folders.settings_file
    home = environ.get("HOME")
    personal = [Path(home) / SETTINGS_FILE] if home else []
    return [*(file for file in personal if file.resolve() != project.resolve()), project]


def variable_for(path: SettingPath) -> str:
    """The environment variable for the setting at ``path``."""
    return _SHORT_VARIABLES.get(path) or "RUNCTL_" + "_".join(path).upper()


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Unknown variables with our prefix that resemble a valid one, each with that name."""
    ours = [variable_for(path) for path, _ in setting_fields()]
    found: dict[str, str] = {}
    for name in sorted(environ):
        if name.startswith("RUNCTL_") and name not in ours:
            for near in difflib.get_close_matches(name, ours, n=1, cutoff=0.85):
                found[name] = near
    return found


def check_settings_text(file: str, text: str) -> None:
    """Raises ``SettingsError`` with all problems of ``text`` as the content of ``file``."""
    layer = _layer_of_text(file, text)
    problems = layer.problems()
    if problems:
        raise settings_error(problems)
    try:
        Settings.model_validate(layer.values)
    except ValidationError as error:
        found = [FieldProblem(file, None, None, "", _plain(each["msg"])) for each in error.errors()]
        raise settings_error(found) from error


def read_settings_text(file: Path) -> str:
    """The text of a settings file, empty when it does not exist. Raises ``SettingsError``."""
    if not os.path.lexists(file):
        return ""
    try:
        return read_plain_file(file, MAX_FILE_BYTES).decode("utf-8")
    except NotAPlainFileError as error:
        problem = FieldProblem(str(file), None, None, "", error.complaint, allowed=error.allowed)
        raise settings_error([problem]) from error
    except UnicodeDecodeError as error:
        raise settings_error([FieldProblem(str(file), None, None, "", "is not UTF-8 text")]) from error


def settings_error(problems: list[FieldProblem]) -> SettingsError:
    """The error for settings with ``problems``, of which the first fifty are listed."""
    some = len(problems) > MAX_PROBLEMS
    return SettingsError(
        f"The settings are wrong; the first {MAX_PROBLEMS} problems:" if some else "The settings are wrong.",
        problems=problems[:MAX_PROBLEMS],
        next_step="Correct the named settings and repeat; `runctl config show` lists all there are.",
    )


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


def _file_layer(file: Path) -> _Layer:
    return _layer_of_text(str(file), read_settings_text(file))


def _layer_of_text(file: str, text: str) -> _Layer:
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise settings_error([FieldProblem(file, None, None, "", f"not TOML: {error}")]) from error
    except RecursionError as error:
        raise settings_error([FieldProblem(file, None, None, "", "is nested too deeply")]) from error
    lines = key_lines(text)
    origins = {}
    for path, _ in setting_fields():
        if _holds(values, path):
            line = _line(lines, path)
            origins[path] = Origin("file", f"{file}:{line}" if line else file)
    return _Layer(file, strict=True, values=values, origins=origins, lines=lines)


def _environment_layer(environ: Mapping[str, str]) -> _Layer:
    layer = _Layer("environment", strict=False)
    for path, info in setting_fields():
        name = variable_for(path)
        if environ.get(name, "") != "":
            text = environ[name]
            is_list = get_origin(info.annotation) is tuple
            _put(layer.values, path, [each.strip() for each in text.split(",")] if is_list else text)
            layer.origins[path] = Origin("environment", name)
    return layer


def _options_layer(options: Mapping[SettingPath, object]) -> _Layer:
    layer = _Layer("options", strict=False)
    for path, value in options.items():
        _put(layer.values, path, value)
        layer.origins[path] = Origin("option", "--" + path[-1].replace("_", "-"))
    return layer


def _texts(value: object, path: SettingPath = ()) -> Iterator[tuple[SettingPath, str]]:
    """All texts in ``value``, with their paths."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)


def _put(values: dict[str, Any], path: SettingPath, value: object) -> None:
    for key in path[:-1]:
        values = values.setdefault(key, {})
    values[path[-1]] = value


def _merge(into: dict[str, Any], values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


def _holds(values: Any, path: SettingPath) -> bool:
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return False
        values = values[key]
    return True


def _line(lines: Mapping[SettingPath, int], path: SettingPath) -> int | None:
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


def _allowed(path: SettingPath) -> str | None:
    info = dict(setting_fields()).get(path)
    return info.description if info else None


def _nearest(path: SettingPath) -> str | None:
    beside = [each[-1] for each in _names_beside(path)]
    close = difflib.get_close_matches(path[-1], beside, n=1) if len(path[-1]) <= 40 else []
    return close[0] if close else None


def _names_beside(path: SettingPath) -> Iterable[SettingPath]:
    depth = len(path)
    return dict.fromkeys(each[:depth] for each, _ in setting_fields() if each[: depth - 1] == path[:-1])


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return shortened(json.dumps(value, default=str, ensure_ascii=False))


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def _require_home(project: Path, directory: Path, origins: Mapping[SettingPath, Origin]) -> None:
    """Artifacts need a folder of their own, or they would be packaged with the code of the next run."""
    fault = _fault_of_home(project, project / directory)
    if fault is None:
        return
    problem = FieldProblem(
        origins["checkpoint", "directory"].name,
        None,
        None,
        "checkpoint.directory",
        fault,
        found=shortened(str(project / directory), 120),
        allowed=_allowed(("checkpoint", "directory")),
    )
    raise settings_error([problem])


def _fault_of_home(project: Path, folder: Path) -> str | None:
    try:
        if project.resolve().is_relative_to(folder.resolve()):
            return "holds the project itself"
        existing = next(candidate for candidate in (folder, *folder.parents) if candidate.exists())
        return None if existing.is_dir() and os.access(existing, os.W_OK) else "not a writable folder"
    except OSError:  # the name is too long
        return "not a writable folder"
