"""`runctl sandbox fail` on live machines: each kind meets the recovery that is promised for it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.cloud_faults import Fault, trouble
from support.cloud_keys import control
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.machine_groups import Group, until
from support.runctl_cli import Runctl
from support.waiting import wait_for_step

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

CAPACITY = "InsufficientInstanceCapacity"
PATIENCE_SECONDS = 900
STEPS = 8
HOLDING = {"STEPS": str(STEPS), "HOLD_AT": "3", "HOLD_STARTS": "1"}
"""The first machine waits at step 3 for what happens to it; the next one goes on to the end."""
ENDLESS = {"STEPS": "99999", "STEP_SECONDS": "0.5"}
OFTEN = {"path": "checkpoints", "every": "1s", "keep": 3}
ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]


@pytest.fixture(autouse=True)
def _nothing_left(runctl: Runctl, cloud_url: str) -> Iterator[None]:
    """Faults end with their test, and the jobs of one that failed."""
    yield
    control(cloud_url, "DELETE", "faults")
    for each in runctl.json("ls")["jobs"]:
        runctl("down", each["job"], "--yes", "--discard-artifacts", "--grace", "1", code=None)


def job_file(runctl: Runctl, job: str, **changes: Any) -> str:
    wanted = {"env": HOLDING, "checkpoints": OFTEN, "spot_policy": "spot", "zones": ZONES, **changes}
    return str(write_job(runctl.folder, job, **wanted))


@contextmanager
def followed(runctl: Runctl, job: str, **changes: Any) -> Iterator[subprocess.Popen[str]]:
    """`up` follows the run, whose machine waits at a step."""
    process = runctl.start("--output", "json", "up", job_file(runctl, job, **changes), "--yes")
    try:
        wait_for_step(runctl, job, 3, seconds=PATIENCE_SECONDS)
        yield process
    finally:
        process.kill()


def told_by(process: subprocess.Popen[str]) -> str:
    """What it told; it ended well."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, out + err
    return err


def fail(runctl: Runctl, job: str, kind: str, *more: str) -> dict[str, Any]:
    return dict(runctl.json("sandbox", "fail", job, "--kind", kind, *more, timeout=PATIENCE_SECONDS))


def judge(runctl: Runctl, cloud_url: str, job: str, kind: str, *, machines: int) -> dict[str, Any]:
    """All steps were made, by so many machines, and nothing is left after `down`."""
    found = runctl.json("status", job)
    assert found["phase"] == "succeeded"
    status = dict(found["status"])
    lived = [each["id"] for each in status["machines"]]
    assert len(lived) == machines, lived
    assert len(status["resumes"]) == machines - 1
    described = dict(runctl.json("describe", job))
    assert runctl.json("down", job, "--yes", timeout=PATIENCE_SECONDS)["nothing_left"]
    assert leaks(job, cloud_url) == []
    print(f"COUNTED {kind}: succeeded with {machines} machine(s), 0 left")
    return {**status, "trail": described["trail"]}


class TestKinds:
    def test_kill_makes_up_go_on_with_the_next_machine(self, runctl: Runctl, cloud_url: str) -> None:
        with followed(runctl, "killed") as up:
            machine = fail(runctl, "killed", "kill")["machine"]
            assert f"machine {machine} is lost; making a new one" in told_by(up)
        judge(runctl, cloud_url, "killed", "kill", machines=2)

    def test_kill_makes_the_cloud_go_on_with_nobody_awake(self, runctl: Runctl, cloud_url: str) -> None:
        runctl(
            "up",
            job_file(runctl, "killed-group", recovery="cloud"),
            "--yes",
            "--detach",
            timeout=PATIENCE_SECONDS,
        )
        wait_for_step(runctl, "killed-group", 3, seconds=PATIENCE_SECONDS)
        group = Group(runctl, "killed-group", cloud_url)
        assert fail(runctl, "killed-group", "kill")["machine"] == group.machine()
        until(group.has_ended, seconds=PATIENCE_SECONDS)
        judge(runctl, cloud_url, "killed-group", "kill, recovery: cloud", machines=2)

    def test_throttle_costs_time_and_nothing_else(self, runctl: Runctl, cloud_url: str) -> None:
        with followed(runctl, "throttled", env={"STEPS": "30", "STEP_SECONDS": "0.5"}) as up:
            fail(runctl, "throttled", "throttle")
            told_by(up)
        judge(runctl, cloud_url, "throttled", "throttle", machines=1)

    @pytest.mark.parametrize("kind", ["network", "hang"])
    def test_what_comes_back_costs_time_and_nothing_else(
        self, runctl: Runctl, cloud_url: str, kind: str
    ) -> None:
        job = f"back-{kind}"
        runctl("up", job_file(runctl, job, env=ENDLESS), "--yes", "--detach", timeout=PATIENCE_SECONDS)
        wait_for_step(runctl, job, 3, seconds=PATIENCE_SECONDS)
        machine = fail(runctl, job, kind)["machine"]
        assert fail(runctl, job, kind, "--over")["machine"] == machine
        step = runctl("logs", job).out.count("\nstep ")
        wait_for_step(runctl, job, step + 5, seconds=PATIENCE_SECONDS)
        status = runctl.json("status", job)
        assert (status["phase"], status["status"]["resumes"]) == ("running", [])
        assert [each["id"] for each in status["status"]["machines"]] == [machine]
        assert runctl.json("down", job, "--yes", timeout=PATIENCE_SECONDS)["nothing_left"]
        assert leaks(job, cloud_url) == []
        print(f"COUNTED {kind}, and back: goes on with 1 machine, 0 left")

    @pytest.mark.parametrize("kind", ["network", "hang"])
    @pytest.mark.parametrize("recovery", ["runctl", "cloud"])
    def test_a_machine_that_is_silent_is_replaced(
        self, runctl: Runctl, cloud_url: str, kind: str, recovery: str
    ) -> None:
        job = f"silent-{kind}-{recovery}"
        runctl("up", job_file(runctl, job, recovery=recovery), "--yes", "--detach", timeout=PATIENCE_SECONDS)
        wait_for_step(runctl, job, 3, seconds=PATIENCE_SECONDS)
        machine = fail(runctl, job, kind)["machine"]
        told = runctl("watch", job, "--every", "1", "--hung-after", "120", timeout=PATIENCE_SECONDS).out
        assert f"machine {machine} is hung" in told
        if recovery == "cloud":
            until(Group(runctl, job, cloud_url).has_ended, seconds=PATIENCE_SECONDS)
        judge(runctl, cloud_url, job, f"{kind}, recovery: {recovery}", machines=2)


