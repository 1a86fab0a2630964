"""One run on this machine, from code and volumes to the final status."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from runctl_auto.agent.contract import (
    GRACE_SECONDS,
    HEARTBEAT_SECONDS,
    LATER_HEARTBEAT_SECONDS,
    TIMED_AS,
    Phase,
    Reason,
)
from runctl_auto.agent.data import code_package
from runctl_auto.agent.data.bringing_data import BroughtData
from runctl_auto.agent.errors import AgentError, OutOfTimeError, ScriptNotStartedError
from runctl_auto.agent.job import exit_codes
from runctl_auto.agent.job.background import BackgroundPolicy
from runctl_auto.agent.job.job_environment import JobFolders, job_environment
from runctl_auto.agent.job.job_process import Job, ScriptStarter
from runctl_auto.agent.job.output_log import FLUSH_PACE, LogShipper
from runctl_auto.agent.job.redaction import HiddenValues
from runctl_auto.agent.job.stopping import StopEarly, StopRequest, StopSwitch
from runctl_auto.agent.job.trying import Trying
from runctl_auto.agent.machine.idleness import IDLE_EVERY_SECONDS, IdleWatcher
from runctl_auto.agent.machine.volumes import GROW_EVERY_SECONDS
from runctl_auto.agent.metrics.collecting import METRICS_PACE, Metrics
from runctl_auto.agent.metrics.training_sources import LOGGING_FOLDERS, TrainingPlaces
from runctl_auto.agent.nodes.common_checkpoints import CommonCheckpoints, NodePart
from runctl_auto.agent.nodes.team import MayLeave, RunIsOver, Team
from runctl_auto.agent.pace import NOTICES_EVERY_SECONDS, Pace, steady
from runctl_auto.agent.periodic import Periodic, never_fatal
from runctl_auto.agent.saving.checkpoints import CRASH_SECONDS, Killed
from runctl_auto.agent.saving.lineage import newest_checkpoint
from runctl_auto.agent.saving.own_files import OwnFiles
from runctl_auto.agent.saving.resuming import Resuming
from runctl_auto.agent.saving.saving import Saving
from runctl_auto.agent.spec import DataSpec, RunSpec, SecretSpec, VolumeSpec
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.tracing import spans
from runctl_auto.agent.tracing.span_parts import SHIP_PACE, MachineTrace
from runctl_auto.agent.watchers import (
    INTERRUPTION_EVERY_SECONDS,
    LAST_WORDS_SECONDS,
    LIMITS_EVERY_SECONDS,
    STOP_PACE,
    InterruptionWatcher,
    Limits,
    LimitWatcher,
    Metadata,
    RebalanceWatcher,
    StopRequestWatcher,
)

HEARTBEAT_PACE = Pace(HEARTBEAT_SECONDS, LATER_HEARTBEAT_SECONDS)
LOOK_AT_JOB_SECONDS = 0.5
LOOK_WITH_OTHERS_SECONDS = 0.1
"""The first rank that fails is the one that is named."""
NODES_EVERY_SECONDS = 0.5
"""How often node 0 looks whether the status of the nodes is another; it is written only then."""
PATIENCE_SECONDS = 120.0

T = TypeVar("T")
Step = tuple[str, Pace, Callable[[], object]]


class MountsVolumes(Protocol):
    """Mounts, grows and unmounts the job's volumes."""

    def mount_all(self, volumes: tuple[VolumeSpec, ...]) -> dict[str, Path]: ...
    def grow_all(self) -> None: ...
    def unmount_all(self) -> None: ...


class ReadsSecrets(Protocol):
    """Returns the values of the job's secrets by the names of their variables."""

    def __call__(self, wanted: Sequence[SecretSpec], /) -> dict[str, str]: ...


class BringsData(Protocol):
    """Brings data to the job by their strategies; raises StopEarly when the run is to stop meanwhile."""

    def __call__(
        self, sources: Sequence[DataSpec], work: Path, mounts: Mapping[str, Path], /
    ) -> tuple[BroughtData, ...]: ...


