"""A change to a job: the one way that every verb goes which changes something."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from typing import ClassVar, Generic, Literal, TypeVar, get_args

from runctl_auto.agent.tracing import spans
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.jobs.admission import admitted
from runctl_auto.jobs.claim import HeldJob, claimed
from runctl_auto.jobs.configuration import (
    Configuration,
    HeldConfig,
    held_config,
    tentative_config,
    unchanged_when_locked,
)
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.job_file_lines import with_job_file_lines
from runctl_auto.jobs.permitted import refuse_too_many_jobs
from runctl_auto.jobs.recovery import nothing_unrecorded
from runctl_auto.jobs.reporting import PATIENCE_SECONDS, PlanView
from runctl_auto.jobs.stack_in_hand import StackInHand
from runctl_auto.jobs.unused_stack import no_unused_stack
from runctl_auto.local import correlation
from runctl_auto.stack.kinds import titled

Step = Literal["claim", "recover", "decide", "configure", "plan", "confirm", "apply", "record"]
STEPS: tuple[Step, ...] = get_args(Step)

StackT = TypeVar("StackT", bound=StackInHand)
DecisionT = TypeVar("DecisionT")
ResultT = TypeVar("ResultT")


class StackChange(ABC, Generic[StackT, DecisionT, ResultT]):
    """One change to one stack: to a job, a volume or a snapshot. Each verb is a subclass and has the steps
    that it defines, in the order of ``STEPS``. The verbs of jobs are in the table of ``Change``; those of
    volumes and snapshots (``create``, ``resize``, ``protect``, ``unprotect``, ``rm``) have all steps, but
    ``record`` belongs to ``rm`` alone.

    * claim: no other command works on the job from here to the end; for ``preview`` and ``down-plan``, which
      change nothing that others see, none of this project folder. ``open`` opens what the verb is about, and
      refuses a job that is not. Every further step is refused when the claim was lost.
    * recover: what an interrupted command left is recovered; ``preview`` and ``down-plan`` only report it.
    * decide: what is to be, from the job as it is. Ends the change when nothing is to be done.
    * configure: the stack gets the configuration that was decided. It is put back unless it is confirmed.
    * plan: the engine previews. A stack that was made for a plan that fails or is refused is removed.
    * confirm: the plan is shown, limits on parallel jobs are checked, and a person is asked.
    * apply: the engine changes the cloud. If somebody else holds the stack, its configuration is put back; if
      a creation fails, what it left unrecorded is removed.
    * record: what must be known afterwards is kept.

    Errors about fields of the job file are reported with their lines.
    """

    verb: ClassVar[str]
    patience_seconds: ClassVar[float] = 0.0
    """How long to wait for another command that works on the job."""
    watches_holders: ClassVar[bool] = True
    """Whether to wait until a holder on another machine is known to live."""

    def __init__(self, job: StackT, file: JobFile | None = None) -> None:
        self.job = job
        self.session = job.session
        self._spans = spans.Steps()
        self.reached: list[Step] = []
        """The steps that began, in order."""
        self.view: PlanView | None = None
        """The plan, once there is one."""
        self.held = HeldJob(name=job.name)
        """The claim on the job, while the change is made."""
        self._file = file

    @property
    def title(self) -> str:
        """What is shown while the change is prepared."""
        return f"looking at {titled(self.job.name)}"

    def was_configured(self) -> bool:
        """Whether the stack had a configuration before this change; one that had none may be removed."""
        return True

    @abstractmethod
    def open(self) -> None:
        """Opens what the verb is about."""

    def recover(self) -> None:
        """Finds out how the job is, once what an interrupted command left is recovered."""

    @abstractmethod
    def decide(self) -> DecisionT | None:
        """What is to be; None when nothing is to be done."""

    def configure(self, decision: DecisionT) -> Configuration | None:  # noqa: ARG002
        """What the stack is to be configured with; None when that stays."""
        return None

    def plan(self, decision: DecisionT) -> PlanView | None:  # noqa: ARG002
        """What would change; None when that needs no confirmation."""
        return None

    def has_changes(self, decision: DecisionT, view: PlanView) -> bool:  # noqa: ARG002
        """Whether there is something to confirm and to apply."""
        return True

    def confirm(self, decision: DecisionT, view: PlanView) -> None:
        """Asks. Raises ``ConfirmationNeededError`` unless the plan is confirmed."""

    def apply(self, decision: DecisionT) -> None:
        """Changes the cloud."""

    def record(self, decision: DecisionT) -> None:
        """Keeps what must be known afterwards."""

    @abstractmethod
    def result(self) -> ResultT:
        """What the change came to."""

    @classmethod
    def has(cls, step: Step) -> bool:
        """Whether the verb has the step."""
        return step == "claim" or getattr(cls, step) is not getattr(StackChange, step)

    def run(self) -> ResultT:
        """Takes the steps. Blocks. Raises ``StackLockedError`` when another command works on the job."""
        with correlation.about(job=self.job.name), self._spans, ExitStack() as held:
            self._spans.enter(f"{self.verb}: claim")
            if self._file is not None:
                held.enter_context(with_job_file_lines(self._file))
            self.held = held.enter_context(
                claimed(
                    self.session,
                    self.job.name,
                    everywhere=self.has("apply"),
                    patience_seconds=self.patience_seconds,
                    watches_holders=self.watches_holders,
                )
            )
            self._run_claimed(held)
        return self.result()

    def _run_claimed(self, held: ExitStack) -> None:
        """``held`` closes when the change is made."""
        self._reach("claim")
        with no_unused_stack(self.job, self.was_configured, keep=self.has("apply")):
            decision = self._decided()
            if decision is None:
                return
            before = held_config(self.job.stack)
            is_needed = self._confirmed(decision, held)
        if is_needed:
            self._applied(decision, before)

    def _decided(self) -> DecisionT | None:
        with self.session.reporter.working(self.title, after=PATIENCE_SECONDS):
            self.open()
            if self.has("recover"):
                self._reach("recover")
                self.recover()
            self._reach("decide")
            return self.decide()

    def _confirmed(self, decision: DecisionT, held: ExitStack) -> bool:
        """Whether there is something to apply. The job counts as one that runs until ``held`` is closed."""
        with ExitStack() as trial:
            keep = self._configured(decision, trial)
            view = self._planned(decision)
            if not self.has("apply"):
                return False
            is_needed = True
            if view is not None:
                is_needed = self._asked(decision, view)
                held.enter_context(admitted(self.session, self.held, view.plan))
            keep()
        return is_needed

    def _configured(self, decision: DecisionT, trial: ExitStack) -> Callable[[], None]:
        """Configures the stack until ``trial`` closes, unless the returned function is called."""
        if not self.has("configure"):
            return _nothing_to_keep
        self._reach("configure")
        wanted = self.configure(decision)
        if wanted is None:
            return _nothing_to_keep
        return trial.enter_context(tentative_config(self.job.stack, wanted))

    def _planned(self, decision: DecisionT) -> PlanView | None:
        if not self.has("plan"):
            return None
        self._reach("plan")
        self.view = self.plan(decision)
        if self.view is not None:
            self.session.reporter.plan(self.view)
        return self.view

    def _asked(self, decision: DecisionT, view: PlanView) -> bool:
        refuse_too_many_jobs(self.session, self.job.name, view.plan)
        if not self.has_changes(decision, view):
            return False
        if self.has("confirm"):
            self._reach("confirm")
            self.confirm(decision, view)
        return True

    def _applied(self, decision: DecisionT, before: HeldConfig) -> None:
        with nothing_unrecorded(self.job):
            self._reach("apply")
            with unchanged_when_locked(self.job.stack, before):
                self.apply(decision)
            if self.has("record"):
                self._reach("record")
                self.record(decision)

    def _reach(self, step: Step) -> None:
        self.held.refuse_if_lost()
        self.reached.append(step)
        if step != "claim":
            self._spans.enter(f"{self.verb}: {step}")


class Change(StackChange[Job, DecisionT, ResultT]):
    """One change to one job, with the steps of ``StackChange``:

    ========== ===== ======= ====== ========= ==== ======= ===== ======
    verb       claim recover decide configure plan confirm apply record
    ========== ===== ======= ====== ========= ==== ======= ===== ======
    up         x     x       x      x         x    x       x     x
    apply      x     x       x      x         x    .       x     x
    preview    x     x       x      x         x    .       .     .
    down       x     x       x      x         x    x       x     x
    down-plan  x     x       x      .         x    .       .     .
    protect    x     x       x      x         x    x       x     .
    unprotect  x     x       x      x         x    x       x     .
    place      x     x       x      .         .    .       x     x
    replace    x     x       x      .         .    .       x     .
    watch      x     x       x      .         .    .       x     .
    bring-back x     x       x      .         .    .       x     .
    release    x     x       x      .         .    .       x     .
    stop       x     x       x      .         .    .       x     .
    resume     x     x       x      x         x    x       x     x
    feed       x     x       x      .         .    .       x     .
    ========== ===== ======= ====== ========= ==== ======= ===== ======

    ``place``, ``replace``, ``release`` and ``feed`` are made while ``up`` waits for capacity or follows its
    run, whose plan was confirmed; ``watch`` is ``replace`` by a command that knows the job from its stack
    alone, ``bring-back`` the same for a folder. ``stop`` asks before it decides: what it deletes is a machine
    whose state is saved; ``resume`` is an ``up`` that knows the job from its stack alone. ``apply`` is ``up``
    of a file of a folder, whose plan is confirmed as a whole; ``down-plan`` is what ``down --dry-run`` and a
    folder's plan show.
    """


def _nothing_to_keep() -> None:
    """For a change that leaves the configuration as it is."""
