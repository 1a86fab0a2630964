"""Options of ``up`` that are refused before anything is read."""

from __future__ import annotations

import pytest

from runctl_auto.cli import main as program
from runctl_auto.errors import ExitCode
from runctl_auto.operations.up import UpOptions


def test_from_needs_rerun(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(["up", "--from", "3", "absent.yaml"]) == ExitCode.USAGE
    assert "--from needs --rerun" in capsys.readouterr().err


@pytest.mark.parametrize(("start_from", "afresh"), [(None, None), ("none", True), ("3", False)])
def test_whether_a_rerun_leaves_earlier_checkpoints(start_from: str | None, afresh: bool | None) -> None:
    assert UpOptions(start_from=start_from).afresh is afresh
