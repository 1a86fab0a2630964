"""Drift as text and as JSON: what is gone and what differs, told apart by protection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runctl_auto.engine.refresh_plan import Difference, ResourceDrift
    from runctl_auto.operations.drift import CheckedDrift, DriftResult


def drift_json(result: DriftResult) -> dict[str, Any]:
    """All jobs that were looked at."""
    return {
        "jobs": [_job_json(each) for each in result.jobs],
        "drifted": [each.job for each in result.drifted],
        "unread": [{"file": file, "error": failure.as_json()} for file, failure in result.unread],
    }


def show_drift(line: Callable[[str], None], result: DriftResult) -> None:
    """Prints what has drifted, then the counts."""
    for each in result.jobs:
        for text in _job_lines(each):
            line(text)
    for file, failure in result.unread:
        line(f"? {file}: {failure.text}")
    failed = sum(each.error is not None for each in result.jobs)
    line(
        f"{len(result.drifted)} of {len(result.jobs)} jobs have drifted"
        + (f", {failed} could not be looked at." if failed else ".")
    )


def _job_json(job: CheckedDrift) -> dict[str, Any]:
    drift = job.drift
    return {
        "job": job.job,
        "run": drift.run if drift else None,
        "phase": drift.phase if drift else None,
        "resources": [_resource_json(each) for each in drift.drifted] if drift else [],
        "expected": [_resource_json(each) for each in drift.expected] if drift else [],
        "error": job.error.as_json() if job.error else None,
    }


def _resource_json(resource: ResourceDrift) -> dict[str, Any]:
    return {
        "resource": resource.name,
        "type": resource.type,
        "id": resource.id,
        "kind": resource.kind,
        "protected": resource.protected,
        "differences": [each.as_json() for each in resource.differences],
    }


def _job_lines(job: CheckedDrift) -> Iterator[str]:
    if job.error is not None:
        yield f"? {job.job}: could not be looked at: {job.error.text}"
        if job.error.next_step:
            yield f"    {job.error.next_step}"
    if job.drift is None or not job.drift.drifted:
        return
    yield f"{job.job}:"
    for each in sorted(job.drift.drifted, key=lambda each: not each.protected):
        yield from _resource_lines(each)
    if job.drift.protected:
        yield "    protected: nothing replaces or deletes it; what is gone must be restored by hand"
    yield (f"    `runctl apply --refresh FOLDER` with the file of '{job.job}' makes it what the file says")


def _resource_lines(resource: ResourceDrift) -> Iterator[str]:
    from runctl_auto.cli.progress import short_type

    sign = "-" if resource.kind == "gone" else "~"
    protected = ", PROTECTED" if resource.protected else ""
    what = " is gone" if resource.kind == "gone" else ""
    yield f"  {sign} {resource.name} ({short_type(resource.type)}{protected}) {resource.id}{what}"
    for each in resource.differences:
        yield f"      {each.property}: {_change(each)}"


def _change(difference: Difference) -> str:
    if difference.secret:
        return "a secret value differs"
    return f"was {_value(difference.was)}, is {_value(difference.now)}"


def _value(value: str | None) -> str:
    return "unset" if value is None else value
