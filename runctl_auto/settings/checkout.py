"""The settings that another checkout of the project carries in its file, by themselves."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.local.project import SETTINGS_FILE
from runctl_auto.settings.layers import layer_of_text, settings_error
from runctl_auto.settings.schema import Settings
from runctl_auto.settings.sources import read_settings_text


def settings_of_checkout(folder: Path) -> Settings:
    """What the settings file in ``folder`` says, without the person's own file, variables and options.

    Raises ``SettingsError`` when it is wrong.
    """
    file = folder / SETTINGS_FILE
    layer = layer_of_text(str(file), read_settings_text(file, within=folder), of_project=True)
    problems = layer.problems()
    if problems:
        raise settings_error(problems)
    # Which providers are enabled is not asked here: the setting of a person may enable another.
    return Settings.model_validate({**layer.values, "local": {"enabled": True}})
