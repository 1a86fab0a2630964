"""Two commands on one job: one wins, the other says who holds it; only a dead one's lock is removed."""

from __future__ import annotations

import json

import pytest
from support.cloud_points import CloudPoints
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.crash_points import Crash, Point
from support.runctl_cli import Runctl
from support.waiting import wait_for_step

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
    lock, claim = runctl.json("unlock", "dead")["removed"]
    assert (lock["why"], claim["why"]) == ("its process is dead", "its process is dead")
    assert all(each["pid"] for each in (lock, claim)), "the engine's lock, and the command's claim"
    assert runctl.json("unlock", "dead")["removed"] == []
    assert runctl.json("down", "dead", "--yes", "--grace", "1")["nothing_left"]


def test_of_two_ups_the_second_leaves_the_settings_of_the_first(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("both")
    job = write_job(runctl.folder, "both", env={"HOLD_AT": "1"})
    points = CloudPoints(cloud_url)
    points.hold(3, "before")
    first = runctl.start("up", str(job), "--yes", "--detach")
    try:
        points.wait(seconds=240)
        settings = settings_of(runctl, "both")
        write_job(runctl.folder, "both", message="other code", env={"HOLD_AT": "2"})
        for command in (("up", str(job), "--yes", "--detach"), ("preview", str(job))):
            refused = runctl.json(*command, code=1)["error"]
            assert refused["kind"] == "stack-locked"
            assert f"pid {first.pid}" in refused["what"]
            assert settings_of(runctl, "both") == settings
    finally:
        points.clear()
    out, err = first.communicate(timeout=240)
    assert first.returncode == 0, out + err
    assert settings_of(runctl, "both") == settings
    assert runctl.json("down", "both", "--yes", "--grace", "1")["nothing_left"]
    print("2 ups of one job: 1 applied, the other and a preview refused, settings unchanged")


def test_a_lock_of_another_machine_leaves_the_settings_as_they_were(runctl: Runctl, ended: list[str]) -> None:
    ended.append("far")
    job = write_job(runctl.folder, "far", env={"HOLD_AT": "1"})
    runctl("up", str(job), "--yes", "--detach")
    settings = settings_of(runctl, "far")
    cloud = runctl.json("sandbox", "status")["cloud_id"]
    state = runctl.folder / ".runctl" / "sandbox" / "clouds" / cloud / "state"
    lock = state / ".pulumi" / "locks" / "organization" / "runctl" / "far" / "planted.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    owner = {"pid": 7, "username": "ann", "hostname": "elsewhere", "timestamp": "2030-01-01T00:00:00Z"}
    lock.write_text(json.dumps(owner))
    try:
        write_job(runctl.folder, "far", message="other code", env={"HOLD_AT": "2"})
        refused = runctl.json("up", str(job), "--yes", "--detach", code=1)["error"]
        assert "ann@elsewhere" in refused["what"]
        assert settings_of(runctl, "far") == settings
    finally:
        lock.unlink()
    assert runctl.json("down", "far", "--yes", "--grace", "1")["nothing_left"]


def test_an_up_says_that_its_job_was_ended_in_another_terminal(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("gone")
    job = write_job(runctl.folder, "gone", env={"HOLD_AT": "1", "HOLD_STARTS": "9"})
    following = runctl.start("--output", "json", "up", str(job), "--yes")
    wait_for_step(runctl, "gone", 1, 240)
    receipt = runctl.json("down", "gone", "--yes", "--grace", "1")
    out, err = following.communicate(timeout=240)
    error = json.loads(out)["error"]
    assert following.returncode == 1, out + err
    assert error["kind"] == "job-ended"
    assert "`runctl down`" in error["what"] or "another command" in error["what"]
    assert receipt["nothing_left"]
    assert leaks("gone", cloud_url) == []


def test_of_two_jobs_that_begin_at_once_only_as_many_as_may_run_do(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended += ["early", "later"]
    one = Runctl(runctl.folder, {**runctl.env, "RUNCTL_MAX_PARALLEL_JOBS": "1"})
    points = CloudPoints(cloud_url)
    points.hold(3, "before")
    first = one.start("up", str(write_job(one.folder, "early", env={"HOLD_AT": "1"})), "--yes", "--detach")
    try:
        points.wait(seconds=240)
        later = write_job(one.folder, "later", env={"HOLD_AT": "1"})
        refused = one.json("up", str(later), "--yes", "--detach", code=4)["error"]
        assert "early" in refused["what"]
        assert leaks("later", cloud_url) == []
        assert [each["job"] for each in one.json("ls")["jobs"] if each["job"] == "later"] == []
    finally:
        points.clear()
    out, err = first.communicate(timeout=240)
    assert first.returncode == 0, out + err
    assert one.json("down", "early", "--yes", "--grace", "1")["nothing_left"]
    print("2 jobs begin at once where 1 may run: 1 runs, the other made nothing")


def settings_of(runctl: Runctl, job: str) -> str:
    return (runctl.folder / ".runctl" / "pulumi" / f"Pulumi.{job}.yaml").read_text()
