"""`volume create` and `snapshot restore` ask for a new volume in the same words."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.main import cli
from runctl_auto.operations import volume_create
from runctl_auto.operations.volume_create import NewVolume


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (
            ["volume", "create", "disk", "--size", "100GB", "--zone", "us-east-1b", "--iops", "4000"],
            NewVolume(size_gb=100, zone="us-east-1b", iops=4000),
        ),
        (
            ["volume", "create", "disk", "--snapshot", "base", "--throughput", "250", "--protect"],
            NewVolume(snapshot="base", throughput=250, protect=True),
        ),
        (
            ["snapshot", "restore", "base", "disk", "--initialization-rate", "200", "--tag", "team=nlp"],
            NewVolume(snapshot="base", initialization_rate=200, tags={"team": "nlp"}),
        ),
        (
            ["snapshot", "restore", "snap-1", "disk", "--region", "eu-west-1"],
            NewVolume(snapshot="snap-1", region="eu-west-1"),
        ),
    ],
)
def test_what_is_asked_for_is_passed_on(
    arguments: list[str], asked: NewVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocation: Any = create_autospec(Invocation, instance=True)
    made = create_autospec(volume_create.create_volume)
    monkeypatch.setattr(volume_create, "create_volume", made)
    monkeypatch.setattr("runctl_auto.cli.views.storage.show_result", lambda *_: None)
    cli.main(args=[*arguments, "--yes"], prog_name="runctl", standalone_mode=False, obj=invocation)
    made.assert_called_once_with(invocation.session.return_value, "disk", asked, yes=True)
