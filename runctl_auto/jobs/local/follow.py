"""Follows a run of this machine: its place in the queue, its phases, its log, its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from runctl_auto.agent.contract import Phase
from runctl_auto.agent.local.job_folder import JobFolder
from runctl_auto.agent.local.queue import Queue
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.local.printable import printable
from runctl_auto.observe.logs import LogReader
from runctl_auto.providers.local.results import FolderResults
from runctl_auto.run.status import RunStatus

FIRST_POLL_SECONDS, POLL_SECONDS = 0.02, 0.25
_SOON_SECONDS = 5.0
LAST_AGENT_SECONDS = 0.05
QUEUE_SECONDS = 1.0
"""How often the queue is looked at by a command that follows a waiting job."""

WORDS = {
    Phase.BOOTING: "the agent has started",
    Phase.FETCHING: "unpacking code, looking for checkpoints",
    Phase.SETUP: "setup runs",
    Phase.RUNNING: "training runs",
    Phase.STOPPING: "stopping",
    Phase.SUCCEEDED: "training succeeded",
    Phase.FAILED: "training failed",
    Phase.STOPPED: "training was stopped",
    Phase.INTERRUPTED: "the agent is being ended",
}


@dataclass(frozen=True)
class AgentGone:
    """The run has not ended, and its agent has, by whatever: killed, or the machine was restarted."""

    status: RunStatus | None


class LocalFollower:
    """Tells one run to its end. ``alive`` tells whether its agent lives; the phase of the ``known`` status is
    not told again."""

    def __init__(
        self,
        job: str,
        run: str,
        results: FolderResults,
        queue: Queue,
        reporter: Reporter,
        *,
        alive: Callable[[], bool],
        known: RunStatus | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._job = job
        self._run = run
        self._results = results
        self._queue = queue
        self._reporter = reporter
        self._alive = alive
        self._sleep = sleep
        self._clock = clock
        self._log = LogReader(results, run)
        self._phase = None if known is None else known.phase
        self._waited: str | None = None

    def until_end(self) -> RunStatus | AgentGone:
        """Blocks until the run has ended, or has no agent any more and waits for none."""
        began = self._clock()
        while True:
            alive = self._alive()  # before the status, which an agent writes while it lives
            status = self._results.status(self._run)
            if status is not None and status.ended:
                return self._ended(status)
            self._tell(status)
            if not alive or status is None:
                waits = self._look_at_queue()
                if not alive and not waits and not self._alive():
                    return self._gone()
            soon = self._clock() - began < _SOON_SECONDS
            self._sleep(QUEUE_SECONDS if self._waited else FIRST_POLL_SECONDS if soon else POLL_SECONDS)

    def _look_at_queue(self) -> bool:
        """Whether the job waits; tells for what, and starts who may: nobody else may be awake."""
        place = self._queue.position(self._job)
        if place is None:
            self._waited = None
            return False
        before, what = place
        told = f"waiting, {before} before it: for {what}" if before else f"waiting for {what}"
        if told != self._waited:
            self._reporter.say(told)
            self._waited = told
        self._queue.advance()
        return True

    def _gone(self) -> RunStatus | AgentGone:
        status = self._results.status(self._run)
        if status is not None and status.ended:
            return self._ended(status)
        self._tell(status)
        return AgentGone(status)

    def _ended(self, status: RunStatus) -> RunStatus:
        for line in self._log.rest():
            self._reporter.log_line(line)
        self._reporter.say(sentence(status))
        return status

    def _tell(self, status: RunStatus | None) -> None:
        if status is not None and status.phase != self._phase:
            self._phase = status.phase
            self._reporter.say(sentence(status))
        for line in self._log.new_lines():
            self._reporter.log_line(line)


def await_last_agent(
    folder: JobFolder, queue: Queue, *, sleep: Callable[[float], object] = time.sleep, looks: int = 600
) -> None:
    """Blocks while the agent of a run that has ended ends itself: until then the job has no other one."""
    for _ in range(looks):
        if not folder.agent_lives() or queue.position(folder.name) is not None:
            return
        sleep(LAST_AGENT_SECONDS)


def sentence(status: RunStatus) -> str:
    """The run's phase, in words."""
    if status.unreadable is not None:
        return printable(status.unreadable)
    text = WORDS[status.phase]
    if status.phase == Phase.RUNNING and status.resumed_from:
        return f"{text}, from checkpoint {status.resumed_from}"
    if status.phase in (Phase.FAILED, Phase.STOPPED) and status.reason:
        return printable(f"{text} ({status.reason})")
    return text
