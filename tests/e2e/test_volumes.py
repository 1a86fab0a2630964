"""Volumes and snapshots with stacks of their own, as a user has them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.crash_points import Crash, Point, Who
from support.emulated_cloud import client
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox

ZONE = "us-east-1a"


@pytest.fixture
def removed(runctl: Runctl) -> Iterator[list[str]]:
    """Stacks that the test makes: each is removed afterwards, whatever happened."""
    stacks: list[str] = []
    yield stacks
    for stack in stacks:
        kind, _, name = stack.partition(".")
        with contextlib.suppress(AssertionError):
            runctl(kind, "rm", name, "--yes", "--include-protected", "--confirm", name, code=None)


def created(runctl: Runctl, removed: list[str], name: str, *options: str) -> Any:
    removed.append(f"volume.{name}")
    return runctl.json("volume", "create", name, "--zone", ZONE, "--yes", *options)


def listed(runctl: Runctl, kind: str) -> dict[str, Any]:
    return {each["name"]: each for each in runctl.json(kind, "ls")[f"{kind}s"]}


def test_a_volume_is_made_grows_and_leaves_nothing(
    runctl: Runctl, cloud_url: str, removed: list[str]
) -> None:
    made = created(runctl, removed, "short", "--size", "10GB")
    assert (made["zone"], made["size_gb"], made["usd_month"]) == (ZONE, 10, pytest.approx(0.8))
    assert runctl.json("volume", "resize", "short", "20GB", "--yes")["changed"]
    (volume,) = client(cloud_url, "ec2").describe_volumes(VolumeIds=[made["id"]])["Volumes"]
    assert (volume["Size"], volume["Encrypted"]) == (20, True)
    receipt = runctl.json("volume", "rm", "short", "--yes")
    assert receipt["nothing_left"]
    assert leaks("volume.short", cloud_url) == []


@pytest.mark.matrix
def test_a_snapshot_outlives_its_volume_is_copied_and_restored(
    runctl: Runctl, cloud_url: str, removed: list[str]
) -> None:
    created(runctl, removed, "source", "--size", "5GB")
    removed += ["snapshot.base", "snapshot.base-eu-west-1", "volume.again"]
    taken = runctl.json("snapshot", "create", "base", "source", "--yes")
    copied = runctl.json("snapshot", "copy", "base", "--region", "eu-west-1", "--yes")
    assert (copied["region"], copied["name"]) == ("eu-west-1", "base-eu-west-1")
    assert runctl.json("volume", "rm", "source", "--yes")["nothing_left"]
    again = runctl.json(
        "snapshot",
        "restore",
        "base",
        "again",
        "--zone",
        "us-east-1b",
        "--initialization-rate",
        "200",
        "--protect",
        "--yes",
    )
    (volume,) = client(cloud_url, "ec2").describe_volumes(VolumeIds=[again["id"]])["Volumes"]
    assert (volume["SnapshotId"], volume["AvailabilityZone"]) == (taken["id"], "us-east-1b")

    found = runctl.json("leaks", "--region", "us-east-1", "--region", "eu-west-1", code=None)
    assert [each["id"] for each in found["orphans"] if each["kind"] in ("volume", "snapshot")] == []
    refused = runctl.json("volume", "rm", "again", "--yes", code=4)
    assert "runctl unprotect volume.again" in refused["error"]["next_step"]
    taken_name = runctl.json("volume", "create", "again", "--size", "9GB", "--zone", ZONE, "--yes", code=7)
    assert taken_name["error"]["kind"] == "name-taken"
    small = runctl.json("volume", "resize", "again", "1GB", "--yes", code=7)
    assert "cannot make a volume smaller" in small["error"]["what"]

    assert set(listed(runctl, "snapshot")) == {"base", "base-eu-west-1"}
    shown = runctl.json("ls")
    assert {each["name"] for each in shown["volumes"]} == {"again"}
    assert {each["name"] for each in shown["snapshots"]} == {"base", "base-eu-west-1"}
    assert {each["key"] for each in runctl.json("cost")["groups"]} >= {
        "volume.again",
        "volume.source",
        "snapshot.base",
        "snapshot.base-eu-west-1",
    }
    runctl.json("unprotect", "volume.again", "--yes")
    for kind, name in (("volume", "again"), ("snapshot", "base"), ("snapshot", "base-eu-west-1")):
        assert runctl.json(kind, "rm", name, "--yes")["nothing_left"]
        assert leaks(f"{kind}.{name}", cloud_url) == []


@pytest.mark.matrix
def test_a_volume_whose_stack_is_gone_is_found(runctl: Runctl, removed: list[str]) -> None:
    made = created(runctl, removed, "lost", "--size", "1GB")
    cloud = str(runctl.json("sandbox", "status")["cloud_id"])
    state = runctl.folder / ".runctl/sandbox/clouds" / cloud / "state"
    for file in state.rglob("volume.lost.json*"):
        file.unlink()
    found = runctl.json("leaks", code=None)
    (orphan,) = [each for each in found["orphans"] if each["id"] == made["id"]]
    assert orphan["why"] == "there is no volume 'lost'"
    again = runctl.json("volume", "create", "lost", "--size", "1GB", "--zone", ZONE, "--yes", code=7)
    assert "no stack of this backend knows it" in again["error"]["what"]
    assert made["id"] in {
        each["id"] for each in runctl.json("leaks", "--delete", "--yes", code=None)["deleted"]
    }


@pytest.mark.matrix
def test_two_jobs_use_one_volume_after_each_other(
    runctl: Runctl, cloud_url: str, removed: list[str], ended: list[str]
) -> None:
    created(runctl, removed, "shared", "--size", "1GB")
    for job in ("first", "second"):
        ended.append(job)
        file = write_job(runctl.folder, job, env={"STEPS": "1"})
        runctl.json("volume", "attach", "shared", str(file), "--mount", "/data", "--as", "data", "--yes")
        assert yaml.safe_load(file.read_text())["volumes"] == [
            {"name": "data", "volume": "shared", "mount": "/data"}
        ]
        runctl("up", str(file), "--yes", timeout=600)
        assert runctl.json("describe", job)["placement"]["zone"] == ZONE
        assert listed(runctl, "volume")["shared"]["used_by"] == [job]
        assert f"volume holds {1 if job == 'first' else 2} runs" in runctl("logs", job).text
        receipt = runctl.json("down", job, "--yes")
        assert receipt["nothing_left"], "a volume that the job used is not its own"
        runctl.json("volume", "detach", "shared", str(file), "--yes")
        assert "volumes" not in yaml.safe_load(file.read_text())
    runctl.json("volume", "rm", "shared", "--yes")
    assert leaks("volume.shared", cloud_url) == []


WHO: tuple[Who, ...] = ("group", "alone", "provider")
VERBS = ("create", "resize", "rm", "snapshot", "copy", "restore")


def commands(verb: str) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
    """The stack that a verb changes, its command, and those that must have been before."""
    make = ("volume", "create", "cut", "--size", "1GB", "--zone", ZONE, "--yes")
    take = ("snapshot", "create", "cut", "cut", "--yes")
    return {
        "create": ("volume.cut", make, []),
        "resize": ("volume.cut", ("volume", "resize", "cut", "2GB", "--yes"), [make]),
        "rm": ("volume.cut", ("volume", "rm", "cut", "--yes"), [make]),
        "snapshot": ("snapshot.cut", take, [make]),
        "copy": (
            "snapshot.cut-there",
            ("snapshot", "copy", "cut", "cut-there", "--region", "eu-west-1", "--yes"),
            [make, take],
        ),
        "restore": (
            "volume.cut-again",
            ("snapshot", "restore", "cut", "cut-again", "--zone", ZONE, "--yes"),
            [make, take],
        ),
    }[verb]


@pytest.mark.matrix
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_was_killed_is_completed_or_undone_by_the_next(
    runctl: Runctl, cloud_url: str, removed: list[str], *, verb: str, when: Any, who: Who
) -> None:
    stack, command, before = commands(verb)
    removed += ["volume.cut-again", "snapshot.cut-there", "snapshot.cut", "volume.cut"]
    for each in before:
        runctl(*each)
    Crash(runctl, stack).kill_at(Point("cloud", 1, when, who), *command)

    again = runctl("--output", "json", *command, code=None)
    taken = again.code != 0 and again.json["error"]["kind"] in ("name-taken", "job-not-found")
    assert again.code == 0 or taken, again.text
    held = leaks(stack, cloud_url)
    assert len(held) == (0 if verb == "rm" else 1), held
    kind, _, name = stack.partition(".")
    if verb == "resize":
        assert listed(runctl, "volume")["cut"]["size_gb"] == 2
    if verb != "rm":
        assert runctl.json(kind, "rm", name, "--yes")["nothing_left"]
    assert leaks(stack, cloud_url) == []


@pytest.mark.matrix
def test_blocks_are_read_by_a_machine_that_leaves_nothing(
    runctl: Runctl, cloud_url: str, removed: list[str], ended: list[str], tmp_path: Path
) -> None:
    created(runctl, removed, "cold", "--size", "1GB")
    assert runctl.json("volume", "warm", "cold", "--yes")["how"] == "empty"
    removed += ["snapshot.cold", "volume.cold-again"]
    ended.append("warm-cold-again")
    runctl("snapshot", "create", "cold", "cold", "--yes")
    runctl("snapshot", "restore", "cold", "cold-again", "--zone", ZONE, "--yes")
    assert runctl.json("volume", "warm", "cold-again", "--no-wait")["how"] == "by-reading"
    warmed = runctl.json("volume", "warm", "cold-again", "--yes", timeout=600)
    assert (warmed["how"], warmed["percent"]) == ("read", 100)
    assert leaks("warm-cold-again", cloud_url) == []
