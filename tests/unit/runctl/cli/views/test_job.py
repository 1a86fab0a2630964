"""What status and description tell of saving."""

from __future__ import annotations

from runctl_auto.cli.views.job import saving_lines, try_lines
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
    assert list(try_lines(RunStatus(run="r1", phase="running"))) == []


def test_each_failed_try_is_a_line() -> None:
    tries = [
        {
            "number": number,
            "started_at": "2026-11-30T10:00:00.000Z",
            "ended_at": "2026-11-30T10:00:07.000Z",
            "reason": "command_failed",
            "exit_code": 1,
            "message": message,
        }
        for number, message in ((1, "the command ended with exit code 1"), (2, None))
    ]
    found = list(try_lines(RunStatus(run="r1", phase="running", raw={"tries": tries})))
    assert [line.split(": ", 2)[0].strip() for line in found] == ["try 1", "try 2"]
    assert found[0].endswith(": the command ended with exit code 1")
    assert found[1].endswith(": command_failed")
