"""Carries out one operation: runs the program, executes what follows from it, then deletes the rest."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sandbox.engine import urn as urns
from sandbox.engine.deploy.actions import Actions
from sandbox.engine.deploy.dependency_graph import DependencyGraph
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.failures import Bail, GenerationError
from sandbox.engine.deploy.generation.deletions import deletions, scheduled
from sandbox.engine.deploy.generation.step_generator import Continuation, Generated, Mode, StepGenerator
from sandbox.engine.deploy.goal import OutputsRegistration, Reading, Registered, Registration
from sandbox.engine.deploy.refreshing import refresh_remaining
from sandbox.engine.deploy.step_executor import StepExecutor
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.deploy.steps.unchanged import SameStep
from sandbox.engine.deploy.stopping import Stop
from sandbox.engine.model import Resource


@dataclass(frozen=True)
class ProgramError:
    """How a program failed; `shown` when people have seen it."""

    message: str
    shown: bool


@dataclass(frozen=True)
class ProgramEnded:
    """The program registers nothing more."""

    error: ProgramError | None


Happening = Registration | Reading | OutputsRegistration | ProgramEnded | Continuation | None


class RunningProgram(Protocol):
    """A program that is run once, on threads of its own."""

    def start(self) -> None:
        """Starts it."""

    def end(self) -> str | None:
        """Lets it end, which has registered all it will. Blocking. What went wrong, if anything."""

    def abandon(self) -> None:
        """Ends it, whatever it is doing. Blocking."""


class Execution:
    """One run over the program (None: an empty program), from registrations to deletions."""

    def __init__(
        self,
        deployment: Deployment,
        actions: Actions,
        cancelled: Stop,
        program: Callable[[Callable[[Happening], None]], RunningProgram] | None,
        *,
        mode: Mode = Mode.UPDATE,
        refresh: bool = False,
    ) -> None:
        self._deployment, self._actions, self._cancelled, self._program = (
            deployment,
            actions,
            cancelled,
            program,
        )
        self._happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        self._stop = Stop()
        cancelled.on_stop(self._stop.stop)
        self._stop.on_stop(lambda: self._happenings.put(None))
        self._generator = StepGenerator(deployment, self._happenings.put, mode=mode, refresh=refresh)
        self._executor = StepExecutor(deployment, actions, self._stop, cancelled)
        self._unfinished = 0
        self._skipped: set[str] = set()
        self._stack_outputs: OutputsRegistration | None = None
        self._known_errors: list[Step] = []

    def run(self) -> None:
        """Runs to the end. Blocking. Raises Bail when anything failed; people have been told what."""
        run = self._program(self._happenings.put) if self._program else None
        try:
            self._run(run)
        except BaseException:
            self._stop.stop()
            if run:
                run.abandon()
            raise
        if run:
            self._end(run)

    def _run(self, run: RunningProgram | None) -> None:
        error: Bail | None = None
        if run:
            run.start()
        else:
            self._happenings.put(ProgramEnded(None))
        try:
            self._follow()
        except Bail as bail:
            error = bail
        finally:
            self._executor.wait()
        self._finish_stack_outputs(errored=error is not None)
        if error:
            raise error
        if self._executor.error is None:
            self._refuse_unplanned()
            self._judge_stack()
        if self._executor.error or self._generator.progress.failed:
            self._conclude("failed")
        if self._cancelled.stopped:
            self._conclude("canceled")

    def _refuse_unplanned(self) -> None:
        """Raises Bail when the plan expected more than was done."""
        planning = self._deployment.planning
        if planning is None:
            return
        missing = planning.missing(self._deployment.all_olds)
        for urn in missing:
            self._deployment.report(urn, f"expected resource operations for {urn} but none were seen")
        if missing:
            raise Bail("the plan expected more operations")
        planning.complete(self._deployment.new_resources())

    def _judge_stack(self) -> None:
        """Lets policies look at the stack as it has become."""
        judge, progress = self._deployment.judge, self._generator.progress
        if judge is None:
            return
        try:
            progress.failed = judge.judge_stack(progress.providers) or progress.failed
        except Exception as error:
            self._deployment.report("", str(error))
            raise Bail(str(error)) from error

    def _end(self, run: RunningProgram) -> None:
        """Lets the program end; what went wrong in it after its last registration is an error too."""
        message = run.end()
        if message is not None:
            self._deployment.report("", message)
            raise Bail(message)

    def _conclude(self, how: str) -> None:
        what = "preview" if self._deployment.dry_run else "update"
        self._deployment.report("", f"{what} {how}")
        raise Bail(f"{what} {how}")

    # Following the program

    def _follow(self) -> None:
        ended = False
        while not self._stop.stopped:
            happening = self._happenings.get()
            if happening is None:
                continue
            if isinstance(happening, ProgramEnded):
                self._check_end(happening)
                ended = True
            else:
                self._handle_reporting(happening)
            if ended and self._unfinished == 0 and not self._stop.stopped:
                self._after_program()
                return

    def _check_end(self, ended: ProgramEnded) -> None:
        if ended.error is None:
            return
        self._stop.stop()
        if ended.error.shown:
            raise Bail("the program failed")
        self._deployment.report("", ended.error.message)
        raise Bail(ended.error.message)

    def _handle_reporting(self, happening: Happening) -> None:
        """Handles a happening; whatever goes wrong is reported and ends the operation."""
        try:
            self._handle(happening)
        except Bail:
            self._stop.stop()
            raise
        except Exception as error:
            self._stop.stop()
            self._deployment.report(self._urn_of(happening), str(error))
            raise Bail(str(error)) from error

    def _urn_of(self, happening: Happening) -> str:
        if isinstance(happening, OutputsRegistration):
            return happening.urn
        if isinstance(happening, (Registration, Reading)):
            goal = happening.goal
            return self._deployment.urn_for(goal.parent, goal.type, goal.name)
        return ""

    def _handle(self, happening: Happening) -> None:
        if isinstance(happening, OutputsRegistration):
            self._take_outputs(happening)
            return
        if isinstance(happening, Registration):
            generated = self._generator.register(happening)
        elif isinstance(happening, Reading):
            generated = self._generator.read(happening)
        elif callable(happening):
            self._unfinished -= 1
            generated = happening()
        else:
            return
        self._execute(generated)

    def _execute(self, generated: Generated) -> None:
        if generated.unfinished:
            self._unfinished += 1
        self._skipped.update(step.urn for step in self._executor.errored())
        steps = []
        for step in generated.steps:
            if self._skipped.isdisjoint(step.resource.references()):
                steps.append(step)
            else:
                step.skip()
                self._skipped.add(step.urn)
        if steps:
            self._executor.run(steps)
        elif generated.unfinished:
            self._unfinished -= 1  # nothing will come of it

    # Outputs of components and of the stack

    def _take_outputs(self, registration: OutputsRegistration) -> None:
        if urns.is_stack(registration.urn):
            self._stack_outputs = registration
        else:
            self._register_outputs(registration, errored=False)
        if not registration.answer.done():
            registration.answer.set_result(_NOTHING)

    def _register_outputs(self, registration: OutputsRegistration, *, errored: bool) -> None:
        step = self._executor.pending_outputs.pop(registration.urn, None)
        if step is None or step.new is None:
            raise Bail(f"cannot complete a resource '{registration.urn}' whose registration isn't pending")
        if isinstance(step, SameStep) and step.skipped_create:
            return
        outputs = registration.outputs
        if errored:
            old = self._deployment.olds.get(registration.urn)
            outputs = (old.outputs if old else {}) | outputs
        if self._deployment.planning:
            before = step.old.outputs if step.old else {}
            self._deployment.planning.outputs(registration.urn, before, outputs)
        step.new.outputs = outputs
        self._actions.outputs_registered(step)

    def _finish_stack_outputs(self, *, errored: bool) -> None:
        if self._stack_outputs is None:
            return
        errored = errored or self._executor.error is not None or self._generator.progress.failed
        try:
            self._register_outputs(self._stack_outputs, errored=errored)
        except GenerationError as error:
            self._deployment.report(self._stack_outputs.urn, str(error))
            raise Bail(str(error)) from error

    # After the program

    def _after_program(self) -> None:
        missing = unknown_targets(self._deployment, self._deployment.targets.literals, self._generator)
        if self._deployment.previous.resources:
            try:
                self._finish_off()
            except Bail:
                if not self._generator.progress.failed:
                    raise  # else the whole operation is said to have failed, below
            except Exception as error:
                self._deployment.report("", str(error))
                raise Bail(str(error)) from error
        if missing:
            raise Bail("one or more targets could not be found in the stack")

    def _finish_off(self) -> None:
        if self._generator.mode is Mode.REFRESH:
            refresh_remaining(self._deployment, self._generator.progress, self._executor)
            return
        kept, gone = deletions(self._deployment, self._generator.progress)
        if self._deployment.planning:
            self._deployment.planning.steps([*kept, *gone])
        if kept:
            future = self._executor.run(kept)
            if future:
                future.result()
        for together in scheduled(self._deployment, self._generator.progress, gone):
            if self._stop.stopped:
                return
            needed = self._needed_by_failed()
            self._executor.run_beside(step for step in together if id(step.resource) not in needed)

    def _needed_by_failed(self) -> set[int]:
        """Identities of what must stay because something that depends on it could not be deleted."""
        needed: list[Resource] = []
        registered = self._generator.progress.to_delete
        deleting = DependencyGraph(registered)
        for step in self._executor.errored():
            for resource in (step.resource, step.old):
                needed += _dependencies(resource, self._deployment.graph, deleting)
        live = {r.urn for r in needed if not r.delete}
        return {id(r) for r in needed} | {id(r) for r in registered if r.urn in live}


def _dependencies(resource: Resource | None, *graphs: DependencyGraph) -> list[Resource]:
    for graph in graphs:
        if resource is not None and resource in graph:
            return graph.transitive_dependencies_of(resource)
    return []


_NOTHING = Registered(Resource(urn="", type=""))


def unknown_targets(deployment: Deployment, literals: list[str], generator: StepGenerator | None) -> bool:
    """Whether a target is neither in the state nor in the program; reports each."""
    seen = generator.progress.seen if generator else set()
    missing = [urn for urn in literals if urn not in deployment.all_olds and urn not in seen]
    for urn in missing:
        hint = "" if "$" in urn else " Did you forget to escape $ in your shell?"
        deployment.report("", f"Target '{urn}' could not be found in the stack.{hint}")
    return bool(missing)
