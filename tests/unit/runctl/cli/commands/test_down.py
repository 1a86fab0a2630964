"""`down`: one job or all that match, never something between."""

from __future__ import annotations

import json

import pytest

from runctl_auto.cli.main import run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Name one JOB, or give --all"),
        (["digits", "--all"], "Name one JOB, or give --all"),
        (["digits", "--owner", "ann"], "need --all"),
        (["digits", "--older-than", "1d"], "need --all"),
        (["--all", "--include-protected", "data"], "about one job"),
        (["--all", "--older-than", "soon"], "is not a duration"),
        (["--all", "--phase", "sleeping"], "is no phase"),
    ],
)
def test_a_misuse_is_told_before_anything_is_looked_at(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--output", "json", "down", *arguments]) == 7
    assert told in json.loads(capsys.readouterr().out)["error"]["what"]
