"""``up``: makes the job file true, follows the training to its end and brings the result home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from runctl_auto.agent.contract import GRACE_SECONDS, Phase, Reason
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import (
    ConfirmationNeededError,
    InterruptionsExhaustedError,
    JobEndedError,
    NotFoundError,
    StackLockedError,
    TrainingFailedError,
)
from runctl_auto.jobs.admission import admitted
from runctl_auto.jobs.apply import apply_in_first_place, protect_when_placed
from runctl_auto.jobs.artifacts import Homecoming, bring_home
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.claim import claimed
from runctl_auto.jobs.ended_elsewhere import refuse_ended_elsewhere, refuse_stopped_elsewhere
from runctl_auto.jobs.follow import Follower, Lost, await_end
from runctl_auto.jobs.graceful_stop import stop_run
from runctl_auto.jobs.intent import Intent, Present, look, other_places
from runctl_auto.jobs.job_file_lines import with_job_file_lines
from runctl_auto.jobs.permitted import refuse_too_many_jobs
from runctl_auto.jobs.planning import (
    held_config,
    no_trace_of_what_is_refused,
    plan_for,
    prepare,
    tentative_config,
    unchanged_when_locked,
)
from runctl_auto.jobs.recovery import nothing_unrecorded
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.results import read_metrics
from runctl_auto.jobs.session import Workplace
from runctl_auto.providers.aws.machines import find_machine
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement, StackConfig
from runctl_auto.stack.state import INSTANCE

MAX_REPLACEMENTS = 10
PATIENCE_WITH_OTHERS_SECONDS = 600.0
"""How long a command that follows a run waits for another that works on the job."""
LOCK_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class UpOptions:
    """How ``up`` is asked to work."""

    yes: bool = False
    detach: bool = False
    rerun: bool = False
    grace_seconds: int = GRACE_SECONDS


@dataclass(frozen=True)
class UpResult:
    """What ``up`` came to. ``status`` is None when nobody waited for the end; ``seconds`` per phase."""

    job: str
    run: str
    attempt: int
    placement: Placement
    changed: bool
    status: RunStatus | None = None
    home: Homecoming | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    replacements: int = 0


def up(workplace: Workplace, job: CheckedJob, options: UpOptions) -> UpResult:
    """Applies ``job``. Blocks until the training has ended unless ``detach``.

    Idempotent: the same file applied twice changes nothing. Raises ``TrainingFailedError`` when the training
    ends without success, ``NoCapacityError`` when no place has capacity, ``ConfirmationNeededError`` when
    the plan was declined.
    """
    return _Up(workplace, job, options).run()


class _Up:
    def __init__(self, workplace: Workplace, job: CheckedJob, options: UpOptions) -> None:
        self._workplace = workplace
        self._job = job
        self._options = options
        self._reporter = workplace.reporter
        self._seconds: dict[str, float] = {}

    def run(self) -> UpResult:
        with claimed(self._workplace, self._job.spec.name):
            self._workplace.driver.expect_programs()
            stack, present, config, changed = self._plan_and_apply()
        if self._options.detach:
            return self._result(config, changed)
        if not changed and present.status is not None and present.status.ended:
            self._reporter.say(f"run {config.run.id} has ended before; --rerun makes a new attempt")
            return self._finish(stack, config, changed, present.status, 0)
        return self._to_the_end(stack, config, changed)

    def _plan_and_apply(self) -> tuple[JobStack, Present, StackConfig, bool]:
        with self._timed("prepare"):
            stack, present, intent = prepare(self._workplace, self._job, rerun=self._options.rerun)
        settings = held_config(stack)
        config = intent.config
        with ExitStack() as admission:
            changed = self._plan_and_confirm(stack, present, intent, admission)
            if changed:
                self._stop_replaced_run(present, intent)
                with (
                    self._timed("apply"),
                    with_job_file_lines(self._job.file),
                    nothing_unrecorded(self._workplace, stack, config),
                ):
                    with unchanged_when_locked(stack, settings):
                        config = self._apply(stack, present, intent)
                    config = protect_when_placed(stack, config, intent.wanted, self._reporter)
        return stack, present, config, changed

    def _plan_and_confirm(
        self, stack: JobStack, present: Present, intent: Intent, admission: ExitStack
    ) -> bool:
        """Shows the plan and asks. True when there is something to do; what was declined leaves no trace.

        The job counts as one that runs while ``admission`` is open.
        """
        with (
            no_trace_of_what_is_refused(stack, present),
            tentative_config(stack, intent.config, intent.secrets) as settle,
        ):
            with self._timed("preview"), with_job_file_lines(self._job.file):
                view = plan_for(self._workplace, stack, present, intent)
            self._reporter.plan(view)
            refuse_too_many_jobs(self._workplace, stack.job, view.plan)
            has_changes = bool(view.plan.changes) or intent.config.protection != intent.wanted
            if has_changes and not (self._options.yes or self._reporter.confirm("Apply this?")):
                raise ConfirmationNeededError(
                    "Nothing was changed: the plan was not confirmed.",
                    where={"job": stack.job},
                    next_step="Answer yes, or use --yes.",
                )
            admission.enter_context(admitted(self._workplace, stack.job, view.plan))
            settle()
        return has_changes

    def _stop_replaced_run(self, present: Present, intent: Intent) -> None:
        if not intent.replaces_active_run or present.config is None or present.instance is None:
            return
        instance = present.instance
        cloud = self._workplace.cloud(present.config.placement.region)
        with self._timed("stop"), self._reporter.working("stopping the run that is replaced"):
            outcome = stop_run(
                self._workplace.bucket(present.config, cloud),
                present.config.run.id,
                reason=Reason.REPLACE,
                grace_seconds=self._options.grace_seconds,
                machine_runs=lambda: not find_machine(cloud, instance).has_ended,
                sleep=self._workplace.time.sleep,
                clock=self._workplace.time.monotonic,
            )
            await_end(cloud, find_machine(cloud, instance), self._workplace.time)
        if outcome.how == "late":
            self._reporter.say("the run did not stop in time; it goes on from its last checkpoint")

    def _apply(self, stack: JobStack, present: Present, intent: Intent) -> StackConfig:
        def others() -> Iterator[Placement]:
            yield from intent.places[1:] or other_places(self._workplace, intent.config, present)

        config, _ = apply_in_first_place(
            stack, intent.config, others(), self._reporter, refresh=present.instance is not None
        )
        return config

    def _to_the_end(self, stack: JobStack, config: StackConfig, changed: bool) -> UpResult:
        cloud = self._workplace.cloud(config.placement.region)
        bucket = self._workplace.bucket(config, cloud)
        follower = Follower(bucket, cloud, config.run.id, self._reporter, self._workplace.time)
        replacements = 0
        with self._timed("training"):
            outcome = follower.until_end(_instance(stack))
            while isinstance(outcome, Lost):
                replacements += 1
                self._refuse_endless(config, replacements)
                config = self._once_unlocked(partial(self._replace_machine, stack, config, outcome))
                outcome = follower.until_end(_instance(stack))
        return self._finish(stack, config, changed, outcome.status, replacements)

    def _finish(
        self, stack: JobStack, config: StackConfig, changed: bool, status: RunStatus, replacements: int
    ) -> UpResult:
        """Artifacts home, the machine released, and the result, or what went wrong."""
        refuse_stopped_elsewhere(config, status)
        bucket = self._workplace.bucket(config, self._workplace.cloud(config.placement.region))
        fetching = self._reporter.working("bringing artifacts home", after=PATIENCE_SECONDS)
        place = self._workplace.home_of(config.job.name) / config.run.id
        with self._timed("bring home"), fetching:
            try:
                home = bring_home(bucket, config.run.id, place)
            except NotFoundError:
                refuse_ended_elsewhere(stack, config)
                raise
        with self._timed("release"):
            try:
                self._release_machine(stack, config)
            except (JobEndedError, StackLockedError) as error:  # the run's result is home all the same
                self._reporter.say(f"the machine is left to another command: {error.what}")
        result = self._result(config, changed, status, home, replacements)
        if not status.succeeded:
            raise _training_failed(config, status, result)
        return result

    def _replace_machine(self, stack: JobStack, config: StackConfig, lost: Lost) -> StackConfig:
        with self._alone_with(stack, config):
            self._reporter.say(f"machine {lost.machine.id or '(none)'} is lost; making a new one")
            present = look(self._workplace, stack)

            def others() -> Iterator[Placement]:
                yield from other_places(self._workplace, config, present)

            with with_job_file_lines(self._job.file), nothing_unrecorded(self._workplace, stack, config):
                replaced, _ = apply_in_first_place(stack, config, others(), self._reporter, refresh=True)
        return replaced

    def _once_unlocked(self, attempt: Callable[[], StackConfig]) -> StackConfig:
        """What ``attempt`` comes to, once nobody else holds the stack: a command elsewhere knows no claim."""
        time = self._workplace.time
        deadline = time.monotonic() + PATIENCE_WITH_OTHERS_SECONDS
        while True:
            try:
                return attempt()
            except StackLockedError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(LOCK_POLL_SECONDS)

    @contextmanager
    def _alone_with(self, stack: JobStack, config: StackConfig) -> Iterator[None]:
        """Within it no other command of this folder changes the job, which still has this run."""
        with claimed(self._workplace, config.job.name, patience_seconds=PATIENCE_WITH_OTHERS_SECONDS):
            refuse_ended_elsewhere(stack, config)
            yield

    def _refuse_endless(self, config: StackConfig, replacements: int) -> None:
        if replacements > MAX_REPLACEMENTS:
            raise InterruptionsExhaustedError(
                f"Run {config.run.id} lost its machine {replacements} times.",
                where={"job": config.job.name, "run": config.run.id},
                next_step=f"`runctl logs {config.job.name}` shows why; `runctl up` goes on from the last "
                "checkpoint; spot_policy: on-demand avoids interruptions.",
            )

    def _release_machine(self, stack: JobStack, config: StackConfig) -> None:
        """The ended run's machine leaves the stack: the program sees that the run has ended."""
        with self._alone_with(stack, config):
            instance = _instance(stack)
            if instance is None:
                return
            cloud = self._workplace.cloud(config.placement.region)
            with self._reporter.working("releasing the machine"):
                await_end(cloud, find_machine(cloud, instance), self._workplace.time, seconds=60)
                stack.up()

    def _result(
        self,
        config: StackConfig,
        changed: bool,
        status: RunStatus | None = None,
        home: Homecoming | None = None,
        replacements: int = 0,
    ) -> UpResult:
        return UpResult(
            job=config.job.name,
            run=config.run.id,
            attempt=config.run.attempt,
            placement=config.placement,
            changed=changed,
            status=status,
            home=home,
            metrics=read_metrics(home),
            seconds=dict(self._seconds),
            replacements=replacements,
        )

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = self._workplace.time.monotonic()
        try:
            yield
        finally:
            self._seconds[phase] = round(self._workplace.time.monotonic() - started, 2)


def _instance(stack: JobStack) -> str | None:
    found = stack.state().first(INSTANCE)
    return found.id if found else None


def _training_failed(config: StackConfig, status: RunStatus, result: UpResult) -> TrainingFailedError:
    how = f"with exit code {status.exit_code}" if status.exit_code is not None else f"({status.reason})"
    verb = "was stopped" if status.phase == Phase.STOPPED else "failed"
    where = {"job": config.job.name, "run": config.run.id}
    if status.reason:
        where["reason"] = status.reason
    if result.home is not None:
        where["artifacts"] = str(result.home.folder)
    message = f": {status.message}" if status.message else ""
    return TrainingFailedError(
        f"The training of job '{config.job.name}' {verb} {how}{message}.",
        training_exit_code=status.exit_code,
        where=where,
        next_step=f"`runctl logs {config.job.name}` shows its output; `runctl up --rerun` tries again; "
        f"`runctl down {config.job.name}` removes everything.",
    )
