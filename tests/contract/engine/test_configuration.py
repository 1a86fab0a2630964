"""Configuration, secrets and outputs of a stack on a ``file://`` backend."""

from __future__ import annotations

import json

import pulumi
import yaml
from pulumi import automation
from support.engine.automation import selected, workspace
from support.engine.toy_resources import Thing
from support.engine.toy_stack import PROJECT, STACK, ToyStack

from runctl_auto.engine.automation_edge import set_secret
from runctl_auto.stack.settings_file import encrypted_value, read_config, write_config

HARD = '{"a": [1, 2], "quoted": "x=\\"y\\"", "lines": "one\\ntwo", "word": "ä"}'
KEY, SECRET_KEY = f"{PROJECT}:hard", f"{PROJECT}:secret"


def exporting() -> None:
    thing = Thing("a", value=1)
    pulumi.export("plain", thing.out)
    pulumi.export("hidden", pulumi.Output.secret("hush"))
    pulumi.export("configured", pulumi.Config(PROJECT).get("hard"))


def test_values_stay_as_they_are_given(stack: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``set_config``): `config set-all` by the Automation API;
    `runctl_auto/stack/settings_file.py` reads the file."""
    values = {KEY: automation.ConfigValue(HARD), f"{PROJECT}:number": automation.ConfigValue("5")}
    workspace(stack).set_all_config(STACK, values)
    settings = yaml.safe_load(stack.settings.read_text(encoding="utf-8"))
    assert settings["config"] == {KEY: HARD, f"{PROJECT}:number": "5"}


def test_a_file_that_runctl_writes_is_read_by_the_engine(stack: ToyStack) -> None:
    """`runctl_auto/stack/settings_file.py` (``write_config``) writes without an engine."""
    assert write_config(stack.settings, {KEY: HARD})
    stack.up(exporting)
    assert selected(stack).outputs()["configured"].value == HARD


def test_a_secret_by_standard_input(stack: ToyStack) -> None:
    """`runctl_auto/engine/automation_edge.py` (``set_secret``), `runctl_auto/stack/settings_file.py`
    (``encrypted_value``)."""
    opened = workspace(stack)
    set_secret(opened, STACK, SECRET_KEY, "hush=1\nhush")
    assert "hush" not in stack.settings.read_text(encoding="utf-8")
    assert (encrypted_value(stack.settings, SECRET_KEY) or "").startswith("v1:")
    found = opened.get_config(STACK, SECRET_KEY)
    assert (found.value, found.secret) == ("hush=1\nhush", True)


def test_the_salt_of_the_passphrase_is_in_the_settings_file(stack: ToyStack) -> None:
    """`runctl_auto/stack/settings_file.py` (``_KNOWN_SETTINGS``): who loses it cannot decrypt; an empty
    stack of the provider ``passphrase`` has it from the beginning."""
    settings = yaml.safe_load(stack.settings.read_text(encoding="utf-8"))
    assert set(settings) == {"encryptionsalt"}
    state = stack.deployment()["secrets_providers"]
    assert state == {"type": "passphrase", "state": {"salt": settings["encryptionsalt"]}}


def test_the_settings_come_back_from_the_history(stack: ToyStack) -> None:
    """`runctl_auto/engine/driver.py` (``_refresh_config``): those of the last operation, salt and secrets
    included. Values that were set since are lost."""
    stack.pulumi("config", "set", KEY, "--stack", STACK, given=HARD)
    stack.pulumi("config", "set", SECRET_KEY, "--secret", "--stack", STACK, given="hush")
    stack.up(exporting)
    at_the_update = yaml.safe_load(stack.settings.read_text(encoding="utf-8"))
    stack.pulumi("config", "set", KEY, "later", "--stack", STACK)
    stack.settings.unlink()
    opened = workspace(stack)
    opened.refresh_config(STACK)
    assert yaml.safe_load(stack.settings.read_text(encoding="utf-8")) == at_the_update
    assert read_config(stack.settings) == {}, "it is not of the project runctl"
    assert opened.get_config(STACK, SECRET_KEY).value == "hush"


def test_outputs_and_which_of_them_are_secret(stack: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``outputs``)."""
    assert json.loads(stack.pulumi("stack", "output", "--json")) == {}
    stack.up(exporting)
    found = selected(stack).outputs()
    assert (found["plain"].value, found["plain"].secret) == ("out-a-1", False)
    assert (found["hidden"].value, found["hidden"].secret) == ("hush", True)
    assert "hush" not in stack.pulumi("stack", "output", "--json")
    assert "hush" not in stack.checkpoint.read_text(encoding="utf-8")
