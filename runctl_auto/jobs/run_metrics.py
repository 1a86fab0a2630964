"""The metrics of a job's run: from its bucket, or from what a teardown kept on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.contract import MOST_METRICS_BYTES
from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.keys import metrics_key
from runctl_auto.errors import CloudError, JobNotFoundError, UsageError
from runctl_auto.jobs.job import Job, parse_config
from runctl_auto.jobs.session import Session
from runctl_auto.local.atomic_file import replace_file
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.observe.metrics.series import RunMetrics, metrics_of, parse_metrics
from runctl_auto.run.identity import RUN_ID
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.state import BUCKET, StackState

KEPT = ".metrics"
"""The folder of kept metrics, in the folder of a job's results."""
MOST_KEPT = 100
"""Runs whose metrics one teardown keeps."""


@dataclass(frozen=True)
class RunName:
    """A run as people name it: ``JOB``, for the job's present run, or ``JOB/RUN``."""

    job: str
    run: str | None = None

    @classmethod
    def of(cls, text: str, run: str | None = None) -> RunName:
        """Raises ``UsageError`` when a run is named that is no id of one, or two are named."""
        job, slash, named = text.partition("/")
        if slash and run is not None and named != run:
            raise UsageError(f"'{text}' names a run already.", next_step="Leave out --run.")
        wanted = named if slash else run
        if wanted is not None and not RUN_ID.fullmatch(wanted):
            raise UsageError(
                f"'{wanted}' is not the id of a run.",
                where={"job": job},
                next_step=f"`runctl describe {job}` lists the runs of the job.",
            )
        return cls(job, wanted)


@dataclass(frozen=True)
class MetricsOfRun:
    """The metrics of a run. ``metrics`` is None when it has stored none (yet); ``status`` when it is unknown,
    or the job is gone; ``is_kept``: they are what a teardown kept.
    """

    job: str
    run: str
    metrics: RunMetrics | None
    status: RunStatus | None = None
    is_kept: bool = False

    @property
    def name(self) -> str:
        return f"{self.job}/{self.run}"


def read_run_metrics(session: Session, wanted: RunName) -> MetricsOfRun:
    """The metrics of the run that is named. Blocks; two requests, and no engine.

    Raises ``JobNotFoundError`` when there is neither such a job nor anything that was kept of it.
    """
    job = session.job(wanted.job)
    try:
        config = parse_config(session.driver.config_of(job.name))
    except JobNotFoundError:
        kept = _kept(job, wanted.run)
        if kept is None:
            raise
        return kept
    if config is None:
        raise JobNotFoundError(
            f"Job '{job.name}' was never set up.",
            where={"job": job.name},
            next_step="`runctl up JOB.yaml` sets it up.",
        )
    run = wanted.run or config.run.id
    place = config.placement
    results = session.provider(place.region).results(job.name, place.account)
    found = metrics_of(results.objects(), run)
    if found is None and (kept := _kept(job, run)) is not None:
        return kept
    return MetricsOfRun(job.name, run, found, results.status(run))


def keep_metrics(job: Job, state: StackState, runs: Sequence[str] | None = None) -> None:
    """Keeps the metrics of the job's runs in the folder of its results, before its bucket is deleted.

    What cannot be kept is told, and stops nothing.
    """
    if state.first(BUCKET) is not None:
        keep_stored_metrics(job, runs)


def keep_stored_metrics(job: Job, runs: Sequence[str] | None = None) -> None:
    """As ``keep_metrics``, of a job whose results are there."""
    results, reporter = job.results, job.session.reporter
    try:
        folder = job.downloads / KEPT
        for run in (results.runs() if runs is None else runs)[-MOST_KEPT:]:
            content = results.objects().find(metrics_key(run), MOST_METRICS_BYTES)
            if content is not None and parse_metrics(content, run).problem is None:
                replace_file(folder / f"{run}.json", content.decode("ascii"))
    except (CloudError, IntegrityError, OSError) as error:
        reporter.say(f"the metrics of job '{job.name}' are not kept: {error}")


def _kept(job: Job, run: str | None) -> MetricsOfRun | None:
    """What was kept of the run, or of the newest one."""
    folder = job.downloads / KEPT
    try:
        files = [folder / f"{run}.json"] if run else sorted(folder.glob("*.json"), key=_changed)
        file = next(each for each in reversed(files) if RUN_ID.fullmatch(each.stem))
        content = read_plain_file(file, MOST_METRICS_BYTES, follow=False)
    except (OSError, StopIteration, NotAPlainFileError):
        return None
    return MetricsOfRun(job.name, file.stem, parse_metrics(content, file.stem), is_kept=True)


def _changed(path: Path) -> float:
    return path.stat().st_mtime
