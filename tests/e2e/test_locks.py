"""Two commands on one job: one wins, the other says who holds it; only a dead one's lock is removed."""

from __future__ import annotations

import pytest
from support.cloud_points import CloudPoints
from support.counting_job import write_job
from support.crash_points import Crash, Point
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]


def test_the_second_command_says_who_holds_the_job(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("held")
    points = CloudPoints(cloud_url)
    points.hold(3, "before")
    first = runctl.start(
        "up", str(write_job(runctl.folder, "held", env={"HOLD_AT": "1"})), "--yes", "--detach"
    )
    try:
        points.wait(seconds=240)
        for command in (("unlock", "held"), ("down", "held", "--yes")):
            refused = runctl.json(*command, code=1)["error"]
            assert refused["kind"] == "stack-locked"
            (owner,) = refused["owners"]
            assert "pid" in owner
            assert "since" in owner
            assert owner in refused["what"]
    finally:
        points.clear()
    out, err = first.communicate(timeout=240)
    assert first.returncode == 0, out + err
    assert runctl.json("down", "held", "--yes", "--grace", "1")["nothing_left"]


def test_the_lock_of_a_killed_command_is_removed_by_hand(runctl: Runctl, ended: list[str]) -> None:
    ended.append("dead")
    job = write_job(runctl.folder, "dead", env={"HOLD_AT": "1"})
    Crash(runctl, "dead").kill_at(Point("cloud", 3, "after", "group"), "up", str(job), "--yes", "--detach")
    (removed,) = runctl.json("unlock", "dead")["removed"]
    assert removed["why"] == "its process is dead"
    assert removed["pid"]
    assert runctl.json("unlock", "dead")["removed"] == []
    assert runctl.json("down", "dead", "--yes", "--grace", "1")["nothing_left"]
