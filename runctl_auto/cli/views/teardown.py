"""Teardowns as text and as JSON: what was deleted, kept and left, or would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runctl_auto.local.printable import printable

if TYPE_CHECKING:
    from runctl_auto.jobs.artifacts.fetch import Download
    from runctl_auto.jobs.teardown.preview import TeardownForecast
    from runctl_auto.leftovers.receipt import Receipt
    from runctl_auto.operations.down import DownResult
    from runctl_auto.operations.down_all import DownAllResult, EndedJob

Line = Callable[[str], None]


def result_json(result: DownResult) -> dict[str, Any]:
    """A teardown."""
    return {
        **result.receipt.as_json(),
        "dry_run": False,
        "planned": [vars(each) for each in result.planned],
        "unfetched": [],
        "stopped": result.stopped.how if result.stopped else None,
        "artifacts": [str(each.folder) for each in result.downloads],
        "receipt_file": str(result.receipt_file) if result.receipt_file else None,
    }


def forecast_json(forecast: TeardownForecast) -> dict[str, Any]:
    """What a teardown would do, with the keys of one."""
    return {
        **forecast.receipt.as_json(),
        "nothing_left": False,
        "dry_run": True,
        "planned": [vars(each) for each in forecast.planned],
        "unfetched": [each.text for each in forecast.unfetched],
        "stopped": None,
        "artifacts": [],
        "receipt_file": None,
    }


def show_result(line: Line, result: DownResult) -> None:
    """Prints a teardown."""
    receipt = result.receipt
    for each in result.downloads:
        _show_download(line, each)
    _show_deleted(line, "deleted", receipt.deleted)
    _show_rest(line, receipt)
    if result.receipt_file is not None:
        line(f"receipt: {result.receipt_file}")
    if not receipt.is_complete:
        return
    if receipt.kept:
        line(f"Nothing else of job '{receipt.job}' is left.")
    else:
        line(f"Nothing of job '{receipt.job}' is left.")


def show_forecast(line: Line, forecast: TeardownForecast) -> None:
    """Prints what a teardown would do."""
    receipt = forecast.receipt
    _show_deleted(line, "would be deleted", forecast.planned)
    _show_rest(line, receipt)
    for each in forecast.unfetched:
        line(f"would stop it: {each.what}")
        if each.next_step:
            line(f"  {each.next_step}")
    line(f"Dry run: nothing of job '{forecast.job}' was changed.")


def all_json(result: DownAllResult) -> dict[str, Any]:
    """The teardowns of many jobs, each as if it were alone."""
    return {"dry_run": result.dry_run, "jobs": [_one_of_many(each) for each in result.jobs]}


def _one_of_many(job: EndedJob) -> dict[str, Any]:
    told = None
    if job.result is not None:
        told = result_json(job.result)
    elif job.forecast is not None:
        told = forecast_json(job.forecast)
    return {
        "job": job.job,
        "owner": job.owner,
        "ended": job.result is not None,
        "teardown": told,
        "error": job.error.as_json() if job.error else None,
    }


def show_all(line: Line, result: DownAllResult) -> None:
    """Prints the teardowns of many jobs: a line each, and what is kept, left or failed."""
    if not result.jobs:
        line("No job matches.")
        return
    for each in result.jobs:
        line(f"{each.job}: {_fate(each)}")
        receipt = each.result.receipt if each.result else each.forecast.receipt if each.forecast else None
        if receipt is not None:
            _show_rest(lambda text: line(f"  {text}"), receipt)
        if each.error is not None:
            line(f"  ! {each.error.text}")
            if each.error.next_step:
                line(f"    {each.error.next_step}")
    ended = sum(each.result is not None for each in result.jobs)
    failed = sum(each.error is not None for each in result.jobs)
    if result.dry_run:
        line(f"Dry run: {len(result.jobs) - failed} of {len(result.jobs)} jobs would be ended.")
    else:
        line(f"{ended} of {len(result.jobs)} jobs ended" + (f", {failed} with problems." if failed else "."))


def _fate(job: EndedJob) -> str:
    if job.result is not None:
        return f"ended, {len(job.result.receipt.deleted)} deleted"
    if job.error is not None:
        return "not ended"
    return f"{len(job.forecast.planned)} would be deleted" if job.forecast else "unknown"


def _show_download(line: Line, download: Download) -> None:
    line(f"artifacts: {download.folder} ({len(download.files)} files)")
    for problem in download.problems:
        line(f"  not stored: {printable(problem.path)} {printable(problem.why)}")


def _show_deleted(line: Line, heading: str, deleted: Any) -> None:
    from runctl_auto.cli.progress import short_type

    line(f"{heading} ({len(deleted)}):")
    for each in deleted:
        line(f"  - {each.name} ({short_type(each.type)}) {each.id}")


def _show_rest(line: Line, receipt: Receipt) -> None:
    """What is kept, cannot be deleted, and is leaked."""
    from runctl_auto.cli.progress import short_type
    from runctl_auto.reports.figures import age_text, cost_text

    if receipt.kept:
        line(f"kept ({len(receipt.kept)}):")
    for kept in receipt.kept:
        line(f"  = {kept.name} ({short_type(kept.type)}) {kept.id}: {kept.why}")
    if receipt.blocked:
        line(f"could not be deleted ({len(receipt.blocked)}):")
    for blocked in receipt.blocked:
        line(f"  ! {blocked.name} ({short_type(blocked.type)}) {blocked.id}: {blocked.why}")
        line(f"    {blocked.next_step}")
    if receipt.leaked:
        line(f"left ({len(receipt.leaked)}):")
    for leak in receipt.leaked:
        line(f"  ! {leak.kind} {leak.id}: {age_text(leak.age_seconds)}, {cost_text(leak.cost_hour)}")
        line(f"    {leak.remove}")
    for foreign in receipt.foreign:
        line(f"not touched, since it is {foreign.owner}'s: {foreign.kind} {foreign.id}")
    for unchecked in receipt.unchecked:
        line(f"not looked for: {unchecked.kind}: {unchecked.why}")
