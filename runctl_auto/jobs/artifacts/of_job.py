"""The artifacts of all runs of a job, before a teardown deletes the bucket with them."""

from __future__ import annotations

from runctl_auto.agent.keys import artifacts_prefix
from runctl_auto.errors import CloudError, UnfetchedArtifactsError
from runctl_auto.jobs.artifacts.fetch import Download, fetch_artifacts
from runctl_auto.jobs.job import Job
from runctl_auto.local.printable import printable
from runctl_auto.providers.contract import MOST_RUNS, Results
from runctl_auto.stack.state import BUCKET, StackState


def fetch_all_artifacts(job: Job, state: StackState) -> tuple[Download, ...]:
    """Artifacts of all runs that left some. What cannot be fetched stops the teardown, once all others are
    here.
    """
    return () if state.first(BUCKET) is None else fetch_stored_artifacts(job)


def fetch_stored_artifacts(job: Job) -> tuple[Download, ...]:
    """As ``fetch_all_artifacts``, of a job whose results are there."""
    results, folder = job.results, job.downloads
    fetched: list[Download] = []
    refused: list[UnfetchedArtifactsError] = []
    with job.session.reporter.working("fetching artifacts"):
        runs = results.runs()
        for run in runs:
            try:
                _refuse_incomplete(results, run)
                found = fetch_artifacts(results, run, folder / run)
            except UnfetchedArtifactsError as error:
                refused.append(error)
                continue
            if found is not None:
                fetched.append(found)
    for other in refused[1:]:
        job.session.reporter.say(printable(other.what))
    if refused:
        raise refused[0]
    if len(runs) >= MOST_RUNS:
        raise _too_many_runs(job, results)
    return tuple(fetched)


def unfetchable_artifacts(job: Job, state: StackState) -> tuple[UnfetchedArtifactsError, ...]:
    """Why ``fetch_all_artifacts`` would stop a teardown now, as far as that is known without fetching."""
    return () if state.first(BUCKET) is None else unfetchable_stored_artifacts(job)


def unfetchable_stored_artifacts(job: Job) -> tuple[UnfetchedArtifactsError, ...]:
    """As ``unfetchable_artifacts``, of a job whose results are there."""
    results = job.results
    refused: list[UnfetchedArtifactsError] = []
    runs = results.runs()
    for run in runs:
        try:
            _refuse_incomplete(results, run)
        except UnfetchedArtifactsError as error:
            refused.append(error)
    if len(runs) >= MOST_RUNS:
        refused.append(_too_many_runs(job, results))
    return tuple(refused)


def _too_many_runs(job: Job, results: Results) -> UnfetchedArtifactsError:
    return UnfetchedArtifactsError(
        f"The bucket names more than {MOST_RUNS} runs of job '{job.name}', and not all were looked at.",
        where={"bucket": results.name, "job": job.name},
        next_step="Look at runs/ in the bucket; --discard-artifacts gives up what was not fetched.",
    )


def _refuse_incomplete(results: Results, run: str) -> None:
    """Refuses a run whose artifacts are not all in the bucket."""
    if results.has_unlisted_artifacts(run):
        raise UnfetchedArtifactsError(
            f"Run {run} was writing its artifacts when its machine ended: some are in the bucket, and no "
            "list of them.",
            where={"bucket": results.name, "run": run},
            next_step=f"Fetch {artifacts_prefix(run)} by hand or let `runctl up` finish the run; "
            "--discard-artifacts gives them up.",
        )
    _refuse_never_stored(results, run)


def _refuse_never_stored(results: Results, run: str) -> None:
    """Refuses a run that has ended and could store none of its artifacts."""
    try:
        status = results.status(run)
    except CloudError:  # nothing is known of it: then nothing is known to be lost
        return
    lost = status.unsaved_artifacts if status is not None and status.ended else None
    if lost is not None and results.artifacts(run) is None:
        raise UnfetchedArtifactsError(
            f"Run {run} has ended and could not store its artifacts: {lost}",
            where={"bucket": results.name, "run": run},
            next_step="Its last checkpoint may hold what is needed: `runctl checkpoint pull JOB` fetches it; "
            "--discard-artifacts gives the artifacts up.",
        )
