"""``runctl config``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.views.table import Column

if TYPE_CHECKING:
    from runctl_auto.settings.schema import SettingPath
    from runctl_auto.settings.sources import SourcedSettings

_COLUMNS = (Column("SETTING"), Column("VALUE"), Column("FROM"))
_NOTHING = "(none)"


def _keys(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Setting names with this prefix, for shell completion."""
    from runctl_auto.settings.schema import setting_fields

    keys = [".".join(path) for path, _ in setting_fields()]
    return [key for key in keys if key.startswith(incomplete)]


_PERSONAL = click.option(
    "--personal", is_flag=True, help="Write ~/.runctl.toml, the settings of all your projects."
)


@click.group(
    help="Show and change settings. A value comes from a default, ~/.runctl.toml, the project's "
    ".runctl.toml, a variable RUNCTL_* or an option; later ones override earlier ones. What decides who gets "
    "your credentials is taken from the project's file only once you confirm it."
)
def command() -> None:
    pass


@command.command(help="List all settings with their values and sources.")
@click.pass_obj
def show(invocation: Invocation) -> None:
    from runctl_auto.settings.schema import setting_fields

    sourced = _sourced(invocation)
    entries = [_entry(sourced, path) for path, _ in setting_fields()]
    invocation.console.result({"file": str(invocation.folders().settings_file), "settings": entries})
    invocation.console.table(
        _COLUMNS,
        [(each["key"], _text(each["value"]) or _NOTHING, each["origin"]["name"]) for each in entries],
    )


@command.command(help="Print the value of the setting KEY, such as engine.parallel.")
@click.argument("key", shell_complete=_keys)
@click.pass_obj
def get(invocation: Invocation, key: str) -> None:
    from runctl_auto.settings.sources import known_setting

    entry = _entry(_sourced(invocation), known_setting(key))
    invocation.console.result(entry)
    invocation.console.line(_text(entry["value"]))
    if not invocation.console.as_json:
        invocation.console.say(f"from {entry['origin']['name']}")


@command.command(
    "set",
    help="Set KEY to VALUE in the settings file. Lists are written a,b.",
)
@click.argument("key", shell_complete=_keys)
@click.argument("value")
@_PERSONAL
@click.pass_obj
def set_value(invocation: Invocation, key: str, value: str, personal: bool) -> None:
    from runctl_auto.settings.edit import set_setting
    from runctl_auto.settings.sources import known_setting

    path, file = known_setting(key), _file(invocation, personal=personal)
    set_setting(file, path, value, project=_project(invocation, personal=personal))
    _tell_change(invocation, path, file, f"{key} is set in {file}")


@command.command(help="Remove KEY from the settings file, so that its default applies.")
@click.argument("key", shell_complete=_keys)
@_PERSONAL
@click.pass_obj
def unset(invocation: Invocation, key: str, personal: bool) -> None:
    from runctl_auto.settings.edit import unset_setting
    from runctl_auto.settings.sources import known_setting

    path, file = known_setting(key), _file(invocation, personal=personal)
    was_there = unset_setting(file, path, project=_project(invocation, personal=personal))
    _tell_change(invocation, path, file, f"{key} is {'no longer' if was_there else 'not'} set in {file}")


@command.command(
    short_help="Accept a value of the project's file for yourself.",
    help="Accept the value of the setting KEY in the project's file, such as engine.backend, for yourself: "
    "it is added to ~/.runctl.toml.",
)
@click.argument("key", shell_complete=_keys)
@click.pass_obj
def confirm(invocation: Invocation, key: str) -> None:
    from runctl_auto.errors import UsageError
    from runctl_auto.settings.confirmation import confirmation
    from runctl_auto.settings.edit import add_to_list
    from runctl_auto.settings.sources import known_setting

    path, file = known_setting(key), _file(invocation, personal=True)
    waiting = {each.path: each for each in _loaded(invocation).unconfirmed}
    if path not in waiting:
        raise UsageError(
            f"No value of {key} in the project's file waits to be confirmed.",
            next_step=f"`runctl config get {key}` prints the value in force.",
        )
    add_to_list(file, ("confirmed",), confirmation(path, waiting[path].value, invocation.folders().root))
    _tell_change(invocation, path, file, f"{key} = {waiting[path].value} is confirmed in {file}")


@command.command(help="Check the settings of all sources and list every problem.")
@click.pass_obj
def validate(invocation: Invocation) -> None:
    from runctl_auto.settings.sources import settings_files, unknown_variables

    invocation.settings()
    files = [str(file) for file in settings_files(invocation.folders(), os.environ) if file.exists()]
    doubtful = unknown_variables(os.environ)
    invocation.console.result({"valid": True, "files": files, "doubtful_variables": doubtful})
    invocation.console.line(f"The settings are valid; read: {', '.join(files) or 'no file'}")
    for name, nearest in doubtful.items():
        invocation.console.say(f"{name} sets nothing; did you mean {nearest}?")


def _sourced(invocation: Invocation) -> SourcedSettings:
    """The settings; says what of the project's file is not in force."""
    sourced = _loaded(invocation)
    for each in sourced.unconfirmed:
        invocation.console.say(f"not in force: {each.problem()}")
    return sourced


def _loaded(invocation: Invocation) -> SourcedSettings:
    from runctl_auto.settings.sources import load_sourced_settings

    return load_sourced_settings(
        invocation.folders(), os.environ, invocation.options, leave_out_unconfirmed=True
    )


def _project(invocation: Invocation, *, personal: bool) -> Path | None:
    """The project whose file is written; None when the file is the person's own."""
    from runctl_auto.settings.sources import is_personal

    folders = invocation.folders()
    return None if personal or is_personal(folders.settings_file, os.environ) else folders.root


def _file(invocation: Invocation, *, personal: bool) -> Path:
    from runctl_auto.local.project import SETTINGS_FILE

    return Path.home() / SETTINGS_FILE if personal else invocation.folders().settings_file


def _tell_change(invocation: Invocation, path: SettingPath, file: Path, change: str) -> None:
    """Reports what was changed, and the effective value, which another source may override."""
    entry = _entry(_sourced(invocation), path)
    invocation.console.result({"file": str(file), **entry})
    invocation.console.line(
        f"{change}; in force: {_text(entry['value']) or _NOTHING}, from {entry['origin']['name']}"
    )


def _entry(sourced: SourcedSettings, path: SettingPath) -> dict[str, Any]:
    from pydantic_core import to_jsonable_python

    from runctl_auto.settings.schema import setting_value

    return {
        "key": ".".join(path),
        "value": to_jsonable_python(setting_value(sourced.settings, path)),
        "origin": vars(sourced.origins[path]),
    }


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
