"""Each rule of the policy pack refuses an `up`, with its reason, before a single thing is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cloud_points import CloudPoints
from support.counting_job import write_job
from support.rule_breaking import BREACHES, KNOWN_LATE, LEFT_BEHIND, Breach, break_in
from support.runctl_cli import Runctl

from policies.rules import RULES, STACK_RULES

pytestmark = pytest.mark.sandbox


@pytest.fixture
def project(runctl: Runctl) -> Iterator[Runctl]:
    """The project of the sandbox, which is an ordinary one again afterwards."""
    yield runctl
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
def test_every_rule_refuses_before_anything_is_made(project: Runctl, cloud_url: str) -> None:
    for breach in [*BREACHES, *LEFT_BEHIND]:
        told = refused(project, cloud_url, breach)
        assert breach.rule in told["text"], told["text"]
        print(f"refused: {breach.rule}", flush=True)
    rules = {rule.name for rule in [*RULES, *STACK_RULES]}
    assert {breach.rule for breach in BREACHES} == rules
    print(f"\n{len(rules)} rules, each broken once by `runctl up`: exit 4, 0 changing calls at the cloud")


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
