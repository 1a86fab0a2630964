"""Each rule of the policy pack refuses an `up`, with its reason, before a single thing is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cloud_points import CloudPoints
from support.cloud_scanner import read_inventory
from support.counting_job import write_job
from support.rule_breaking import BREACHES, KNOWN_LATE, LEFT_BEHIND, TAGS_MISSING, Breach, break_in
from support.runctl_cli import Runctl

from policies.rules import RULES, STACK_RULES

pytestmark = pytest.mark.sandbox


@pytest.fixture
def project(runctl: Runctl) -> Iterator[Runctl]:
    """The project of the sandbox, whose program is trusted; an ordinary one again afterwards."""
    runctl.env["RUNCTL_ENGINE_TRUSTED_PROGRAMS"] = str(runctl.folder / "program")
    yield runctl
    del runctl.env["RUNCTL_ENGINE_TRUSTED_PROGRAMS"]
    for name in ("Pulumi.yaml", "policies.yaml"):
        (runctl.folder / name).unlink(missing_ok=True)


def refused(project: Runctl, cloud_url: str, breach: Breach) -> dict[str, Any]:
    """The error of an `up` that breaks a rule. Nothing was asked of the cloud that changes it."""
    break_in(project.folder, breach)
    job = write_job(project.folder, "refused", **_job(breach))
    points = CloudPoints(cloud_url)
    points.count()
    try:
        ran = project("up", str(job), "--yes", "--detach", code=4)
        assert points.seen() == []
    finally:
        points.clear()
    assert breach.said in ran.err, ran.err
    left = project.json("ls")
    assert "refused" not in str(left), left
    return {"text": ran.err, "job": job}


def _job(breach: Breach) -> dict[str, Any]:
    volume = {"name": "data", "mount": "/data", "size": "1GB"}
    return {"volumes": [volume], **breach.job}


def test_a_job_over_its_budget_is_refused_with_the_line_to_change(project: Runctl, cloud_url: str) -> None:
    (breach,) = [each for each in BREACHES if each.rule == "cost-within-budget"]
    told = refused(project, cloud_url, breach)
    lines = Path(told["job"]).read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.startswith("budget:"))
    assert f"refused.yaml:{line}:budget: at worst" in told["text"]
    assert "(rule cost-within-budget, resource refused)" in told["text"]


@pytest.mark.matrix
@pytest.mark.parametrize("breach", [*BREACHES, *LEFT_BEHIND], ids=lambda breach: breach.rule)
def test_a_rule_refuses_before_anything_is_made(breach: Breach, project: Runctl, cloud_url: str) -> None:
    told = refused(project, cloud_url, breach)
    assert breach.rule in told["text"], told["text"]
    print(f"\n{breach.rule}: exit 4, 0 changing calls at the cloud")


def test_every_rule_is_broken_once() -> None:
    assert sorted(breach.rule for breach in BREACHES) == sorted(rule.name for rule in [*RULES, *STACK_RULES])


@pytest.mark.matrix
def test_what_only_an_update_knows_is_announced_and_judged_then(
    project: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("late")
    break_in(project.folder, KNOWN_LATE)
    job = write_job(project.folder, "late")
    announced = project("preview", str(job)).err
    assert (
        "instance-metadata-v2 judges at `up` what is not known yet: metadataOptions.httpTokens" in announced
    )

    points = CloudPoints(cloud_url)
    points.count()
    try:
        told = project("up", str(job), "--yes", "--detach", code=4).err
        made = points.seen()
    finally:
        points.clear()
    assert KNOWN_LATE.said in told
    assert "runctl down late" in told
    assert "ec2:RunInstances" not in made
    assert project.json("down", "late", "--yes")["nothing_left"]


@pytest.mark.matrix
def test_going_without_policies_needs_the_permission_of_the_settings(
    project: Runctl,
) -> None:
    break_in(project.folder, BREACHES[0])
    job = write_job(project.folder, "unjudged")
    assert "do not permit --no-policy" in project("preview", str(job), "--no-policy", code=4).err
    settings = project.folder / ".runctl.toml"
    settings.write_text("[policies]\nallow_skip = true\n")
    try:
        project("preview", str(job), "--no-policy")
        project("preview", str(job), code=4)
    finally:
        settings.unlink()


@pytest.mark.matrix
def test_missing_tags_are_added_before_anything_is_made(
    project: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("tagged")
    break_in(project.folder, TAGS_MISSING)
    job = write_job(project.folder, "tagged", env={"STEPS": "600"})
    project("up", str(job), "--yes", "--detach")
    inventory = read_inventory(cloud_url)
    (volume,) = [each for each in inventory["volume"] if "tagged" in str(each)]
    assert volume["tags"].items() >= {"runctl:job": "tagged", "runctl:created-by": "runctl"}.items()
    assert volume["tags"]["runctl:owner"]
    assert project.json("preview", str(job))["changes"] == []
    assert project.json("down", "tagged", "--yes", "--discard-artifacts", "--grace", "1")["nothing_left"]
