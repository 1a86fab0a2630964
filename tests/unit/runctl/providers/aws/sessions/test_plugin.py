"""Amazon's plugin: which one is used, and where the token goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runctl_auto.providers.aws.sessions.plugin import PROGRAM, find_plugin, plugin_command
from runctl_auto.providers.reach import OpenedSession

SESSION = OpenedSession("s-1", "i-1", "wss://there/s-1", "the-token")


@pytest.mark.parametrize(
    ("version", "used"),
    [("1.2.497.0\n", True), ("1.2.707.0\n", True), ("1.2.463.0\n", False), ("what", False), ("", False)],
)
def test_a_plugin_is_used_that_takes_the_token_in_its_environment(
    tmp_path: Path, version: str, used: bool
) -> None:
    file = tmp_path / PROGRAM
    file.touch(mode=0o755)
    found = find_plugin({"PATH": str(tmp_path)}, told_version={str(file): version}.__getitem__)
    assert found == (str(file) if used else None)


def test_without_one_there_is_none(tmp_path: Path) -> None:
    assert find_plugin({"PATH": str(tmp_path)}) is None


def test_the_token_is_in_no_argument() -> None:
    command = plugin_command("/bin/plugin", SESSION, region="eu-west-1", endpoint=None, environ={})
    assert not any("the-token" in each for each in command.arguments)
    assert "the-token" not in repr(command)
    name = command.arguments[1]
    assert json.loads(command.variables[name])["TokenValue"] == "the-token"
    assert command.arguments[2:4] == ("eu-west-1", "StartSession")
    assert command.arguments[-1] == "https://ssm.eu-west-1.amazonaws.com"
