from __future__ import annotations

import threading

import pytest
from support.agent_stand_ins import Clock

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.pace import FIRST_SECONDS, Pace, steady
from runctl_auto.agent.periodic import Periodic, never_fatal


def make(steps: list[object], said: list[str], crashed: list[BaseException]) -> Periodic:
    def step() -> None:
        outcome = steps.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome

    return Periodic("logs", steady(0.0), step, said.append, crashed.append)


def test_what_the_world_refuses_is_told_once_and_steps_go_on(said) -> None:
    crashed: list[BaseException] = []
    steps = [
        AgentError("no route"),
        AgentError("no route"),
        OSError("disk full"),
        None,
        AgentError("no route"),
    ]
    periodic = make(steps, said, crashed)
    assert all(periodic.step_once() for _ in range(5))
    assert said == ["logs: no route", "logs: disk full", "logs: no route"]
    assert crashed == []


@pytest.mark.parametrize("flaw", [TypeError("flaw"), KeyError("x")])
def test_a_flaw_ends_the_steps_and_is_told(said, flaw: BaseException) -> None:
    crashed: list[BaseException] = []
    assert not make([flaw], said, crashed).step_once()
    assert crashed == [flaw]


def test_steps_run_in_a_thread_until_one_is_flawed(said) -> None:
    told = threading.Event()
    crashed: list[BaseException] = []

    def remember(error: BaseException) -> None:
        crashed.append(error)
        told.set()

    def step() -> None:
        raise TypeError("flaw")

    periodic = Periodic("logs", steady(0.0), step, said.append, remember)
    periodic.start()
    assert told.wait(10)
    periodic.stop()
    assert [str(error) for error in crashed] == ["flaw"]


def test_no_step_begins_after_a_stop(said) -> None:
    steps: list[int] = []
    periodic = Periodic("logs", steady(3600.0), lambda: steps.append(1), said.append, lambda error: None)
    periodic.start()
    periodic.stop()
    assert steps == []


def test_stopping_what_was_never_started_is_fine(said) -> None:
    make([], said, []).stop()


def test_after_the_first_minutes_steps_are_rarer(said) -> None:
    clock = Clock()
    began = clock.now
    steps: list[float] = []

    def wait(seconds: float) -> bool:
        clock.wait(seconds)
        return clock.now - began > 2 * FIRST_SECONDS

    Periodic(
        "logs",
        Pace(first=2, later=15),
        lambda: steps.append(clock.now - began),
        said.append,
        lambda error: None,
        ticks=clock,
        wait=wait,
    ).run()
    early = [each for each in steps if each <= FIRST_SECONDS]
    assert (len(early), len(steps) - len(early)) == (FIRST_SECONDS / 2, FIRST_SECONDS / 15)


def test_what_only_saves_goes_on_after_a_flaw(said) -> None:
    crashed: list[BaseException] = []

    def step() -> None:
        raise UnicodeEncodeError("utf-8", "\udce9", 0, 1, "surrogates not allowed")

    periodic = Periodic("checkpoint", steady(0.0), never_fatal(step), said.append, crashed.append)
    assert periodic.step_once()
    assert periodic.step_once()
    assert crashed == []
    assert len(said) == 1
    assert said[0].startswith("checkpoint: an error in runctl: UnicodeEncodeError")
    assert "Traceback" in said[0]


@pytest.mark.parametrize("error", [AgentError("no route"), OSError("disk full")])
def test_expected_failures_stay_as_they_are(error: Exception) -> None:
    def step() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        never_fatal(step)()
    assert raised.value is error