class RunsInContainer(Protocol):
    """The container of the run's scripts; `Container` describes the methods."""

    @property
    def environment(self) -> Mapping[str, str]: ...
    def fetch(self, secrets: ReadsSecrets, /) -> None: ...
    def share(self, paths: Iterable[Path], secrets: Iterable[str], /) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class RunTools:
    """The dependencies of a run; tests inject their own."""

    config: AgentConfig
    spec: RunSpec
    folder: Path
    store: Store
    metadata: Metadata
    status: StatusWriter
    logs: LogShipper
    volumes: MountsVolumes
    secrets: ReadsSecrets
    bring_data: BringsData
    start: ScriptStarter
    switch: StopSwitch
    say: Callable[[str], None]
    inherited: Mapping[str, str]
    home: Path
    clock: Callable[[], float]
    processor_seconds: Callable[[], float | None] = lambda: None
    gpu_in_use: Callable[[], bool] = lambda: False
    end_services: Callable[[], None] = lambda: None
    out_of_memory: Callable[[], str | None] = lambda: None
    written_files: Callable[[], frozenset[tuple[int, int]]] = frozenset
    look_for_notices: Callable[[], None] | None = None
    trace: MachineTrace | None = None
    metrics: Metrics | None = None
    output: Path | None = None
    """The file that what the job prints is appended to."""
    log_pace: Pace = FLUSH_PACE
    stop_pace: Pace = STOP_PACE
    """How often the store is asked for a stop request."""
    team: Team | None = None
    """The other nodes of a run on several machines."""
    gpus: Callable[[], int] = lambda: 0
    master_port: Callable[[], int] | None = None
    container: RunsInContainer | None = None
    """What ``start`` runs scripts in; None: they run on the machine itself."""


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
        self._work = tools.folder / "work"
        self.limit = TimeLimit(tools.clock)
        """Set when the cloud announces that it takes the machine back."""
        self._steady_store = tools.store.patient(PATIENCE_SECONDS).within(self.limit)
        self._own_files = OwnFiles(tools.folder / "own-checkpoints", tools.spec.checkpoints.path)
        self._saving = Saving(
            self._steady_store,
            tools.spec,
            tools.folder,
            status=tools.status,
            say=tools.say,
            clock=tools.clock,
            limit=self.limit,
            written=tools.written_files,
            own_files=self._own_files,
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
        self._stop_request = StopRequestWatcher(tools.store, tools.spec.run, tools.switch)
        self._environment: dict[str, str] = {}
        self._hidden = HiddenValues()

    def execute(self) -> Outcome:
        """Blocks for the whole run. Raises no expected error; stores artifacts and the last checkpoint."""
        if not self._spec.secrets:
            self._tools.logs.hide(())
        if self._tools.team is not None:
            self._begin_together(self._tools.team)
        with self._watching():
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
                self._try("metrics", lambda: metrics.finish(self._steady_store))
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

    def _set_up_and_train(self) -> Outcome:
        set_up = self._failing_as(Reason.SETUP_FAILED, self._set_up)
        return self._train_from_checkpoints() if set_up is None else set_up

    def _await_next_try(self, failed: Outcome) -> None:
        """Saves what the failed try left; goes back to an earlier checkpoint if that may be incomplete."""
        if failed.reason != Reason.SETUP_FAILED:
            self._saving.save_last_checkpoint(self._killed)
        self._trying.rest()
        self._stop_if_asked()
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
        if not self._spec.setup or self._setup_done.exists():
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
            self._setup_done.touch()

    def _train(self) -> Outcome:
        self._enter(Phase.RUNNING)
        if self._tools.metrics is not None:
            self._try("metrics", self._tools.metrics.begin)
        with (
            self._saving_checkpoints(),
            self._growing_volumes(),
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

    def _prepare(self) -> None:
        spec, tools = self._spec, self._tools
        self._stop_if_asked()
        # First step: until the secrets to redact are known, no output leaves the machine.
        secrets = tools.secrets(spec.secrets) if spec.secrets else {}
        tools.logs.hide(tuple(secrets.values()))
        self._hidden = HiddenValues(secrets.values())
        self._stop_if_asked()
        with spans.span("fetch code"):
            is_fresh = code_package.fetch_code(
                self._steady_store,
                spec.code_key,
                spec.code_sha256,
                self._work,
                unpacked=self._own_files.set_aside,
            )
        if is_fresh or tools.container is not None:
            # A container begins as its image is, also where an earlier agent had prepared one.
            self._setup_done.unlink(missing_ok=True)
        self._stop_if_asked()
        if tools.container is not None:
            with spans.span("fetch image"):
                tools.container.fetch(tools.secrets)
        with spans.span("mount volumes", volumes=len(spec.volumes)):
            mounts = tools.volumes.mount_all(spec.volumes)
        self._stop_if_asked()
        folders = JobFolders.of(spec, self._work, mounts)
        folders.make()
        with spans.span("bring data", sources=len(spec.data)):
            data = tools.bring_data(spec.data, self._work, mounts) if spec.data else ()
        if tools.team is None:
            with spans.span("restore checkpoint"):
                self._resuming.restore()
        metrics = self._read_metrics(folders, {**spec.env, **secrets})
        if tools.container is not None:
            # Whatever the job is told of is in the container at the same place.
            brought = (path for each in data for path in (each.path, each.cache) if path is not None)
            told = () if metrics is None else (metrics,)
            tools.container.share((folders.data, *mounts.values(), *brought, *told), tuple(secrets))
        self._environment = job_environment(
            spec,
            folders,
            mounts,
            self._inherited,
            tools.home,
            secrets=secrets,
            data=data,
            traceparent=None if tools.trace is None else str(tools.trace.recorder.parent),
            metrics=metrics,
            gpus=tools.gpus(),
            port=None if tools.master_port is None else tools.master_port(),
        )
        self._stop_if_asked()

    @property
    def _inherited(self) -> Mapping[str, str]:
        """The environment of the machine, or that of the image with what the agent adds."""
        container, own = self._tools.container, self._tools.inherited
        return own if container is None else {**container.environment, **own}

    def _read_metrics(self, folders: JobFolders, variables: Mapping[str, str]) -> Path | None:
        """Begins to read what the training tells; the file to which it may write more."""
        metrics, output = self._tools.metrics, self._tools.output
        if metrics is None or output is None:
            return None
        objects = self._tools.folder / "metrics.jsonl"
        if self._tools.container is not None:
            objects.touch()
        logging = (self._work / each for each in LOGGING_FOLDERS)
        places = TrainingPlaces(output, objects, (folders.output, folders.checkpoints, *logging))
        metrics.read_training(places, self._hidden, variables)
        return objects

    @contextmanager
    def _script(self, script: str, shell: Sequence[str]) -> Iterator[Job]:
        """Starts a script; if anything fails meanwhile, the script is ended."""
        self._stop_if_asked()
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
        if not outcome.is_terminal or not self._work.is_dir():
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

    def _stop_if_asked(self) -> None:
        if self._tools.switch.request:
            raise StopEarly

    def _enter(self, phase: str) -> None:
        """A phase begins even if the store cannot be written; the next heartbeat reports it."""
        if self._tools.trace is not None:
            self._tools.trace.recorder.stage(TIMED_AS[phase])
        if self._tools.team is not None:
            self._tools.team.enter(phase)
        self._try("status", lambda: self._tools.status.enter(phase))

    def _try(self, what: str, action: Callable[[], object]) -> None:
        try:
            never_fatal(action)()
        except (AgentError, OSError) as error:
            self._tools.say(f"{what}: {error}")

    @property
    def _setup_done(self) -> Path:
        return self._tools.folder / "setup.done"

    def steps(self) -> list[Step]:
        """What is repeated from the beginning of the run to its end: name, pace and function."""
        tools = self._tools
        interruption = InterruptionWatcher(
            tools.metadata,
            tools.switch,
            tools.clock,
            limit=self.limit,
            upload_seconds=lambda: self._saving.checkpoints.upload_seconds,
        )
        allowed = Limits(self._spec.max_duration_seconds, self._spec.budget_seconds, tools.config.deadline_at)
        limits = LimitWatcher(tools.status.seconds_spent, allowed, tools.switch, tools.clock)
        steps: list[Step] = [
            ("status", HEARTBEAT_PACE, never_fatal(tools.status.write)),
            ("logs", tools.log_pace, never_fatal(tools.logs.ship)),
            ("stop request", tools.stop_pace, self._stop_request.look),
            ("interruption notice", steady(INTERRUPTION_EVERY_SECONDS), interruption.look),
            ("limits", steady(LIMITS_EVERY_SECONDS), limits.look),
        ]
        if tools.team is not None:
            steps.append(("nodes", steady(NODES_EVERY_SECONDS), never_fatal(tools.team.write_news)))
        if tools.look_for_notices is not None:
            steps.append(("notices", steady(NOTICES_EVERY_SECONDS), never_fatal(tools.look_for_notices)))
        if tools.trace is not None:
            steps.append(("spans", SHIP_PACE, never_fatal(tools.trace.parts.ship)))
        if tools.metrics is not None:
            steps.append(("metrics", METRICS_PACE, never_fatal(tools.metrics.look)))
        idle_seconds = self._spec.idle_duration_seconds
        if idle_seconds is not None:
            idle = IdleWatcher(
                idle_seconds,
                tools.processor_seconds,
                tools.gpu_in_use,
                tools.switch,
                of_all=(lambda own: own) if tools.team is None else tools.team.idle_seconds,
            )
            steps.append(("idleness", steady(min(IDLE_EVERY_SECONDS, idle_seconds / 4)), idle.look))
        return steps

    @contextmanager
    def _watching(self) -> Iterator[None]:
        # A stop request may be older than this machine.
        self._try("stop request", self._stop_request.look)
        with self._periodically(*self.steps()):
            yield

    @contextmanager
    def _saving_checkpoints(self) -> Iterator[None]:
        pace = steady(self._spec.checkpoints.every_seconds)
        tools = self._tools
        save = self._save_before_leaving
        rebalance = RebalanceWatcher(tools.metadata, tools.switch, save, tools.say)
        steps: list[Step] = [("rebalance recommendation", steady(INTERRUPTION_EVERY_SECONDS), rebalance.look)]
        if self._spec.node == 0:  # of several nodes it saves for all
            steps.append(("checkpoint", pace, self._saving.save_checkpoint))
        with self._periodically(*steps):
            yield

    def _save_before_leaving(self) -> str:
        """Saves what there is, of several nodes what all have; tells what came of it."""
        team = self._tools.team
        if team is not None and team.node != 0:
            team.ask_for_checkpoint()
            return "node 0 is asked for a checkpoint of all"
        saved = self._saving.save_checkpoint()
        return f"checkpoint {saved} is saved" if saved else "nothing has changed since the last checkpoint"

    @contextmanager
    def _growing_volumes(self) -> Iterator[None]:
        """A larger size in the job file resizes the volume of a running machine."""
        step = ("volumes", steady(GROW_EVERY_SECONDS), never_fatal(self._tools.volumes.grow_all))
        with self._periodically(*([step] if self._spec.volumes else [])):
            yield

    @contextmanager
    def _periodically(self, *steps: Step) -> Iterator[None]:
        threads = [Periodic(name, pace, step, self._tools.say, self._crashed) for name, pace, step in steps]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.stop()

    def _crashed(self, error: BaseException) -> None:
        name = threading.current_thread().name
        message = f"the agent's part '{name}' failed: {error!r}"
        self._tools.switch.set(StopRequest(Phase.FAILED, Reason.AGENT_ERROR, message))