class TestCapacityThatGoesLater:
    """Where the first machine was made has none for the next."""

    def test_up_goes_to_the_next_place(self, runctl: Runctl, cloud_url: str) -> None:
        with followed(runctl, "later") as up:
            zone = fail(runctl, "later", "capacity")["zone"]
            fail(runctl, "later", "kill")
            out, err = up.communicate(timeout=PATIENCE_SECONDS)
        assert up.returncode == 0, out + err
        status = judge(runctl, cloud_url, "later", "capacity, then kill", machines=2)
        first, second = (each["zone"] for each in status["machines"])
        assert (first, second != first) == (zone, True)
        assert [(each["zone"], each["code"]) for each in status["trail"]] == [(zone, CAPACITY)]

    def test_a_volume_keeps_it_waiting_for_its_zone(self, runctl: Runctl, cloud_url: str) -> None:
        volume = [{"name": "data", "size": "1GB", "mount": "/data"}]
        waits = {"on_events": ["no-capacity", "interruption"], "duration": "20m"}
        with followed(runctl, "tied", volumes=volume, retry=waits, recovery="runctl") as up:
            zone = fail(runctl, "tied", "capacity")["zone"]
            fail(runctl, "tied", "kill")
            told = ""
            assert up.stderr is not None
            for line in up.stderr:
                told += line
                if "trying again in" in line:
                    break
            fail(runctl, "tied", "capacity", "--over")
            out, err = up.communicate(timeout=PATIENCE_SECONDS)
        assert up.returncode == 0, told + out + err
        status = judge(runctl, cloud_url, "tied", "capacity for a job with a volume", machines=2)
        assert {each["zone"] for each in status["machines"]} == {zone}

    def test_a_group_goes_to_the_next_place(self, runctl: Runctl, cloud_url: str) -> None:
        runctl(
            "up",
            job_file(runctl, "later-group", recovery="cloud"),
            "--yes",
            "--detach",
            timeout=PATIENCE_SECONDS,
        )
        wait_for_step(runctl, "later-group", 3, seconds=PATIENCE_SECONDS)
        group = Group(runctl, "later-group", cloud_url)
        zone = fail(runctl, "later-group", "capacity")["zone"]
        fail(runctl, "later-group", "kill")
        until(group.has_ended, seconds=PATIENCE_SECONDS)
        assert any(zone in each for each in group.failures()), "the fault has met the group's launch"
        status = judge(runctl, cloud_url, "later-group", "capacity, then kill, recovery: cloud", machines=2)
        first, second = (each["zone"] for each in status["machines"])
        assert (first, second != first) == (zone, True)


SIXTH = (
    CAPACITY,
    "MaxSpotInstanceCountExceeded",
    "SpotMaxPriceTooLow",
    "Unsupported",
    "VcpuLimitExceeded",
)


def test_a_group_finds_the_sixth_of_six_places(runctl: Runctl, cloud_url: str) -> None:
    job, types = "sixth-group", ["m5.large", "t3.medium"]
    places = [(kind, zone) for kind in types for zone in ZONES]
    faults = [
        Fault(
            "ec2:RunInstances",
            code,
            1000,
            {"Job": job, "AvailabilityZone": zone, "InstanceType": kind},
        )
        for code, (kind, zone) in zip(SIXTH, places, strict=False)
    ]
    resources = {"instance_types": types, "disk": "20GB"}
    with trouble(cloud_url, *faults):
        up = ("up", job_file(runctl, job, recovery="cloud", resources=resources, env={}), "--yes")
        runctl(*up, timeout=PATIENCE_SECONDS)
    status = judge(runctl, cloud_url, job, f"{len(SIXTH)} of 6 places of a group refuse", machines=1)
    (machine,) = status["machines"]
    assert (machine["type"], machine["zone"]) == places[-1]


def test_a_group_that_starves_ends_with_the_trail(runctl: Runctl, cloud_url: str) -> None:
    job = "starved"
    fault = Fault("ec2:RunInstances", CAPACITY, 1000, {"Job": job})
    with trouble(cloud_url, fault):
        file = job_file(runctl, job, recovery="cloud", spot_policy="auto", zones=ZONES[:2])
        ran = runctl("--output", "json", "up", file, "--yes", code=6, timeout=PATIENCE_SECONDS)
    error = ran.json["error"]
    found = {(each["zone"], each["market"], each["code"]) for each in error["trail"]}
    assert found == {(zone, market, CAPACITY) for zone in ZONES[:2] for market in ("spot", "on-demand")}
    assert runctl.json("describe", job)["trail"] == error["trail"]
    assert runctl.json("down", job, "--yes", timeout=PATIENCE_SECONDS)["nothing_left"]
    assert leaks(job, cloud_url) == []
    print(f"COUNTED starved group: exit 6, {len(error['trail'])} refusals in the trail, 0 left")
