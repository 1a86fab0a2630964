"""What a project's file may not decide by itself: who gets the caller's credentials, what runs here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runctl_auto.errors import FieldProblem, SettingsError
from runctl_auto.local.printable import printable, shortened
from runctl_auto.settings.schema import CONFIRMED, PERSONAL, SettingPath

_FILES = (("engine", "path"), ("engine", "passphrase_file"), ("monitoring", "trace_file"))
"""Settings that name files: what is confirmed is the file, not its name in whatever project."""
_NEVER_ABSENT = (("engine", "secrets_provider"),)
NOTHING = object()


@dataclass(frozen=True)
class Unconfirmed:
    """A value of a project's file that is not in force; ``variable`` would set it."""

    path: SettingPath
    value: str
    file: str
    line: int | None
    variable: str

    @property
    def key(self) -> str:
        return ".".join(self.path)

    def problem(self) -> FieldProblem:
        """As a problem of the file, with what would confirm the value."""
        none = "" if self.path in _NEVER_ABSENT else ", or with 'none' to do without"
        return FieldProblem(
            self.file,
            self.line,
            None,
            self.key,
            "is in force only once you confirm it, since it decides who gets credentials or word of jobs",
            found=shortened(printable(self.value), 120),
            allowed=f"after `runctl config confirm {self.key}`; or {self.variable} with a value{none}",
        )


def unconfirmed_error(found: Sequence[Unconfirmed]) -> SettingsError:
    """The error for values that nobody has confirmed."""
    return SettingsError(
        "The project's file sets what only you may decide.",
        problems=[each.problem() for each in found],
        next_step="Confirm the values that you recognize, or override them.",
    )


def confirmation(path: SettingPath, value: object, root: Path) -> str:
    """The entry of the setting ``confirmed`` for a value in the file of the project in ``root``."""
    text = str(root / Path(str(value)).expanduser()) if path in _FILES else str(value)
    return f"{'.'.join(path)}={text}"


def wanting_confirmation(
    project: Mapping[str, Any],
    *,
    personal: Mapping[str, Any],
    confirmed: Sequence[str],
    overridden: Sequence[SettingPath],
    root: Path,
) -> Iterator[tuple[SettingPath, object]]:
    """Settings of the ``project`` that need to be confirmed and are not, with their values.

    The person's own file confirms a value by setting the same one, or by an entry in ``confirmed``. What a
    variable or an option overrides needs no confirmation.
    """
    for path in CONFIRMED:
        value = value_at(project, path)
        if value is NOTHING or path in overridden:
            continue
        if value != value_at(personal, path) and confirmation(path, value, root) not in confirmed:
            yield path, value


def never_from_projects(project: Mapping[str, Any]) -> Iterator[SettingPath]:
    """Settings in a project's file that only a person sets."""
    yield from (path for path in PERSONAL if value_at(project, path) is not NOTHING)


def value_at(values: Any, path: SettingPath) -> object:
    """The value at ``path``, or a sign that equals nothing else."""
    for key in path:
        if not isinstance(values, Mapping) or key not in values:
            return NOTHING
        values = values[key]
    return values


def without(values: Mapping[str, Any], paths: Sequence[SettingPath]) -> dict[str, Any]:
    """``values`` without those at ``paths``."""
    left: dict[str, Any] = {}
    for key, value in values.items():
        if (key,) in paths:
            continue
        inner = [path[1:] for path in paths if path[0] == key]
        left[key] = without(value, inner) if inner and isinstance(value, Mapping) else value
    return left
