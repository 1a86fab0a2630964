"""What is repeated beside a run: reports, limits, requests to stop, checkpoints."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runctl_auto.agent.contract import (
    HEARTBEAT_SECONDS,
    LATER_HEARTBEAT_SECONDS,
    Phase,
    Reason,
)
from runctl_auto.agent.job.stopping import StopRequest
from runctl_auto.agent.machine.idleness import IDLE_EVERY_SECONDS, IdleWatcher
from runctl_auto.agent.machine.volumes import GROW_EVERY_SECONDS
from runctl_auto.agent.metrics.collecting import METRICS_PACE
from runctl_auto.agent.pace import NOTICES_EVERY_SECONDS, Pace, steady
from runctl_auto.agent.periodic import Periodic, attempt, never_fatal
from runctl_auto.agent.run_tools import RunTools
from runctl_auto.agent.saving.saving import Saving
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.tracing.span_parts import SHIP_PACE
from runctl_auto.agent.watchers import (
    INTERRUPTION_EVERY_SECONDS,
    LIMITS_EVERY_SECONDS,
    InterruptionWatcher,
    Limits,
    LimitWatcher,
    RebalanceWatcher,
    StopRequestWatcher,
)

HEARTBEAT_PACE = Pace(HEARTBEAT_SECONDS, LATER_HEARTBEAT_SECONDS)
NODES_EVERY_SECONDS = 0.5
"""How often node 0 looks whether the status of the nodes is another; it is written only then."""

Step = tuple[str, Pace, Callable[[], object]]


class RepeatedSteps:
    """Of one run, each in a thread of its own. ``limit`` is set when the cloud announces that it takes the
    machine back.
    """

    def __init__(self, tools: RunTools, saving: Saving, limit: TimeLimit) -> None:
        self._tools = tools
        self._saving = saving
        self._limit = limit
        self._stop_request = StopRequestWatcher(tools.store, tools.spec.run, tools.switch)

    def steps(self) -> list[Step]:
        """What is repeated from the beginning of the run to its end: name, pace and function."""
        tools, spec = self._tools, self._tools.spec
        interruption = InterruptionWatcher(
            tools.metadata,
            tools.switch,
            tools.clock,
            limit=self._limit,
            upload_seconds=lambda: self._saving.checkpoints.upload_seconds,
        )
        allowed = Limits(spec.max_duration_seconds, spec.budget_seconds, tools.config.deadline_at)
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
        idle_seconds = spec.idle_duration_seconds
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
    def of_run(self) -> Iterator[None]:
        """From its beginning to its end."""
        # A stop request may be older than this machine.
        attempt("stop request", self._stop_request.look, self._tools.say)
        with self._periodically(*self.steps()):
            yield

    @contextmanager
    def of_checkpoints(self) -> Iterator[None]:
        """While the job writes them."""
        pace = steady(self._tools.spec.checkpoints.every_seconds)
        tools = self._tools
        save = self._save_before_leaving
        rebalance = RebalanceWatcher(tools.metadata, tools.switch, save, tools.say)
        steps: list[Step] = [("rebalance recommendation", steady(INTERRUPTION_EVERY_SECONDS), rebalance.look)]
        if self._tools.spec.node == 0:  # of several nodes it saves for all
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
    def of_volumes(self) -> Iterator[None]:
        """A larger size in the job file resizes the volume of a running machine."""
        step = ("volumes", steady(GROW_EVERY_SECONDS), never_fatal(self._tools.volumes.grow_all))
        with self._periodically(*([step] if self._tools.spec.volumes else [])):
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
