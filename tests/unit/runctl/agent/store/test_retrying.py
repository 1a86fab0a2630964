from __future__ import annotations

import pytest

from runctl_auto.agent.errors import AgentError, RetriesExhaustedError, UnreachableError
from runctl_auto.agent.store.retrying import Retrier, RetryPolicy


class Failing:
    """Fails the given number of times, then answers."""

    def __init__(self, times: int, error: AgentError | None = None) -> None:
        self.left = times
        self.calls = 0
        self.error = error or UnreachableError("no route")

    def __call__(self) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


def retrier(clock, chance: float = 0.5, **policy) -> Retrier:
    return Retrier(RetryPolicy(**policy), clock=clock, sleep=clock.wait, chance=lambda: chance)


def always(error: AgentError) -> bool:
    return True


def test_waits_double_from_a_tenth_of_a_second(clock) -> None:
    operation = Failing(2)
    assert retrier(clock).call(operation, always) == "done"
    assert clock.waits == pytest.approx([0.1, 0.2])


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 0.09), (1.0, 0.11)])
def test_jitter_is_a_tenth_at_most(clock, chance: float, wait: float) -> None:
    retrier(clock, chance).call(Failing(1), always)
    assert clock.waits == pytest.approx([wait])


def test_no_wait_is_longer_than_the_longest() -> None:
    assert RetryPolicy().wait(500, 0.5) == 30.0


def test_gives_up_after_three_attempts_and_tells_them(clock) -> None:
    operation = Failing(5)
    with pytest.raises(RetriesExhaustedError, match=r"no route \(given up after 3 attempts\)") as raised:
        retrier(clock).call(operation, always)
    assert operation.calls == 3
    assert raised.value.__cause__ is operation.error


def test_a_permanent_error_is_raised_at_once(clock) -> None:
    operation = Failing(1, AgentError("denied"))
    with pytest.raises(AgentError, match="denied"):
        retrier(clock).call(operation, lambda error: False)
    assert clock.waits == []


def test_patience_outlasts_the_attempts(clock) -> None:
    give_up = clock.now + 60
    operation = Failing(1000)
    with pytest.raises(RetriesExhaustedError):
        retrier(clock).call(operation, always, patience=lambda error: give_up)
    assert operation.calls > 3
    assert clock.now <= give_up
