"""What becomes of processes that still run when `run` has returned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from support.agent_stand_ins import Clock

from runctl_auto.agent.job.background import MOST_NAMED, BackgroundPolicy, Left, LeftProcess
from runctl_auto.agent.machine.idleness import IDLE_EVERY_SECONDS
from runctl_auto.agent.status import Outcome

SUCCEEDED = Outcome("succeeded", "completed", 0)


class Script:
    """An ended script whose processes use `share` of a processor and are gone at `until`."""

    def __init__(
        self, clock: Clock, commands: Sequence[str], share: float = 0.0, until: float = 1e12
    ) -> None:
        self.clock = clock
        self.begun = clock.now
        self.processes = tuple(LeftProcess(100 + n, command) for n, command in enumerate(commands))
        self.share, self.until = share, until
        self.codes: list[tuple[LeftProcess, int]] = []
        self.finished: list[float] = []

    def left(self) -> Left:
        if self.clock.now >= self.until:
            return Left()
        return Left(self.processes, (self.clock.now - self.begun) * self.share)

    def failed(self) -> list[tuple[LeftProcess, int]]:
        return self.codes

    def finish(self, grace_seconds: float) -> None:
        self.finished.append(grace_seconds)


@pytest.fixture
def policy(clock, said) -> Callable[..., BackgroundPolicy]:
    def make(background: str = "fail", *, gpu: bool = False, stop_at: float = 1e12) -> BackgroundPolicy:
        return BackgroundPolicy(
            background,
            gpu_in_use=lambda: gpu,
            stopping=lambda: clock.now >= stop_at,
            pause=clock.wait,
            say=said.append,
            hide=lambda text: text.replace("secret", "***"),
            ticks=clock,
        )

    return make


@pytest.mark.parametrize("background", ["fail", "wait", "stop"])
def test_without_any_the_run_has_succeeded_at_once(policy, clock, background: str) -> None:
    assert policy(background).outcome(Script(clock, [])) == SUCCEEDED
    assert clock.waits == []


def test_idle_ones_are_ended_and_named(policy, clock) -> None:
    script = Script(clock, ["tensorboard --token secret", "logger"], share=0.01)
    outcome = policy().outcome(script)
    assert (outcome.phase, outcome.exit_code) == ("succeeded", 0)
    assert outcome.message == (
        "processes that the command had left running were ended: `tensorboard --token ***`, `logger`"
    )
    assert script.finished == [30]
    assert sum(clock.waits) == IDLE_EVERY_SECONDS


def test_those_at_work_are_a_failed_run(policy, clock) -> None:
    script = Script(clock, ["python3 train.py"], share=0.9)
    outcome = policy().outcome(script)
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("failed", "left_processes", None)
    assert "`python3 train.py`" in outcome.message
    assert script.finished == [30], "it may save"
    assert sum(clock.waits) <= 1, "what is plain is not measured any longer"


def test_work_on_a_gpu_is_work(policy, clock) -> None:
    assert policy(gpu=True).outcome(Script(clock, ["train"])).reason == "left_processes"


def test_those_that_leave_meanwhile_are_no_failure(policy, clock) -> None:
    script = Script(clock, ["late"], share=0.04, until=clock.now + 3)
    assert policy().outcome(script).phase == "succeeded"
    assert sum(clock.waits) == 3


def test_stop_measures_nothing(policy, clock) -> None:
    outcome = policy("stop").outcome(Script(clock, ["train"], share=1.0))
    assert (outcome.phase, clock.waits) == ("succeeded", [])
    assert "`train`" in outcome.message


def test_wait_waits_and_says_for_what(policy, clock, said) -> None:
    script = Script(clock, ["train"], share=1.0, until=clock.now + 60)
    assert policy("wait").outcome(script) == SUCCEEDED
    assert sum(clock.waits) == 60
    assert said == ["waiting for processes that the command has left running: `train`"]


@pytest.mark.parametrize("seconds", [0, 1], ids=["at once", "later"])
def test_a_background_process_that_fails_under_wait_fails_the_run(policy, clock, seconds: int) -> None:
    script = Script(clock, ["train", "logger"], until=clock.now + seconds)
    script.codes = [(script.processes[0], 3)]
    outcome = policy("wait").outcome(script)
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("failed", "command_failed", 3)
    assert "`train` with exit code 3" in outcome.message


@pytest.mark.parametrize("background", ["fail", "wait"])
def test_a_stop_meanwhile_is_left_to_the_run(policy, clock, background: str) -> None:
    script = Script(clock, ["train"])
    assert policy(background, stop_at=clock.now + 2).outcome(script) is None
    assert script.finished == []


def test_names_stay_short(policy) -> None:
    many = [LeftProcess(n, "x" * 500 + "\ny") for n in range(MOST_NAMED + 3)]
    named = policy().named(many)
    assert "and 3 more" in named
    assert len(named) < 130 * MOST_NAMED
    assert "\n" not in named
