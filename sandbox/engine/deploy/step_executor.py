"""Runs steps on worker threads: chains one step after the other, chains beside each other."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

from sandbox.engine.deploy.actions import Actions
from sandbox.engine.deploy.steps.base import Complete, Step, StepContext, StepFailed
from sandbox.engine.deploy.steps.changing import ProtectedError
from sandbox.engine.deploy.stopping import Stop
from sandbox.engine.model import Op, Resource
from sandbox.engine.properties import Secret


class ExecutionContext(StepContext, Protocol):
    """What the executor needs of the deployment."""

    continue_on_error: bool
    parallel: int

    def resource_known(self, step: Step, resource: Resource) -> None:
        """A step has told what a resource is now."""

    def report(self, urn: str, message: str) -> None:
        """Shows an error."""


class StepExecutor:
    """Executes chains of steps, at most `parallel` at a time, until `stop`; `cancelled` is the part of it
    that people asked for. With `ignore_errors` a failed step neither
    stops nor spares the others, but is remembered."""

    def __init__(
        self,
        context: ExecutionContext,
        actions: Actions,
        stop: Stop,
        cancelled: Stop,
        *,
        ignore_errors: bool = False,
    ) -> None:
        self.stop, self._cancelled = stop, cancelled
        self.error: Exception | None = None
        self._context, self._actions, self._ignore = context, actions, ignore_errors
        parallel = max(1, min(context.parallel, 512))
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="step")
        self._free = threading.Semaphore(parallel)
        self._lock = threading.Lock()
        self._errored: list[Step] = []
        self._running: set[Future[None]] = set()
        self.pending_outputs: dict[str, Step] = {}
        """Logical steps that were done, by URN: their resources may register outputs."""
        stop.on_stop(self._wake)

    def _wake(self) -> None:
        self._free.release()

    def run(self, chain: list[Step]) -> Future[None] | None:
        """Hands a chain to a worker; blocks until one is free. None when everything stops."""
        self._free.acquire()
        if self.stop.stopped:
            self._free.release()
            return None
        future = self._pool.submit(self._run_chain, chain)
        with self._lock:
            self._running.add(future)
        return future

    def run_beside(self, steps: Iterable[Step]) -> None:
        """Runs steps beside each other and returns when all are done, or everything stops."""
        futures = [future for step in steps if (future := self.run([step])) is not None]
        wait(futures)

    def wait(self) -> None:
        """Returns when all that was handed over is done. Nothing can be handed over afterwards."""
        while True:
            with self._lock:
                running = set(self._running)
            if not running:
                break
            wait(running)
            with self._lock:
                self._running -= running
        self._pool.shutdown()

    def errored(self) -> list[Step]:
        """The steps that failed, when the operation goes on after failures."""
        with self._lock:
            return list(self._errored)

    def _run_chain(self, chain: list[Step]) -> None:
        """Runs a chain. One that has begun goes on when something else fails, so that a replacement is not
        left half done; when people cancel, it stops after the step."""
        try:
            for number, step in enumerate(chain):
                stopped = self._cancelled.stopped if number else self.stop.stopped
                if stopped:
                    return
                if not self._try(step):
                    self._give_up(chain[number + 1 :])
                    return
        finally:
            self._free.release()

    def _give_up(self, steps: list[Step]) -> None:
        """Tells of steps that are not reached any more; a program that goes on waits for them."""
        if self.stop.stopped:
            return
        for step in steps:
            step.fail()
        with self._lock:
            self._errored += steps

    def _try(self, step: Step) -> bool:
        try:
            self._run_step(step)
        except StepFailed as failure:
            self.failed(failure, step)
            return False
        except Exception as error:
            self.failed(error, step)
            self._context.report(step.urn, str(error))
            return False
        return True

    def failed(self, error: Exception, step: Step | None) -> None:
        """Notes a failure, and stops everything unless the operation goes on after failures."""
        with self._lock:
            self.error = self.error or error
        if self._ignore:
            return
        protected = isinstance(error, StepFailed) and isinstance(error.error, ProtectedError)
        if step is not None and (self._context.continue_on_error or protected):
            step.fail()
            with self._lock:
                self._errored.append(step)
        else:
            self.stop.stop()

    def _run_step(self, step: Step) -> None:
        self._actions.before(step)
        failure: StepFailed | None = None
        complete: Complete | None = None
        try:
            complete = step.apply()
        except StepFailed as error:
            failure, complete = error, error.complete
        if failure is None and step.logical and step.new is not None:
            self.pending_outputs[step.urn] = step
        if step.new is not None and step.op is not Op.REPLACE:
            self._mark_secrets(step)
            self._context.resource_known(step, step.new)
        self._actions.after(step, failure)
        if complete:
            complete()
        if failure:
            raise failure

    def _mark_secrets(self, step: Step) -> None:
        new = step.new
        assert new is not None  # noqa: S101
        secret = {key for key, value in new.inputs.items() if isinstance(value, Secret)}
        secret.update(new.additional_secret_outputs)
        if "id" in new.additional_secret_outputs:
            self._context.warn(
                step.urn,
                "The 'id' property cannot be made secret. See pulumi/pulumi#2717 for more details.",
            )
            secret.discard("id")
        plain = [k for k in secret if k in new.outputs and not isinstance(new.outputs[k], Secret)]
        if plain:
            new.outputs = new.outputs | {key: Secret(new.outputs[key]) for key in plain}
