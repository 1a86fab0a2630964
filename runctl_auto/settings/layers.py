"""One source of settings: its values, where each stands, and what is wrong with them."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from runctl_auto.errors import FieldProblem, SettingsError
from runctl_auto.local.printable import shortened
from runctl_auto.settings.confirmation import NOTHING, never_from_projects, value_at
from runctl_auto.settings.schema import SettingPath, Settings, setting_fields
from runctl_auto.settings.toml_lines import key_lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_PROBLEMS = 50
_MORE_THAN_TOLD = MAX_PROBLEMS + 1
_NONE = "none"

_SHORT_VARIABLES: Mapping[SettingPath, str] = {
    ("engine", "path"): "RUNCTL_ENGINE",
    ("engine", "backend"): "RUNCTL_BACKEND",
    ("engine", "passphrase_file"): "RUNCTL_PASSPHRASE_FILE",
    ("engine", "parallel"): "RUNCTL_PARALLEL",
    ("monitoring", "trace_file"): "RUNCTL_TRACE_FILE",
}


_OPTIONS: Mapping[SettingPath, str] = {("policies", "base"): "--policy-base"}


@dataclass(frozen=True)
class Origin:
    """The source of a value: ``name`` is a file with its line, a variable or an option."""

    kind: Literal["default", "file", "environment", "option"]
    name: str

    def __str__(self) -> str:
        return self.name


DEFAULT = Origin("default", "default")


@dataclass
class Layer:
    """Values of one source; in a ``strict`` one they are typed, else all are texts. ``of_project`` marks the
    project's file."""

    file: str
    strict: bool
    of_project: bool = False
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
        if self.of_project:
            found += [
                self._placed(
                    path, "is yours to set: in ~/.runctl.toml or a variable, not in a project's file"
                )
                for path in never_from_projects(self.values)
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

    def line_of(self, path: SettingPath) -> int | None:
        """The line of the setting at ``path``, or of the nearest table around it."""
        return _line(self.lines, path)

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
    "too_short": "is empty",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "is not of the right form",
}


def variable_for(path: SettingPath) -> str:
    """The environment variable for the setting at ``path``."""
    return _SHORT_VARIABLES.get(path) or "RUNCTL_" + "_".join(path).upper()


def settings_error(problems: list[FieldProblem]) -> SettingsError:
    """The error for settings with ``problems``, of which the first fifty are listed."""
    some = len(problems) > MAX_PROBLEMS
    return SettingsError(
        f"The settings are wrong; the first {MAX_PROBLEMS} problems:" if some else "The settings are wrong.",
        problems=problems[:MAX_PROBLEMS],
        next_step="Correct the named settings and repeat; `runctl config show` lists all there are.",
    )


def layer_of_text(file: str, text: str, *, of_project: bool = False) -> Layer:
    """The source that ``text`` is as the content of ``file``. Raises ``SettingsError`` when it is no TOML."""
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise settings_error([FieldProblem(file, None, None, "", f"not TOML: {error}")]) from error
    except RecursionError as error:
        raise settings_error([FieldProblem(file, None, None, "", "is nested too deeply")]) from error
    lines = key_lines(text)
    origins = {}
    for path, _ in setting_fields():
        if value_at(values, path) is not NOTHING:
            line = _line(lines, path)
            origins[path] = Origin("file", f"{file}:{line}" if line else file)
    return Layer(file, strict=True, of_project=of_project, values=values, origins=origins, lines=lines)


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """The variables ``RUNCTL_*``. An empty one sets nothing; the text `none` takes away what files set."""
    layer = Layer("environment", strict=False)
    for path, info in setting_fields():
        name = variable_for(path)
        if environ.get(name, "") != "":
            text = environ[name]
            _put(layer.values, path, _value_of_variable(text, info))
            layer.origins[path] = Origin("environment", name)
    return layer


def options_layer(options: Mapping[SettingPath, object]) -> Layer:
    """Settings that were given as options of the command line, by their paths."""
    layer = Layer("options", strict=False)
    for path, value in options.items():
        _put(layer.values, path, value)
        layer.origins[path] = Origin("option", _OPTIONS.get(path) or "--" + path[-1].replace("_", "-"))
    return layer


def _value_of_variable(text: str, info: FieldInfo) -> object:
    if text == _NONE and NoneType in get_args(info.annotation):
        return None
    if get_origin(info.annotation) is tuple:
        return [] if text == _NONE else [each.strip() for each in text.split(",")]
    return text


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
