"""Options that take a duration: one reading, and one message that names the option."""

from __future__ import annotations

import json

import click
import pytest

from runctl_auto.cli.main import run
from runctl_auto.cli.quantity_types import Duration


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["wait", "digits", "--timeout", "soon"], "--timeout"),
        (["exec", "digits", "--timeout", "soon", "ls"], "--timeout"),
        (["exporter", "serve", "--every", "soon"], "--every"),
        (["exporter", "serve", "--leaks-every", "soon"], "--leaks-every"),
        (["data", "plan", "job.yaml", "--training", "soon"], "--training"),
        (["apply", "jobs", "--max-age", "soon"], "--max-age"),
        (["down", "--all", "--older-than", "soon"], "--older-than"),
        (["sandbox", "interrupt", "digits", "--notice", "soon"], "--notice"),
    ],
)
def test_what_is_no_duration_is_told_with_its_option(
    arguments: list[str], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--output", "json", *arguments]) == 7
    what = json.loads(capsys.readouterr().out)["error"]["what"]
    assert what.startswith(f"Invalid value for '{option}': 'soon' is not a duration; give a duration")


def test_a_duration_is_whole_seconds() -> None:
    assert Duration().convert("1h30m", None, None) == 5400


@pytest.mark.parametrize("nothing", ["0", "0s"])
def test_nothing_is_a_duration_only_where_asked_for(nothing: str) -> None:
    assert Duration(or_none=True).convert(nothing, None, None) == 0
    with pytest.raises(click.BadParameter):
        Duration().convert(nothing, None, None)
