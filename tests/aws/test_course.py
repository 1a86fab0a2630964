"""A run always cleans up, whatever happens in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

import pytest
from aws.proof.course import (
    FAILED,
    INTERRUPTED,
    LEFT,
    PASSED,
    CleanUp,
    Deadline,
    OutOfTime,
    Step,
    StepFailed,
    follow,
)
from aws.proof.report import Report


class Run:
    """Steps and clean-ups that note that they ran."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.said: list[str] = []
        self.remaining: list[str] = []
        self.report = Report(self.said.append)

    def step(self, name: str, run: Callable[[], None] | None = None) -> Step:
        return Step(name, "boot", self._noting(name, run))

    def clean_up(self, name: str, run: Callable[[], None] | None = None) -> CleanUp:
        return name, self._noting(name, run)

    def follow(self, steps: Sequence[Step], clean_ups: Sequence[CleanUp] = ()) -> int:
        return follow(steps, clean_ups or (self.clean_up("clean"),), lambda: self.remaining, self.report)

    def _noting(self, name: str, run: Callable[[], None] | None) -> Callable[[], None]:
        def noting() -> None:
            self.done.append(name)
            if run is not None:
                run()

        return noting


@pytest.fixture
def run() -> Run:
    return Run()


def fail() -> None:
    raise StepFailed("it is not so")


def test_all_steps_and_the_clean_up_run(run: Run) -> None:
    assert run.follow([run.step("a"), run.step("b")]) == PASSED
    assert run.done == ["a", "b", "clean"]
    assert run.said[-1] == "0 left"


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_failure_ends_the_steps_and_not_the_clean_up(run: Run, at: int) -> None:
    steps = [run.step(str(number), fail if number == at else None) for number in range(3)]
    assert run.follow(steps) == FAILED
    assert run.done == [*map(str, range(at + 1)), "clean"]
    assert f"failed    | boot | {at}: it is not so" in run.said


@pytest.mark.parametrize(
    "error", [ValueError("odd"), OutOfTime("no time"), AssertionError("no"), KeyError("x")]
)
def test_every_kind_of_error_is_a_failure(run: Run, error: Exception) -> None:
    def wrong() -> None:
        raise error

    assert run.follow([run.step("a", wrong)]) == FAILED
    assert run.done == ["a", "clean"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_steps_and_not_the_clean_up(run: Run, number: signal.Signals) -> None:
    def hit() -> None:
        os.kill(os.getpid(), number)
        raise AssertionError("the signal was not noticed")

    before = signal.getsignal(number)
    assert run.follow([run.step("a", hit), run.step("b")]) == INTERRUPTED
    assert run.done == ["a", "clean"]
    assert signal.getsignal(number) == before


def test_impatience_does_not_skip_the_clean_up(run: Run) -> None:
    """Ctrl-C again while a step ends what it started."""

    def hit_twice() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    assert run.follow([run.step("a", hit_twice), run.step("b")]) == INTERRUPTED
    assert run.done == ["a", "clean"]


def test_a_signal_between_two_steps_ends_the_steps_and_not_the_clean_up(run: Run) -> None:
    def say(line: str) -> None:
        if line == "... b":
            os.kill(os.getpid(), signal.SIGTERM)

    run.report = Report(say)
    assert run.follow([run.step("a"), run.step("b")]) == INTERRUPTED
    assert run.done == ["a", "clean"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_clean_up_ends_nothing(run: Run, number: signal.Signals) -> None:
    def hit() -> None:
        os.kill(os.getpid(), number)

    clean_ups = [run.clean_up("first", hit), run.clean_up("second")]
    assert run.follow([run.step("a", fail)], clean_ups) == FAILED
    assert run.done == ["a", "first", "second"]


def test_a_clean_up_that_fails_prevents_no_other(run: Run) -> None:
    assert run.follow([], [run.clean_up("first", fail), run.clean_up("second")]) == FAILED
    assert run.done == ["first", "second"]


def test_what_is_left_is_told_and_is_the_worst(run: Run) -> None:
    run.remaining = ["bucket b"]
    assert run.follow([run.step("a", fail)]) == LEFT
    assert run.said[-2:] == ["left      | bucket b", "1 left"]


def test_not_knowing_what_is_left_is_not_nothing(run: Run) -> None:
    def unknown() -> Sequence[str]:
        raise StepFailed("no answer")

    assert follow([], [], unknown, run.report) == LEFT
    assert run.said[-1] == "1 left"


def test_a_statement_that_something_failed_is_a_failure(run: Run) -> None:
    assert run.follow([run.step("a", lambda: run.report.failed("boot", "not so"))]) == FAILED


def test_what_an_account_does_not_let_show_is_no_failure(run: Run) -> None:
    assert run.follow([run.step("a", lambda: run.report.not_shown("boot", "not allowed"))]) == PASSED


def test_a_deadline_tells_what_it_ended() -> None:
    now = [100.0]
    deadline = Deadline.after(10, lambda: now[0])
    now[0] = 104.0
    assert deadline.left("waiting") == 6.0
    now[0] = 110.0
    with pytest.raises(OutOfTime, match="while waiting"):
        deadline.left("waiting")
