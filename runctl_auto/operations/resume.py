"""``resume``: continues a job that was stopped, from its stack alone: no job file, no work folder.

The next attempt of what ran goes on from the last checkpoint: the same code, environment and secrets, in a
place that is chosen anew. It has its own stop request, so that one that an interrupted ``down`` or ``stop``
left behind counts no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from runctl_auto.agent.contract import Phase
from runctl_auto.cost.budgets import Budget
from runctl_auto.errors import UsageError
from runctl_auto.jobs.apply import apply_in_first_place, clear_machines, protect_when_placed, settle_machine
from runctl_auto.jobs.bills.budget_check import budget_notes, budgets_for_plan, refuse_spent_budgets
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.configuration import Configuration
from runctl_auto.jobs.confirmation import require_confirmation
from runctl_auto.jobs.current_job import NEW_JOB, CurrentJob, current_job
from runctl_auto.jobs.intent import Intent, decide, other_places
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.material import Material
from runctl_auto.jobs.planning import plan_for
from runctl_auto.jobs.recovery import recover
from runctl_auto.jobs.reporting import PlanView
from runctl_auto.jobs.right_account import refuse_another_account
from runctl_auto.jobs.session import Session
from runctl_auto.packaging.package import package_agent
from runctl_auto.providers.compute import compute_in
from runctl_auto.stack.config import Placement, StackConfig


@dataclass(frozen=True)
class ResumeResult:
    """``resumed`` is False for a job whose run goes on, which was left alone."""

    config: StackConfig
    resumed: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.config.job.name,
            "run": self.config.run.id,
            "attempt": self.config.run.attempt,
            "resumed": self.resumed,
            "placement": self.config.placement.as_json(),
        }


def resume(session: Session, name: str, *, yes: bool) -> ResumeResult:
    """Makes the next attempt of the job, which goes on by itself. Blocks until its machine is asked for.

    Idempotent: a run that goes on is left alone. Raises ``UsageError`` for a run that succeeded or failed,
    ``NoCapacityError`` when no place has capacity, ``ConfirmationNeededError`` when declined.
    """
    return Resume(session.job(name), yes=yes).run()


class Resume(Change[Intent, ResumeResult]):
    """Makes the next attempt of a job's run."""

    verb = "resume"
    title = "preparing"

    def __init__(self, job: Job, *, yes: bool) -> None:
        super().__init__(job)
        self._yes = yes
        self._current: CurrentJob = NEW_JOB
        self._config: StackConfig | None = None
        self._resumed = False
        self._budgets: tuple[Budget, ...] = ()

    def open(self) -> None:
        self.session.driver.expect_programs()
        self.job.open()
        self.job.take_settings_of_others()
        self._config = self.job.applied_config()
        refuse_another_account(self.job, self._config)

    def recover(self) -> None:
        state = recover(self.job, self._config).state
        self._current = current_job(self.job, self._config, state)

    def decide(self) -> Intent | None:
        config = self._present
        if self._goes_on():
            self.session.reporter.say(
                f"run {config.run.id} of job '{self.job.name}' goes on: nothing to resume"
            )
            return None
        self._refuse_finished()
        packages = self.session.folders.make_private("packages")
        agent = package_agent(packages)
        account = self.job.provider.account()
        intent = decide(
            self.session,
            config.job,
            self._current,
            Material(account, config.run.code_sha256, agent.sha256),
            rerun=True,
            source=config.source,
            variables={**self.job.stack.secrets(), **self.session.shell},
        )
        # A folder's plan compares files with what was applied, which stays the same.
        return replace(intent, config=replace(intent.config, fingerprint=config.fingerprint))

    def configure(self, decision: Intent) -> Configuration:
        """The secrets of the stack stay."""
        return Configuration(decision.config)

    def plan(self, decision: Intent) -> PlanView:
        view = plan_for(self.job, self._current, decision, refresh=self._current.has_compute)
        self._budgets = budgets_for_plan(
            self.session, decision.config.owner, view.plan, decision.config.job.tags
        )
        return replace(view, notes=(*view.notes, *budget_notes(self._budgets)))

    def confirm(self, decision: Intent, view: PlanView) -> None:  # noqa: ARG002
        refuse_spent_budgets(self.session, self.job.name, self._budgets)
        require_confirmation(
            self.session.reporter,
            f"Resume job '{self.job.name}'?",
            "Nothing was changed: the plan was not confirmed.",
            yes=self._yes,
            where={"job": self.job.name},
        )

    def apply(self, decision: Intent) -> None:
        def others() -> Iterator[Placement]:
            yield from decision.places[1:] or other_places(self.session, decision.config, self._current)

        self._config, _ = apply_in_first_place(
            self.job.stack,
            decision.config,
            others(),
            self.session.reporter,
            refresh=self._current.has_compute,
            settle=partial(settle_machine, self.job),
            clear=partial(clear_machines, self.job),
            now=self.session.time.now,
        )
        self._resumed = True

    def record(self, decision: Intent) -> None:
        self._config = protect_when_placed(
            self.job.stack, self._present, decision.wanted, self.session.reporter
        )

    def result(self) -> ResumeResult:
        return ResumeResult(self._present, self._resumed)

    @property
    def _present(self) -> StackConfig:
        assert self._config is not None  # noqa: S101 - open read it
        return self._config

    def _goes_on(self) -> bool:
        """Whether the run has not ended and has a machine, or a group that makes one."""
        status = self._current.status
        if status is not None and status.ended:
            return False
        return compute_in(self._current.state).now(self.job.provider).runs

    def _refuse_finished(self) -> None:
        status, run = self._current.status, self._present.run.id
        if status is None or not status.ended or status.phase == Phase.STOPPED:
            return
        raise UsageError(
            f"Run {run} of job '{self.job.name}' has ended ({status.phase}): it was not stopped.",
            where={"job": self.job.name, "run": run},
            next_step="`runctl up --rerun JOB.yaml` makes a new attempt.",
        )
