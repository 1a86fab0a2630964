"""Plans what applying a job file would change: the part that ``up`` and ``preview`` share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TypeVar

from runctl_auto.cost.budgets import Budget
from runctl_auto.cost.estimate import estimate
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.bills.budget_check import budget_notes, budgets_for_plan
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.configuration import Configuration
from runctl_auto.jobs.current_job import NEW_JOB, CurrentJob
from runctl_auto.jobs.follow.follow import await_end
from runctl_auto.jobs.intent import Intent, decide
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.material import Material, gather
from runctl_auto.jobs.notices.webhook_address import with_webhook
from runctl_auto.jobs.phase_times import PhaseTimes
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.secret_values import job_secrets
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.held_volumes import refuse_what_the_state_forbids
from runctl_auto.jobs.storage.volumes_of_job import with_ids_of_volumes
from runctl_auto.local import correlation
from runctl_auto.protection.changes import protection_notes
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.source import Source

ResultT = TypeVar("ResultT")
_OFFERS_SHOWN = 3


class JobFileChange(Change[Intent, ResultT]):
    """Makes the job what its file says. ``times`` counts the seconds of its phases.

    ``afresh``: whether a new run leaves the checkpoints of the previous one; None: as that ended. ``source``:
    the file of a folder that is applied; None for a job by itself. ``refresh``: what others have changed in
    the cloud is looked for also where the job has no machine.
    """

    title = "preparing"

    def __init__(
        self,
        session: Session,
        checked: CheckedJob,
        *,
        rerun: bool,
        afresh: bool | None = None,
        source: Source | None = None,
        refresh: bool = False,
    ) -> None:
        super().__init__(session.job(checked.spec.name), checked.file)
        self.current: CurrentJob = NEW_JOB
        self.config: StackConfig | None = None
        self.times = PhaseTimes(session.time.monotonic)
        self._checked = checked
        self._rerun = rerun
        self._afresh = afresh
        self._source = source
        self._refresh = refresh
        self._was_configured = True
        self._material: Material | None = None
        self.budgets: tuple[Budget, ...] = ()
        """The monthly budgets that the plan concerns."""

    def was_configured(self) -> bool:
        return self._was_configured

    @property
    def refreshes(self) -> bool:
        """Whether the engine first asks the cloud how what the state holds is now."""
        return self._refresh or self.current.has_compute

    def open(self) -> None:
        """The engine opens or makes the stack while the work folder is packaged."""
        self.session.driver.expect_programs()
        with self.times.phase("prepare"), ThreadPoolExecutor(max_workers=1) as beside:
            opening = beside.submit(self.job.open_or_create)
            try:
                self._material = gather(self.session, self._checked)
            finally:
                opening.result()
                self.config = self.job.config()
                self._was_configured = self.config is not None

    def decide(self) -> Intent:
        assert self._material is not None  # noqa: S101 - open gathered it
        spec, job = self._checked.spec, self.job
        with self.times.phase("prepare"):
            refuse_what_the_state_forbids(self._checked.file, self.current.state)
            environ, held = self.session.shell, job.stack.secrets()
            secrets = job_secrets(spec, environ, held)
            intent = decide(
                self.session,
                with_ids_of_volumes(self.session, spec),
                self.current,
                self._material,
                rerun=self._rerun,
                afresh=self._afresh,
                source=self._source,
                variables={**held, **environ},
            )
            correlation.note_run(job.name, intent.config.run.id)
            return with_webhook(intent, secrets, environ, held)

    def configure(self, decision: Intent) -> Configuration:
        return Configuration(decision.config, decision.secrets)

    def plan(self, decision: Intent) -> PlanView:
        with self.times.phase("preview"):
            view = plan_for(self.job, self.current, decision, refresh=self.refreshes)
        self.budgets = budgets_for_plan(
            self.session, decision.config.owner, view.plan, decision.config.job.tags
        )
        notes = (
            *view.notes,
            *budget_notes(self.budgets),
            *_notes_on_retry(self._checked.spec),
            *_notes_on_checkpoints(self._checked),
        )
        return replace(view, notes=notes, work_folder=self._checked.work_folder)


def plan_for(job: Job, current: CurrentJob, intent: Intent, *, refresh: bool) -> PlanView:
    """The plan with the stack's configuration as it is; waits first while a machine is shutting down."""
    with job.session.reporter.working("planning"):
        _await_dead_machine(job, current)
        plan = job.stack.preview(refresh=refresh)
    notes = ["the run that is active is stopped gracefully first"] if intent.replaces_active_run else []
    notes += intent.notes
    notes += [
        f"secret {name}: not set here; the value that the stack keeps is used" for name in intent.secrets.kept
    ]
    notes += plan.advice
    notes += protection_notes(current.config.protection if current.config else None, intent.wanted)
    ended = not _is_new_run(current, intent) and current.status is not None and current.status.ended
    return PlanView(
        job.name,
        intent.config.run.id,
        plan,
        intent.config.placement,
        tuple(notes),
        program=job.session.program,
        offers=tuple(each for each in intent.offers if each.offer.places)[:_OFFERS_SHOWN],
        cost=estimate(intent.config, ended=ended),
        cost_before=estimate(current.config) if current.config and current.has_compute else None,
    )


def _is_new_run(current: CurrentJob, intent: Intent) -> bool:
    return current.config is None or current.config.run.id != intent.config.run.id


def _notes_on_retry(spec: JobSpec) -> Iterator[str]:
    if spec.max_attempts > 1:
        yield (
            f"retry: if they fail, setup and run are tried {spec.max_attempts} times at most, on the same "
            "machine and within the job's limits"
        )


def _notes_on_checkpoints(checked: CheckedJob) -> Iterator[str]:
    path = PurePosixPath(checked.spec.checkpoints.path)
    count = len(checked.work_folder.files_below(str(path)))
    if count:
        yield (
            f"the checkpoint folder {path}/ holds {count} file{'s' if count > 1 else ''} of the work folder: "
            "the job starts with them, under those of the checkpoint that it continues from"
        )


def _await_dead_machine(job: Job, current: CurrentJob) -> None:
    """While a machine is shutting down the provider still sees it: waits until it is terminated."""
    if not current.instances or current.config is None:
        return
    provider = job.session.provider(current.config.placement.region)
    for instance in current.instances:
        await_end(provider, provider.machine(instance), job.session.time)
