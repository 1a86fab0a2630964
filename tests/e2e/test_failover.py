"""Offers, the way from one place to the next, waiting for capacity, and machines that never report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.cloud_faults import Fault, trouble
from support.cloud_keys import control
from support.cloud_scanner import leaks, read_inventory
from support.counting_job import write_job
from support.runctl_cli import Runctl
from support.waiting import wait_for_phase

from runctl_auto.agent.keys import status_key
from runctl_auto.packaging.package import package_agent

pytestmark = pytest.mark.sandbox

ALWAYS = 1000
CLOCKED_UP = Path(__file__).parents[1] / "support" / "clocked_up.py"
SPOT = "InstanceMarketOptions.MarketType"
ZONES = ["us-east-1a", "us-east-1b", "us-east-1c"]


def refusal(job: str, code: str, zone: str, *, market: str | None = None) -> Fault:
    match = {"Job": job, "AvailabilityZone": zone, **({SPOT: market} if market else {})}
    return Fault("ec2:RunInstances", code, ALWAYS, match)


def ended_well(runctl: Runctl, job: str, cloud_url: str) -> None:
    assert runctl.json("down", job, "--yes", "--grace", "1", "--discard-artifacts")["nothing_left"]
    assert leaks(job, cloud_url) == []


@pytest.mark.matrix
def test_a_zone_without_capacity_is_passed_over(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("passover")
    held = {"HOLD_AT": "1"}
    file = str(write_job(runctl.folder, "passover", zones=ZONES[:2], spot_policy="spot", env=held))
    offers = runctl.json("offers", file)["offers"]
    assert [each["market"] for each in offers] == ["spot", "spot"]
    first, second = (each["zone"] for each in offers)
    with trouble(cloud_url, refusal("passover", "InsufficientInstanceCapacity", first)):
        made = runctl.json("up", file, "--yes", "--detach")
    assert made["placement"]["zone"] == second
    assert [(each["zone"], each["code"]) for each in made["trail"]] == [
        (first, "InsufficientInstanceCapacity")
    ]
    assert runctl.json("describe", "passover")["trail"] == made["trail"]
    assert f"{first}: InsufficientInstanceCapacity" in runctl("describe", "passover").out
    machine = runctl.json("status", "passover")["machine"]["id"]
    assert runctl.json("sandbox", "fail", "passover", "--kind", "kill")["machine"] == machine
    wait_for_phase(runctl, "passover", {"lost"})
    ended_well(runctl, "passover", cloud_url)


CODES = {
    "all codes but the last two": (
        "InsufficientInstanceCapacity",
        "SpotMaxPriceTooLow",
        "MaxSpotInstanceCountExceeded",
        "VcpuLimitExceeded",
        "Unsupported",
    ),
    "with a machine that dies and a full subnet": (
        "Server.InsufficientInstanceCapacity",
        "MaxSpotInstanceCountExceeded",
        "SpotMaxPriceTooLow",
        "Unsupported",
        "InsufficientFreeAddressesInSubnet",  # last, since no other place in this subnet is tried then
    ),
}


@pytest.mark.matrix
@pytest.mark.parametrize("codes", CODES.values(), ids=CODES)
def test_five_of_six_places_refuse(
    runctl: Runctl, cloud_url: str, ended: list[str], codes: tuple[str, ...]
) -> None:
    job = f"sixth-{list(CODES.values()).index(codes)}"
    ended.append(job)
    volume = {"name": "data", "size": "1GB", "mount": "/data"}
    file = str(write_job(runctl.folder, job, zones=ZONES, volumes=[volume]))
    offers = runctl.json("offers", file)["offers"]
    assert len(offers) == 6
    faults = [
        refusal(job, code, each["zone"], market="spot" if each["market"] == "spot" else None)
        for code, each in zip(codes, offers, strict=False)
    ]
    # On-demand launches name no market: in their zones the faults of spot launches come first.
    with trouble(cloud_url, *faults):
        made = runctl.json("up", file, "--yes", timeout=900)
    last = offers[5]
    place = made["placement"]
    assert (place["market"], place["zone"]) == (last["market"], last["zone"])
    assert [each["code"] for each in made["trail"]] == [code.removeprefix("Server.") for code in codes]
    assert made["phase"] == "succeeded"
    assert runctl.json("describe", job)["trail"] == made["trail"]
    volumes = [row for row in read_inventory(cloud_url)["volume"] if row["tags"].get("runctl:job") == job]
    assert len(volumes) == 1, "those of earlier places are gone"
    ended_well(runctl, job, cloud_url)
    print(f"COUNTED places: 6, refused: {len(made['trail'])} ({', '.join(codes)}), left: 0")


def until(process: subprocess.Popen[str], text: str) -> str:
    told = ""
    assert process.stderr is not None
    for line in process.stderr:
        told += line
        if text in line:
            return told
    pytest.fail(f"it never said {text!r}: {told}")


@pytest.mark.matrix
def test_it_waits_for_capacity_and_can_be_killed_meanwhile(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("waits")
    more: dict[str, Any] = {"zones": ZONES[:1], "retry": {"on_events": ["no-capacity"], "duration": "10m"}}
    file = str(write_job(runctl.folder, "waits", **more))
    fault = refusal("waits", "InsufficientInstanceCapacity", ZONES[0])
    with trouble(cloud_url, fault):
        killed = runctl.start("up", file, "--yes")
        until(killed, "trying again in 15 s")
        killed.kill()
        killed.communicate()
        again = runctl.start("--output", "json", "up", file, "--yes")
        until(again, "trying again in 15 s")
        control(cloud_url, "DELETE", "faults")
        out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert '"phase": "succeeded"' in out
    ended_well(runctl, "waits", cloud_url)


@pytest.mark.matrix
def test_when_the_time_is_over_it_ends_with_the_trail(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("over")
    more: dict[str, Any] = {"zones": ZONES[:1], "retry": {"on_events": ["no-capacity"], "duration": "45s"}}
    file = str(write_job(runctl.folder, "over", spot_policy="spot", **more))
    with trouble(cloud_url, refusal("over", "InsufficientInstanceCapacity", ZONES[0])):
        ran = runctl("--output", "json", "up", file, "--yes", code=6, timeout=300)
    error = ran.json["error"]
    assert error["kind"] == "no-capacity"
    assert "retry.duration is over" in error["what"]
    assert {each["code"] for each in error["trail"]} == {"InsufficientInstanceCapacity"}
    assert len(error["trail"]) >= 2
    ended_well(runctl, "over", cloud_url)


def clocked_up(runctl: Runctl, *arguments: str) -> Any:
    """`up` with a clock of its own, which does not wait."""
    done = subprocess.run(
        [sys.executable, str(CLOCKED_UP), *arguments],
        cwd=runctl.folder,
        env=runctl.environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    return json.loads(done.stdout)


@pytest.mark.matrix
def test_capacity_is_waited_for_as_long_as_the_file_says(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("patient")
    more: dict[str, Any] = {"zones": ZONES[:1], "retry": {"on_events": ["no-capacity"], "duration": "20m"}}
    file = str(write_job(runctl.folder, "patient", spot_policy="spot", **more))
    with trouble(cloud_url, refusal("patient", "InsufficientInstanceCapacity", ZONES[0])):
        over = clocked_up(runctl, file)
    assert over["error"]["exit_code"] == 6
    assert "retry.duration is over after 20 min" in over["error"]["what"]
    assert over["waits"][:6] == [15, 30, 60, 120, 240, 300]
    assert sum(over["waits"]) <= 1200
    assert len(over["error"]["trail"]) == len(over["waits"]) + 1
    with trouble(cloud_url, refusal("patient", "InsufficientInstanceCapacity", ZONES[0])):
        placed = clocked_up(runctl, file, "3")
    assert (placed["waits"], placed["error"], placed["zone"]) == ([15, 30, 60], None, ZONES[0])
    ended_well(runctl, "patient", cloud_url)
    print(f"COUNTED waits for retry.duration of 20 min: {len(over['waits'])}; placed after 3 waits; left: 0")


@pytest.mark.matrix
def test_the_second_machine_that_never_reports_ends_it_with_the_cause(
    runctl: Runctl, cloud_url: str, ended: list[str], tmp_path: Path
) -> None:
    ended.append("silent")
    file = str(write_job(runctl.folder, "silent", zones=ZONES[:1]))
    run = runctl.json("preview", file)["run"]
    agent = package_agent(tmp_path).key
    faults = (
        Fault("s3:GetObject", "NoSuchKey", ALWAYS, {"Key": agent}),
        Fault("s3:PutObject", "InvalidRequest", ALWAYS, {"Key": status_key(run)}),
    )
    with trouble(cloud_url, *faults):
        ran = runctl("--output", "json", "up", file, "--yes", code=1, timeout=600)
    error = ran.json["error"]
    assert error["kind"] == "never-reported"
    assert "InstanceInitiatedShutdown" in error["state_reason"]
    assert any("the agent could not be started" in line for line in error["console"]), error["console"]
    assert ran.err.count("making a new one") == 1
    ended_well(runctl, "silent", cloud_url)
