"""``up`` of a job of this machine: its folder, its place in the queue, its agent, and following it.

No cloud, no stack, no engine: what is to be done is read from the job's folder, and every step may be
repeated after a kill at any moment.
"""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from runctl_auto.agent.contract import Phase
from runctl_auto.agent.local.capacity import Capacity
from runctl_auto.agent.local.host import host_name
from runctl_auto.agent.local.spawn import spawn
from runctl_auto.agent.saving.lineage import OwnLineage
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.errors import InterruptionsExhaustedError, MachineLostError, UsageError
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.local.applicable import Applied, applied_here
from runctl_auto.jobs.local.container import choose_container_here
from runctl_auto.jobs.local.decision import LocalCurrent, config_here, current_here, run_here
from runctl_auto.jobs.local.environment import inherited
from runctl_auto.jobs.local.follow import AgentGone, LocalFollower, await_last_agent
from runctl_auto.jobs.local.names import refuse_name_of_stack
from runctl_auto.jobs.local.packages import lay_in, lay_in_code
from runctl_auto.jobs.phase_times import PhaseTimes
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.secret_values import job_secrets
from runctl_auto.jobs.up_options import START_FROM_NOTHING, AnyUpOptions, nothing_to_start_from
from runctl_auto.jobs.up_result import UpResult, training_failed
from runctl_auto.operations.local.surroundings import LocalSurroundings
from runctl_auto.packaging.package import code_sha256
from runctl_auto.packaging.work_folder import WorkFolder
from runctl_auto.providers.local.container_runtime import find_runtime, present_image
from runctl_auto.providers.local.this_machine import capacity_of, refuse_unknown_system
from runctl_auto.providers.registries.client import registry_client
from runctl_auto.run.identity import RunIdentity
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import FOLDER, PROCESS

MAX_RESTARTS = 20


@dataclass(frozen=True)
class LocalUpOptions(AnyUpOptions):
    """How ``up`` is asked to work."""

    is_asked_for: bool = False
    """Whether the person has named this machine, not the job file alone."""


def up_here(around: LocalSurroundings, job: CheckedJob, options: LocalUpOptions) -> UpResult:
    """Makes the job what its file says. Blocks until its training has ended, unless ``detach``.

    Idempotent. Raises ``TrainingFailedError`` when the training ends without success, ``NoCapacityError``
    for more than this machine has, ``ConfirmationNeededError`` when the plan was declined.
    """
    return _Up(around, job, options).run()


@dataclass(frozen=True)
class _Wanted:
    """What the job file, the work folder and the caller's environment come to on this machine."""

    capacity: Capacity
    applied: Applied
    work: WorkFolder
    sha256: str
    environment: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """The job as it is, and the configuration that it is to have."""

    current: LocalCurrent
    config: StackConfig
    on_container: tuple[str, ...] = ()

    @property
    def is_same_run(self) -> bool:
        return self.current.config is not None and self.current.config.run.id == self.config.run.id

    @property
    def begins(self) -> bool:
        """Whether an agent is to be started: of a new run, or of one that has lost its own."""
        return not self.is_same_run or not (self.current.has_ended or self.current.goes_on)

    @property
    def replaces(self) -> bool:
        """Whether another run goes on, and is to be stopped first."""
        return not self.is_same_run and self.current.goes_on

    @property
    def changes(self) -> bool:
        return self.begins or self.current.config != self.config

    @property
    def notes(self) -> tuple[str, ...]:
        if self.replaces:
            return ("the run that is active is stopped gracefully first", *self.on_container)
        if self.begins and self.is_same_run:
            return ("the run has no agent any more: it goes on from its last checkpoint",)
        return self.on_container


