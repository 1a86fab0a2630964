"""A folder's plan and result as lines."""

from __future__ import annotations

from pathlib import Path

from support.job_stacks import stack_config

from runctl_auto.cli.views.folder_plan import plan_lines, result_lines
from runctl_auto.cost.estimate import estimate
from runctl_auto.engine.events import PlannedChange
from runctl_auto.errors import FieldProblem, JobFileError
from runctl_auto.jobs.folder.entry import (
    Entry,
    EntryResult,
    FolderPlan,
    FolderResult,
    OtherFile,
    Removed,
    failure_of,
)

CREATED = PlannedChange("create", "aws:s3/bucket:Bucket", "b", "urn")
COMPONENT = PlannedChange("create", "runctl:aws:ArtifactBucket", "b", "urn:c")
PROBLEM = FieldProblem("bad.yaml", 3, 1, "regoin", "is not a field of a job file")


def entries() -> tuple[Entry, ...]:
    error = JobFileError("the job file is not valid", problems=[PROBLEM], next_step="Correct it.")
    return (
        Entry(
            action="create",
            reason="its file is new",
            job="new",
            file="new.yaml",
            is_previewed=True,
            changes=(CREATED, COMPONENT),
            cost=estimate(stack_config()),
        ),
        Entry(action="invalid", reason=error.what, job="bad", file="bad.yaml", error=failure_of(error)),
        *(
            Entry(action="unchanged", reason="its run goes on (running)", job=f"job-{number}", file="x.yaml")
            for number in range(12)
        ),
    )


def plan() -> FolderPlan:
    return FolderPlan(
        folder=Path("/ml/jobs"),
        entries=entries(),
        others=(OtherFile("compose.yaml", "a Compose file"),),
        removed=(Removed("old", "old.yaml"),),
        left_aside=3,
    )


def test_what_changes_and_what_is_wrong_is_told_and_the_rest_counted() -> None:
    lines = list(plan_lines(plan(), every_job=False))
    text = "\n".join(lines)
    assert "+ new" in text
    assert "1 to create;" in text, "components are no resources"
    assert "      " + str(PROBLEM) in [f"      {line.strip()}" for line in lines]
    assert sum("not valid" in line for line in lines) == 1, "the reason is told once"
    assert "1 to create, 12 unchanged, 1 invalid" in text
    assert "job-3" not in text
    assert "compose.yaml: a Compose file" in text
    assert "old.yaml is gone: old; --prune ends it" in text
    assert "not looked at: 3" in text
    assert "job-3" in "\n".join(plan_lines(plan(), every_job=True))


def test_costs_are_told_only_when_all_are_known() -> None:
    assert any("an hour:" in line for line in plan_lines(plan(), every_job=False))
    unknown = Entry(action="create", reason="its file is new", job="other", file="other.yaml")
    quick = FolderPlan(folder=Path("/ml/jobs"), entries=(unknown,))
    assert not any("an hour:" in line for line in plan_lines(quick, every_job=False))


def test_results_tell_errors_and_what_was_not_begun() -> None:
    found = entries()
    results = (
        EntryResult(entry=found[0], outcome="not-begun"),
        EntryResult(entry=found[1], outcome="failed", error=found[1].error),
        *(EntryResult(entry=each, outcome="nothing-to-do") for each in found[2:]),
    )
    text = "\n".join(result_lines(FolderResult(plan=plan(), results=results)))
    assert "create: not-begun" in text
    assert "next: Correct it." in text
    assert "12 with nothing to do" in text
