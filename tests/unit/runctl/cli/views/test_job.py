"""What status and description tell of saving."""

from __future__ import annotations

from runctl_auto.cli.views.job import saving_lines
from runctl_auto.run.status import RunStatus


def lines(**raw: object) -> list[str]:
    status = RunStatus(run="r1", phase="running", raw=raw)
    return [" ".join(line.split()) for line in saving_lines(status)]


def test_what_could_not_be_saved_is_told() -> None:
    assert lines(
        resumes=[
            {"checkpoint": "00000003", "failure": "exit code 1"},
            {"checkpoint": "00000002", "failure": None},
        ],
        suspect={"sequence": "00000004", "path": "ckpt", "why": "was being written"},
        unsaved=[
            {"what": "checkpoint", "path": "a\\n", "why": "has a line break in its name"},
            {"what": "artifacts", "path": None, "why": "disk full"},
        ],
    ) == [
        "resumed: from 00000003, failed at the start: exit code 1",
        "suspect: checkpoint 00000004: ckpt was being written",
        "not saved: checkpoint: a\\n has a line break in its name",
        "not saved: artifacts: disk full",
    ]


def test_a_status_of_an_older_agent_tells_nothing() -> None:
    assert lines() == []
