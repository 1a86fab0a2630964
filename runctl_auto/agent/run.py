"""One run on this machine, from code and volumes to the final status."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from runctl_auto.agent.contract import (
    GRACE_SECONDS,
    TIMED_AS,
    Phase,
    Reason,
)
from runctl_auto.agent.errors import AgentError, OutOfTimeError, ScriptNotStartedError
from runctl_auto.agent.job import exit_codes
from runctl_auto.agent.job.background import BackgroundPolicy
from runctl_auto.agent.job.job_process import Job
from runctl_auto.agent.job.redaction import HiddenValues
from runctl_auto.agent.job.stopping import StopEarly, StopRequest
from runctl_auto.agent.job.trying import Trying
from runctl_auto.agent.nodes.common_checkpoints import CommonCheckpoints, NodePart
from runctl_auto.agent.nodes.team import MayLeave, RunIsOver, Team
from runctl_auto.agent.periodic import attempt, never_fatal
from runctl_auto.agent.preparing import Preparation
from runctl_auto.agent.repeated_steps import RepeatedSteps
from runctl_auto.agent.run_tools import PATIENCE_SECONDS, RunTools
from runctl_auto.agent.saving.checkpoints import CRASH_SECONDS, Killed
from runctl_auto.agent.saving.lineage import newest_checkpoint
from runctl_auto.agent.saving.own_files import OwnFiles
from runctl_auto.agent.saving.resuming import Resuming
from runctl_auto.agent.saving.saving import Saving
from runctl_auto.agent.status import Outcome
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.tracing import spans
from runctl_auto.agent.watchers import (
    LAST_WORDS_SECONDS,
)

LOOK_AT_JOB_SECONDS = 0.5
LOOK_WITH_OTHERS_SECONDS = 0.1
"""The first rank that fails is the one that is named."""
T = TypeVar("T")


@dataclass(frozen=True)
class ScriptEnd:
    """How a script of the job ended: by itself, or because the stop switch was set."""

    code: int
    stopped: bool


class Run:
    """Runs setup and command once; every way in which it can end is an Outcome."""

    def __init__(self, tools: RunTools) -> None:
        self._tools = tools
        self._spec = tools.spec
        self.limit = TimeLimit(tools.clock)
        """Set when the cloud announces that it takes the machine back."""
        self._steady_store = tools.store.patient(PATIENCE_SECONDS).within(self.limit)
        own_files = OwnFiles(tools.folder / "own-checkpoints", tools.spec.checkpoints.path)
        self._saving = Saving(
            self._steady_store,
            tools.spec,
            tools.folder,
            status=tools.status,
            say=tools.say,
            clock=tools.clock,
            limit=self.limit,
            written=tools.written_files,
            own_files=own_files,
            together=None if tools.team is None else tools.team.save_checkpoint,
        )
        self._resuming = Resuming(self._saving.checkpoints, tools.status, tools.say, tools.clock)
        self._killed: Killed | None = None
        self._trying = Trying(
            tools.spec.max_attempts,
            tools.status,
            say=tools.say,
            clock=tools.clock,
            pause=tools.switch.wait,
            stopping=lambda: tools.switch.request is not None,
        )
        self._preparation = Preparation(tools, self._steady_store, own_files, self._resuming)
        self.repeated = RepeatedSteps(tools, self._saving, self.limit)
        self._environment: dict[str, str] = {}
        self._hidden = HiddenValues()

    def execute(self) -> Outcome:
        """Blocks for the whole run. Raises no expected error; stores artifacts and the last checkpoint."""
        if not self._spec.secrets:
            self._tools.logs.hide(())
        if self._tools.team is not None:
            self._begin_together(self._tools.team)
        with self.repeated.of_run():
            try:
                outcome = self._to_the_end()
            except (StopEarly, OutOfTimeError, MayLeave):
                outcome = self._stopped(None)
            except RunIsOver as over:
                outcome = over.outcome
            finally:
                self._tools.end_services()
                if self._tools.container is not None:
                    self._tools.container.close()
            outcome = self._keep_results(outcome)
            if self._tools.metrics is not None:
                metrics = self._tools.metrics
                attempt("metrics", lambda: metrics.finish(self._steady_store), self._tools.say)
            return self._with_saved_checkpoint(outcome)

    def _begin_together(self, team: Team) -> None:
        part, spec, tools = self._saving.checkpoints, self._spec, self._tools
        assert isinstance(part, NodePart)  # noqa: S101
        part.killed = lambda: self._killed
        team.use(
            part,
            common=lambda ask: CommonCheckpoints(
                self._steady_store,
                spec.lineage,
                ask,
                keep=spec.checkpoints.keep,
                say=tools.say,
                saved=self._saving.saved,
            ),
            another=self._trying.pause_before_another,
        )

    def _to_the_end(self) -> Outcome:
        team = self._tools.team
        self._enter(Phase.FETCHING)
        if team is not None:
            return self._to_the_end_together(team)
        self._prepare()
        while True:
            self._trying.begin()
            outcome = self._set_up_and_train()
            if self._resuming.has_failed_at_start or not self._trying.another(outcome):
                return self._trying.told(outcome)
            self._await_next_try(outcome)

    def _to_the_end_together(self, team: Team) -> Outcome:
        """Trains in rounds that begin and end on all nodes, until node 0 says how the run has ended."""
        try:
            self._prepare()
        except AgentError as error:
            return team.settle(Outcome(Phase.FAILED, Reason.AGENT_ERROR, None, str(error))) or self._stopped(
                None
            )
        while True:
            outcome = self._failing_as(Reason.SETUP_FAILED, self._set_up) or self._train_with(team)
            try:
                end = team.settle(outcome)
            except MayLeave:
                return self._stopped(outcome.exit_code)
            if end is not None:
                return self._trying.told(end)

    def _train_with(self, team: Team) -> Outcome:
        self._enter(Phase.FETCHING)
        start = team.meet(self._restore_with_others)
        self._killed = None
        self._trying.begin()
        self._environment.update(team.variables(start))
        return self._failing_as(Reason.COMMAND_FAILED, self._train)

    def _restore_with_others(self, checkpoint: str | None) -> None:
        part = self._saving.checkpoints
        assert isinstance(part, NodePart)  # noqa: S101
        with spans.span("restore checkpoint"):
            never_fatal(lambda: part.restore_this(checkpoint))()
        if checkpoint is not None:
            self._tools.say(f"going on from checkpoint {checkpoint}")
            self._tools.status.resumed(checkpoint)

    def _prepare(self) -> None:
        prepared = self._preparation.prepare()
        self._environment, self._hidden = prepared.environment, prepared.hidden
        self._tools.switch.stop_if_set()

    def _set_up_and_train(self) -> Outcome:
        set_up = self._failing_as(Reason.SETUP_FAILED, self._set_up)
        return self._train_from_checkpoints() if set_up is None else set_up

    def _await_next_try(self, failed: Outcome) -> None:
        """Saves what the failed try left; goes back to an earlier checkpoint if that may be incomplete."""
        if failed.reason != Reason.SETUP_FAILED:
            self._saving.save_last_checkpoint(self._killed)
        self._trying.rest()
        self._tools.switch.stop_if_set()
        if self._saving.checkpoints.newest_is_suspect:
            self._resuming.go_back()
        self._killed = None

    def _train_from_checkpoints(self) -> Outcome:
        """Runs the command, again from an older checkpoint if it fails right after it was resumed."""
        while True:
            self._resuming.begin()
            outcome = self._failing_as(Reason.COMMAND_FAILED, self._train)
            if not self._resuming.falls_back(outcome):
                return self._resuming.told(outcome)
            self._killed = None

    def _failing_as(self, reason: str, step: Callable[[], T]) -> T | Outcome:
        try:
            return step()
        except ScriptNotStartedError as error:
            return Outcome(Phase.FAILED, reason, error.exit_code, str(error))

    def _set_up(self) -> Outcome | None:
        """Runs setup; None when the command can be run now."""
        if not self._spec.setup or self._tools.setup_done.exists():
            return None
        self._enter(Phase.SETUP)
        with self._script(self._spec.setup, self._spec.setup_shell) as job:
            end = self._wait_for(job)
            if end.stopped:
                return self._stopped(end.code)
            if end.code != 0:
                self._end_left(job)
                message = f"setup ended with {self._told(end.code)}"
                return Outcome(Phase.FAILED, Reason.SETUP_FAILED, end.code, message)
            self._keep_services(job)
        return None

    def _keep_services(self, job: Job) -> None:
        """Keeps what setup left running until the job ends. A restarted agent runs setup again to have it."""
        left = job.left()
        job.keep_services()
        if left.processes:
            named = self._background.named(left.processes)
            self._tools.say(f"setup has left running, until the job ends: {named}")
        else:
            self._tools.setup_done.touch()

    def _train(self) -> Outcome:
        self._enter(Phase.RUNNING)
        if self._tools.metrics is not None:
            attempt("metrics", self._tools.metrics.begin, self._tools.say)
        with (
            self.repeated.of_checkpoints(),
            self.repeated.of_volumes(),
            self._script(self._spec.command, self._spec.shell) as job,
        ):
            end = self._wait_for(job)
            if end.stopped:
                return self._stopped(end.code)
            if end.code != 0:
                if end.code in exit_codes.OF_CRASHES:
                    self._killed = Killed(since=self._tools.clock() - CRASH_SECONDS)
                self._end_left(job)
                message = f"the command ended with {self._told(end.code)}"
                return Outcome(Phase.FAILED, Reason.COMMAND_FAILED, end.code, message)
            return self._background.outcome(job) or self._stop_job(job)

    def _told(self, code: int) -> str:
        return exit_codes.told(code, self._tools.out_of_memory())

    def _end_left(self, job: Job) -> None:
        """The outcome for a script that has failed."""
        left = job.left()
        if left.processes:
            named = self._background.named(left.processes)
            self._tools.say(f"processes that it had left running are ended: {named}")
        job.finish(GRACE_SECONDS)

    def _stop_job(self, job: Job) -> Outcome:
        """Ends the processes that the command, which has ended, left running."""
        request = self._request
        assert request is not None  # noqa: S101
        return request.outcome(self._end_job(job, request))

    @property
    def _background(self) -> BackgroundPolicy:
        tools = self._tools
        return BackgroundPolicy(
            self._spec.background,
            gpu_in_use=tools.gpu_in_use,
            stopping=lambda: self._request is not None,
            pause=self._pause,
            say=tools.say,
            hide=self._hidden.text,
        )

    @contextmanager
    def _script(self, script: str, shell: Sequence[str]) -> Iterator[Job]:
        """Starts a script; if anything fails meanwhile, the script is ended."""
        self._tools.switch.stop_if_set()
        job = self._tools.start(script, self._environment, shell)
        try:
            yield job
        except BaseException:
            job.terminate(GRACE_SECONDS)
            raise

    def _wait_for(self, job: Job) -> ScriptEnd:
        while True:
            code = job.poll()
            if code is not None:
                return ScriptEnd(code, stopped=False)
            request = self._request
            if request:
                return ScriptEnd(self._end_job(job, request), stopped=True)
            self._pause(LOOK_AT_JOB_SECONDS if self._tools.team is None else LOOK_WITH_OTHERS_SECONDS)

    @property
    def _request(self) -> StopRequest | None:
        """How the job is to stop now; with other nodes, as all of them do."""
        team = self._tools.team
        return self._tools.switch.request if team is None else team.order()

    def _pause(self, seconds: float) -> None:
        """Waits; returns early when the job may be to stop."""
        team = self._tools.team
        self._tools.switch.wait(seconds) if team is None else team.pause(seconds)

    def _end_job(self, job: Job, request: StopRequest) -> int:
        self._tools.say(f"{request.message}; the job has {request.grace_seconds:.0f} s to save and leave")
        self._enter(Phase.STOPPING)
        self._saving.checkpoints.job_is_ending()
        code = job.terminate(request.grace_seconds)
        self._killed = Killed(open_files=job.cut_off())
        return code

    def _keep_results(self, outcome: Outcome) -> Outcome:
        """Saves the last checkpoint, then (unless a replacement continues) the artifacts."""
        self._enter(Phase.STOPPING)
        team = self._tools.team
        if team is not None:
            if team.node != 0:
                return outcome
        elif self._resuming.has_failed_at_start:
            self._tools.say("the checkpoint folder is not saved: no start from a checkpoint got anywhere")
        elif outcome.reason != Reason.SETUP_FAILED and self._environment:
            self._saving.save_last_checkpoint(self._killed)
        if not outcome.is_terminal or not self._tools.work.is_dir():
            return outcome
        return self._saving.keep_artifacts(outcome)

    def _with_saved_checkpoint(self, outcome: Outcome) -> Outcome:
        """For a stopped run, states from which checkpoint the run can continue."""
        if not self._environment or outcome.phase not in (Phase.STOPPED, Phase.INTERRUPTED):
            return outcome
        request, limit = self._tools.switch.request, TimeLimit(self._tools.clock)
        if request is not None and request.ends_at is not None:
            limit.set(request.ends_at - LAST_WORDS_SECONDS / 2)
        try:
            newest = newest_checkpoint(self._tools.store.within(limit), self._spec.lineage)
        except AgentError as error:
            said = f"which checkpoint is saved could not be read: {error}"
        else:
            said = f"checkpoint {newest} is saved" if newest else "no checkpoint is saved"
        self._tools.say(said)
        return replace(outcome, message=f"{outcome.message}; {said}" if outcome.message else said)

    def _stopped(self, code: int | None) -> Outcome:
        request = self._tools.switch.request or self._request
        assert request is not None  # noqa: S101
        return request.outcome(code)

    def _enter(self, phase: str) -> None:
        """A phase begins even if the store cannot be written; the next heartbeat reports it."""
        if self._tools.trace is not None:
            self._tools.trace.recorder.stage(TIMED_AS[phase])
        if self._tools.team is not None:
            self._tools.team.enter(phase)
        attempt("status", lambda: self._tools.status.enter(phase), self._tools.say)
