"""Following a run of this machine: its lines in order, its end, its place in the queue, a lost agent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runctl_auto.agent.keys import log_part_name, node_logs_prefix, status_key
from runctl_auto.agent.local.capacity import Capacity
from runctl_auto.agent.local.queue import Queue, Turn
from runctl_auto.agent.status_format import new_status
from runctl_auto.jobs.local.follow import AgentGone, LocalFollower
from runctl_auto.jobs.reporting import NobodyThere
from runctl_auto.providers.local.results import FolderResults
from runctl_auto.run.status import RunStatus

JOB, RUN = "digits", "0123456789"


class Heard(NobodyThere):
    def __init__(self) -> None:
        self.told: list[str] = []

    def say(self, text: str) -> None:
        self.told.append(text)

    def log_line(self, line: str) -> None:
        self.told.append(f"> {line}")


class Here:
    """A job whose agent does one step whenever the follower sleeps."""

    def __init__(self, root: Path) -> None:
        self.results = FolderResults(root / "jobs" / JOB / "store")
        self.queue = Queue(root, lambda folder, record, lock: None)
        root.mkdir(parents=True)
        self.queue.offer(Capacity(1, 1, 1))
        self.alive = True
        self.steps: list[Callable[[], None]] = []
        self.heard = Heard()
        self.parts = 0

    def status(self, phase: str, **fields: object) -> None:
        told = {**new_status(JOB, RUN, "2030-01-01T00:00:00Z"), "phase": phase, **fields}
        self.results.objects().put(status_key(RUN), json.dumps(told).encode())

    def print(self, text: str) -> None:
        self.results.objects().put(node_logs_prefix(RUN, 0) + log_part_name(self.parts), text.encode())
        self.parts += 1

    def die(self) -> None:
        self.alive = False

    def follow(self, known: RunStatus | None = None) -> RunStatus | AgentGone:
        def sleep(_: float) -> None:
            self.steps.pop(0)()

        return LocalFollower(
            JOB,
            RUN,
            self.results,
            self.queue,
            self.heard,
            alive=lambda: self.alive,
            known=known,
            sleep=sleep,
            clock=lambda: 0.0,
        ).until_end()


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path / "local")


def test_lines_and_phases_are_told_in_order(here: Here) -> None:
    here.steps = [
        lambda: here.status("running"),
        lambda: here.print("one\ntw"),
        lambda: here.print("o\nthree"),
        lambda: here.status("succeeded", exit_code=0),
    ]
    outcome = here.follow()
    assert isinstance(outcome, RunStatus)
    assert outcome.succeeded
    assert here.heard.told == ["training runs", "> one", "> two", "> three", "training succeeded"]


def test_an_agent_that_is_gone_is_told_of(here: Here) -> None:
    here.status("running")
    here.steps = [here.die]
    outcome = here.follow()
    assert isinstance(outcome, AgentGone)
    assert outcome.status is not None
    assert outcome.status.phase == "running"


def test_an_agent_may_end_between_two_looks(here: Here) -> None:
    def end() -> None:
        here.status("failed", exit_code=1, reason="command_failed")
        here.die()

    here.steps = [end]
    outcome = here.follow()
    assert isinstance(outcome, RunStatus)
    assert here.heard.told == ["training failed (command_failed)"]


def test_the_phase_before_a_restart_is_not_told_again(here: Here) -> None:
    here.status("running")
    known = here.results.status(RUN)
    here.steps = [lambda: here.status("fetching"), lambda: here.status("succeeded", exit_code=0)]
    here.follow(known)
    assert here.heard.told == ["unpacking code, looking for checkpoints", "training succeeded"]


def test_a_job_that_waits_is_told_for_what_once(here: Here) -> None:
    here.alive = False
    folder = here.queue.folder(JOB)
    folder.path.mkdir(parents=True, exist_ok=True)
    Turn("waiting", 1, RUN).write(folder)

    def begin() -> None:
        Turn("granted", 1, RUN).write(folder)
        here.alive = True

    here.steps = [lambda: None, begin, lambda: here.status("succeeded", exit_code=0)]
    outcome = here.follow()
    assert isinstance(outcome, RunStatus)
    assert [each.partition(" ")[0] for each in here.heard.told] == ["waiting", "training"]
