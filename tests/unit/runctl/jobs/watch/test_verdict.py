"""What a watcher makes of a job."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from support.job_stacks import RUN, job_spec, stack_config

from runctl_auto.backend.history import HistoryRecord
from runctl_auto.jobs.follow.follow import Lost
from runctl_auto.jobs.follow.heartbeat import BOOT_SECONDS, HUNG_SECONDS, Heartbeat
from runctl_auto.jobs.watch.verdict import Seen, judge, was_applied
from runctl_auto.run.status import RunStatus

AT = datetime(2026, 11, 30, tzinfo=timezone.utc)


def running(machine: str = "i-1", **more: Any) -> RunStatus:
    return RunStatus(run="r1", phase="running", instance=machine, **more)


def seen(**changes: Any) -> Seen:
    held: dict[str, Any] = {
        "config": stack_config(),
        "status": running(),
        "machine": "i-1",
        "runs": True,
        "was_placed": True,
        "silent_seconds": 0.0,
        **changes,
    }
    return Seen(**held)


@pytest.mark.parametrize("phase", ["succeeded", "failed", "stopped"])
@pytest.mark.parametrize(
    "then",
    [{}, {"runs": False}, {"machine": None}, {"silent_seconds": 1e6}, {"machine": None, "was_placed": False}],
)
def test_a_run_that_ended_has_lost_nothing(phase: str, then: dict[str, Any]) -> None:
    assert judge(seen(status=RunStatus(run="r1", phase=phase), **then)) == "ended"


@pytest.mark.parametrize("phase", ["booting", "running", "interrupted", "stopping"])
def test_a_machine_that_is_gone_is_lost(phase: str) -> None:
    found = judge(seen(status=RunStatus(run="r1", phase=phase), runs=False))
    assert isinstance(found, Lost)
    assert (found.machine.id, found.is_hung) == ("i-1", False)


def test_a_run_without_machine_is_lost_only_if_it_ever_had_one() -> None:
    assert isinstance(judge(seen(machine=None, status=None)), Lost)
    assert judge(seen(machine=None, status=None, was_placed=False)) == "not-placed"


@pytest.mark.parametrize(
    ("status", "seconds", "hung"),
    [
        (running(), HUNG_SECONDS - 1, False),
        (running(), HUNG_SECONDS, True),
        (running("i-0"), HUNG_SECONDS, False),  # the machine before: this one boots
        (None, BOOT_SECONDS - 1, False),
        (None, BOOT_SECONDS, True),
    ],
)
def test_a_machine_that_is_silent_too_long_is_hung(
    status: RunStatus | None, seconds: float, hung: bool
) -> None:
    found = judge(seen(status=status, silent_seconds=seconds))
    assert found == "goes-on" if not hung else isinstance(found, Lost) and found.is_hung


def test_silence_is_counted_by_the_watchers_own_clock() -> None:
    heartbeat = Heartbeat()
    wrong = running(updated_at="1999-01-01T00:00:00Z")
    assert heartbeat.silent_seconds("i-1", wrong, 100.0) == 0
    assert heartbeat.silent_seconds("i-1", wrong, 160.0) == 60
    assert heartbeat.silent_seconds("i-1", running(updated_at="1998-01-01T00:00:00Z"), 170.0) == 0
    assert heartbeat.silent_seconds("i-2", running(updated_at="1998-01-01T00:00:00Z"), 200.0) == 0


def record(kind: str, *, succeeded: bool = True, run: str = RUN.id) -> HistoryRecord:
    values = stack_config().to_values()
    values["runctl:run"] = values["runctl:run"].replace(f'"id":"{RUN.id}"', f'"id":"{run}"')
    return HistoryRecord(kind, succeeded, AT, AT + timedelta(seconds=1), values)


@pytest.mark.parametrize(
    ("history", "applied"),
    [
        ([], False),
        ([record("update")], True),
        ([record("refresh"), record("update", succeeded=False), record("update")], True),
        ([record("update", run="other")], False),
        ([record("update", succeeded=False)], False),
        ([record("destroy", succeeded=False), record("update")], False),
        ([HistoryRecord("update", True, AT, AT)], False),
    ],
)
def test_whether_a_run_ever_had_a_machine_is_in_the_history(
    history: list[HistoryRecord], applied: bool
) -> None:
    assert was_applied(history, RUN.id) is applied


def test_a_node_that_the_others_miss_for_too_long_is_hung() -> None:
    def judged(updated_at: str) -> object:
        nodes = [
            {
                "node": n,
                "instance": f"i-{n}",
                "address": None,
                "phase": phase,
                "since": AT.isoformat(),
                "exit_code": None,
            }
            for n, phase in enumerate(["ready", "lost"])
        ]
        return judge(seen(machine="i-0", status=running("i-0", updated_at=updated_at, raw={"nodes": nodes})))

    assert judged((AT + timedelta(seconds=HUNG_SECONDS - 1)).isoformat()) == "goes-on"
    found = judged((AT + timedelta(seconds=HUNG_SECONDS)).isoformat())
    assert isinstance(found, Lost)
    assert (found.machine.id, found.is_hung) == ("i-1", True)


@pytest.mark.parametrize(("elastic", "is_missing"), [({"min": 1}, True), (None, False)])
def test_a_machine_that_the_others_go_on_without_is_asked_for_again(
    elastic: dict[str, int] | None, is_missing: bool
) -> None:
    config = stack_config(job=job_spec(nodes=3, elastic=elastic))
    found = judge(seen(config=config, machines=2))
    assert isinstance(found, Lost) == is_missing
    assert judge(seen(config=config, machines=3)) == "goes-on"
