"""Gives a run whose machine is lost a new one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from runctl_auto.engine.events import Plan
from runctl_auto.errors import InterruptionsExhaustedError, ProgramError, UnreadableStatusError
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.jobs.apply import settle_machine
from runctl_auto.jobs.change import Change
from runctl_auto.jobs.current_job import NEW_JOB, current_job
from runctl_auto.jobs.ended_elsewhere import refuse_ended_elsewhere, refuse_stop_requested
from runctl_auto.jobs.follow.follow import PATIENCE_WITH_OTHERS_SECONDS, Lost, await_end
from runctl_auto.jobs.intent import other_places
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.lost_machine.elastic import apply_beside_others
from runctl_auto.jobs.recovery import recover
from runctl_auto.stack.config import Placement, StackConfig
from runctl_auto.stack.state import MACHINES

MAX_REPLACEMENTS = 10
"""Machines in place of lost ones that a run gets, by whatever commands, until the next ``up``."""
_OF_A_MACHINE = frozenset(
    {
        *MACHINES,
        "aws:ec2/placementGroup:PlacementGroup",
        "aws:ec2/volumeAttachment:VolumeAttachment",
        "aws:scheduler/schedule:Schedule",
        "aws:scheduler/scheduleGroup:ScheduleGroup",
    }
)
"""What is made anew with a machine."""
OF_A_PROVIDER = frozenset(
    {
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:iam/user:User",
        "aws:iam/userPolicy:UserPolicy",
        "aws:iam/accessKey:AccessKey",
        "runctl-runpod:index:Secret",
    }
)
"""What a job of several providers has with one of them alone; it is made anew when the job moves."""
_COMPONENTS = "runctl:"
_HARMLESS = ("update", "read", "refresh")


def refuse_unreadable(config: StackConfig, lost: Lost) -> None:
    """Raises ``UnreadableStatusError`` for a run of which nothing is known. It gets no machine by itself: how
    long it ran is not known either, and its limits would begin anew with each machine.
    """
    if lost.status is None or lost.status.unreadable is None:
        return
    job, run = config.job.name, config.run.id
    what = "does not report" if lost.is_hung else "is gone"
    raise UnreadableStatusError(
        f"The machine of run {run} {what}, and {lost.status.unreadable}",
        where={"job": job, "run": run},
        next_step=f"`runctl logs {job}` shows its output; `runctl up` gives it a new machine, "
        f"`runctl up --rerun` begins a new attempt, `runctl down {job}` removes everything.",
    )


class ReplaceMachine(Change[StackConfig, StackConfig]):
    """Makes a new machine for the run of ``config``, in its place or another. The result is its new
    configuration, that of another command if one has replaced the machine meanwhile.

    Raises ``JobEndedError`` when the job is gone, has another run or was asked to stop by now,
    ``InterruptionsExhaustedError`` when the run has lost too many machines.
    """

    verb = "replace"
    patience_seconds = PATIENCE_WITH_OTHERS_SECONDS

    def __init__(self, job: Job, file: JobFile | None, config: StackConfig, lost: Lost) -> None:
        super().__init__(job, file)
        self.replaced = False
        """Whether this change made a machine."""
        self._config = config
        self._lost = lost
        self._current = NEW_JOB

    def open(self) -> None:
        self.job.take_settings_of_others()
        refuse_ended_elsewhere(self.job, self._config)

    def recover(self) -> None:
        config = self.job.config()
        self._current = current_job(self.job, config, recover(self.job, config).state)
        self._config = config or self._config

    def decide(self) -> StackConfig | None:
        done = self._done_meanwhile()
        if done is not None:
            self.session.reporter.say(f"job '{self.job.name}': {done}")
            return None
        refuse_stop_requested(self.job, self._config)
        # By their ids: an attempt that is repeated, for want of capacity, counts no machine twice.
        lost = dict.fromkeys((*self._config.lost, self._lost.machine.id))
        config = replace(self._config, lost=tuple(each for each in lost if each))
        if len(config.lost) > MAX_REPLACEMENTS:
            raise exhausted(config)
        self.session.reporter.say(self._why())
        return config

    def _why(self) -> str:
        if self._lost.is_missing:
            return "a machine that had no place is asked for again"
        how = "does not report" if self._lost.is_hung else "is lost"
        return f"machine {self._lost.machine.id or '(none)'} {how}; making a new one"

    def apply(self, decision: StackConfig) -> None:
        def others() -> Iterator[Placement]:
            yield from other_places(self.session, decision, self._current)

        if self._lost.is_hung:
            self._end_hung_machine()
        self.look_first(decision)
        self._config, _ = apply_beside_others(
            self.job, decision, self._current.state, others, refresh=True, settle=self.settle
        )
        self.replaced = True

    def settle(self) -> None:
        """Called before each further place is tried."""
        settle_machine(self.job)

    def look_first(self, decision: StackConfig) -> None:
        """Called before the first machine is asked for; raises when none is to be made."""

    def result(self) -> StackConfig:
        return self._config

    def _done_meanwhile(self) -> str | None:
        """What makes a new machine unnecessary; None when nothing does."""
        status, lost = self._current.status, self._lost.machine.id
        if status is not None and status.ended:
            return "its run has ended"
        machines = self._current.instances
        if len(machines) == self._config.job.nodes and lost not in machines:
            return f"another command has made machine {', '.join(machines)}"
        told = self._lost.status
        if (
            self._lost.is_hung
            and status is not None
            and (told is None or status.updated_at != told.updated_at)
        ):
            return f"machine {lost} reports again"
        return None

    def _end_hung_machine(self) -> None:
        provider, machine = self.job.provider, self._lost.machine.id
        with self.session.reporter.working(f"ending machine {machine}, which does not report"):
            provider.terminate([machine])
            await_end(provider, provider.machine(machine), self.session.time)


class ReplaceUnattended(ReplaceMachine):
    """As ``ReplaceMachine``, by a command that knows the job from its stack alone.

    It waits for no other command, and makes nothing when the program that it has would change more than the
    machine: raises ``ProgramError`` that says what.
    """

    verb = "watch"
    patience_seconds = 0.0
    watches_holders = False

    def __init__(
        self,
        job: Job,
        config: StackConfig,
        lost: Lost,
        *,
        refuse_when_left: Callable[[], None] = lambda: None,
    ) -> None:
        """``refuse_when_left`` raises once no new machine is to be begun."""
        super().__init__(job, None, config, lost)
        self._refuse_when_left = refuse_when_left

    def settle(self) -> None:
        super().settle()
        self._refuse_when_left()

    def look_first(self, decision: StackConfig) -> None:
        self._refuse_when_left()
        self.job.stack.set_config(decision.to_values())
        plan = self.job.stack.preview(refresh=True)
        moves = OF_A_PROVIDER if len(decision.job.clouds) > 1 else frozenset[str]()
        others = changes_beside_machine(plan, moves)
        if others:
            raise ProgramError(
                f"A new machine for job '{self.job.name}' would also change {', '.join(others)}.",
                where={"job": self.job.name},
                next_step="Another version of runctl or another program made the stack, or somebody removed "
                "parts of it: `runctl up JOB.yaml` in the job's own folder.",
            )
        self._refuse_when_left()


def changes_beside_machine(plan: Plan, also: Collection[str] = ()) -> tuple[str, ...]:
    """The names of what ``plan`` makes or deletes that does not come and go with a machine; resources of the
    types ``also`` do too."""
    return tuple(
        dict.fromkeys(
            each.name
            for each in plan.changes
            if each.operation not in _HARMLESS
            and each.type not in _OF_A_MACHINE
            and each.type not in also
            and not each.type.startswith(_COMPONENTS)
        )
    )


def exhausted(config: StackConfig) -> InterruptionsExhaustedError:
    """The refusal to make yet another machine for a run."""
    job, run = config.job.name, config.run.id
    return InterruptionsExhaustedError(
        f"Run {run} lost its machine {len(config.lost)} times.",
        where={"job": job, "run": run},
        next_step=f"`runctl logs {job}` shows why; `runctl up` goes on from the last checkpoint; "
        "spot_policy: on-demand avoids interruptions.",
    )