class _Up:
    def __init__(self, around: LocalSurroundings, job: CheckedJob, options: LocalUpOptions) -> None:
        self._around = around
        self._jobs = around.jobs
        self._name = job.spec.name
        self._spec = job.spec
        self._work = job.work_folder
        self._options = options
        self._times = PhaseTimes(time.monotonic)
        self._reporter = around.reporter
        self._changed = False

    def run(self) -> UpResult:
        self._refuse()
        with self._times.phase("prepare"):
            wanted = self._wanted()
            plan = self._planned(wanted)
        secrets = self._secrets() if plan.begins else {}
        self._changed = plan.changes
        if plan.changes:
            self._confirm(plan, wanted)
            with self._jobs.claimed(self._name):
                plan = self._planned(wanted)  # another command may have been faster
                with self._times.phase("apply"):
                    self._apply(plan, wanted, secrets)
        if self._options.detach:
            return self._result(plan.config)
        status = plan.current.status
        if not plan.begins and status is not None and status.ended:
            if status.phase != Phase.STOPPED:
                self._reporter.say(f"run {status.run} has ended before; --rerun makes a new attempt")
            return self._finish(plan.config, status)
        return self._until_end(plan, secrets)

    def _refuse(self) -> None:
        refuse_unknown_system()
        if not self._options.is_asked_for:
            _refuse_disabled(self._around, self._name)
        refuse_name_of_stack(self._around.folders, self._name)

    def _wanted(self) -> _Wanted:
        capacity = capacity_of(self._around.settings)
        applied = applied_here(
            self._spec,
            self._work,
            capacity,
            runtime=lambda: find_runtime(self._name, self._around.shell),
        )
        work = self._work.without_results(self._around.downloads.resolve())
        environment, note = inherited(self._around.shell, self._jobs.folder(self._name).temporary)
        user = f"it runs as you ({getpass.getuser()}): what you may read and change here, it may too"
        notes = (user, *applied.notes, *([note] if note else []))
        return _Wanted(capacity, applied, work, code_sha256(work), environment, notes)

    def _secrets(self) -> Mapping[str, str]:
        return job_secrets(self._spec, self._around.shell, {}).values

    def _planned(self, wanted: _Wanted) -> _Plan:
        current, run = self._decided(wanted.sha256)
        container, notes = choose_container_here(
            self._spec,
            current.config,
            run,
            wanted.applied.runtime,
            present=present_image,
            resolve=registry_client(os.environ).resolve,
            known=self._around.shell,
        )
        config = config_here(self._spec, run, self._around.settings.owner, host_name(), container)
        return _Plan(current, config, notes)

    def _apply(self, plan: _Plan, wanted: _Wanted, secrets: Mapping[str, str]) -> None:
        """Every step may be repeated: what tells that the job is there comes after what it needs."""
        if plan.replaces and plan.current.config is not None:
            self._stop(plan.current.config)
        folder = self._jobs.folder(self._name)
        lay_in_code(folder, wanted.work, wanted.sha256)
        lay_in(folder, plan.config, wanted.applied, wanted.environment)
        self._choose_checkpoint(plan.config)
        self._jobs.write_config(self._name, plan.config)
        self._jobs.queue.offer(wanted.capacity)
        if plan.begins:
            self._begin(plan.config, secrets)

    def _decided(self, sha256: str) -> tuple[LocalCurrent, RunIdentity]:
        current = current_here(self._jobs, self._name)
        options = self._options
        if options.start_from is not None and current.config is None:
            raise nothing_to_start_from(self._name)
        return current, run_here(self._spec, sha256, current, rerun=options.rerun, afresh=options.afresh)

    def _confirm(self, plan: _Plan, wanted: _Wanted) -> None:
        changes = [PlannedChange("create", FOLDER, self._name, "")] if plan.current.config is None else []
        changes += [PlannedChange("create", PROCESS, self._name, "")] if plan.begins else []
        view = PlanView(
            self._name,
            plan.config.run.id,
            Plan(tuple(changes), 0),
            plan.config.placement,
            (*plan.notes, *wanted.notes),
            work_folder=self._work,
        )
        self._reporter.plan(view)
        require_confirmation(
            self._reporter,
            "Apply this?",
            "Nothing was changed: the plan was not confirmed.",
            yes=self._options.yes,
            where={"job": self._name},
        )

    def _stop(self, config: StackConfig) -> None:
        from runctl_auto.jobs.local.stopping import stop_here

        with self._reporter.working("stopping the run that is replaced"):
            outcome = stop_here(
                self._jobs, self._name, config.run.id, reason="replace", grace=self._options.grace_seconds
            )
        if outcome.how == "late":
            self._reporter.say("the run did not stop in time; it goes on from its last checkpoint")

    def _choose_checkpoint(self, config: StackConfig) -> None:
        start = self._options.start_from
        if start is None or start == START_FROM_NOTHING:
            return
        from runctl_auto.operations.checkpoint import sequence_of

        objects = self._jobs.results(self._name).objects()
        OwnLineage(objects, config.run.lineage).choose(sequence_of(start))

    def _begin(self, config: StackConfig, secrets: Mapping[str, str]) -> None:
        """Puts the run into the queue; one with secrets waits as a process of its own, which holds them."""
        await_last_agent(self._jobs.folder(self._name), self._jobs.queue)
        start = partial(spawn, secrets=secrets) if config.secret_names else None
        self._jobs.queue.enter(self._name, config.run.id, start)

    def _until_end(self, plan: _Plan, secrets: Mapping[str, str]) -> UpResult:
        config = plan.config
        folder = self._jobs.folder(self._name)
        follower = LocalFollower(
            self._name,
            config.run.id,
            self._jobs.results(self._name),
            self._jobs.queue,
            self._reporter,
            alive=folder.agent_lives,
            known=plan.current.status if plan.begins and plan.is_same_run else None,
        )
        restarts = 0
        with self._times.phase("training"):
            while True:
                outcome = follower.until_end()
                if isinstance(outcome, RunStatus):
                    break
                restarts += 1
                self._restart(config, outcome, restarts, secrets)
        return self._finish(config, outcome, restarts)

    def _restart(
        self, config: StackConfig, gone: AgentGone, restarts: int, secrets: Mapping[str, str]
    ) -> None:
        where = {"job": self._name, "run": config.run.id}
        if self._spec.recovers_by == "none":
            raise MachineLostError(
                f"Run {config.run.id} of job '{self._name}' lost its agent, and has not ended.",
                where=where,
                next_step="`runctl up` goes on from the last checkpoint.",
            )
        if restarts > MAX_RESTARTS or (restarts > 1 and gone.status is None):
            raise InterruptionsExhaustedError(
                f"Run {config.run.id} lost its agent {restarts} times.",
                where={**where, "log": str(self._jobs.folder(self._name).console)},
                next_step=f"The log tells why; `runctl down {self._name}` removes the job.",
            )
        self._reporter.say("the agent is gone before the run has ended: it goes on from its last checkpoint")
        if config.secret_names and not secrets:
            secrets = self._secrets()
        with self._jobs.claimed(self._name, patience_seconds=60.0):
            if not current_here(self._jobs, self._name).goes_on:
                self._begin(config, secrets)

    def _finish(self, config: StackConfig, status: RunStatus, restarts: int = 0) -> UpResult:
        from runctl_auto.jobs.artifacts.fetch import fetch_artifacts

        with self._times.phase("bring home"):
            run = config.run.id
            home = self._around.downloads / self._name / run
            download = fetch_artifacts(self._jobs.results(self._name), run, home)
        result = UpResult.of(
            config,
            changed=self._changed,
            seconds=self._times.seconds,
            status=status,
            download=download,
            replacements=restarts,
        )
        if not status.succeeded:
            raise training_failed(config, status, result)
        return result

    def _result(self, config: StackConfig) -> UpResult:
        return UpResult.of(config, changed=self._changed, seconds=self._times.seconds)


def _refuse_disabled(around: LocalSurroundings, job: str) -> None:
    """A job file may be somebody else's: that its commands run here is for the person to say."""
    if not around.settings.local.enabled:
        raise UsageError(
            f"Job '{job}' is to run on this machine (provider: local), with all that you may do, and your "
            "settings do not let job files choose that.",
            where={"job": job, "setting": "local.enabled"},
            next_step="`runctl up --provider local JOB.yaml` runs this one; "
            "`runctl config set --personal local.enabled true` lets all job files choose.",
        )
