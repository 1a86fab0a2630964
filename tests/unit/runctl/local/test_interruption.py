"""An interruption waits for the operation's safe end; a second one does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from unittest.mock import create_autospec

import pytest

from runctl_auto.local import interruption
from runctl_auto.local.interruption import run_to_a_safe_end


class InterruptedEvent(threading.Event):
    """An event whose ``wait`` is interrupted as often as asked, before it waits."""

    times = 0

    def wait(self, timeout: float | None = None) -> bool:
        if InterruptedEvent.times:
            InterruptedEvent.times -= 1
            raise KeyboardInterrupt
        return super().wait(timeout)


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def times(count: int) -> None:
        InterruptedEvent.times = count
        monkeypatch.setattr(interruption, "Event", InterruptedEvent)

    return times


def test_without_an_interruption_the_result_or_the_failure_comes_through() -> None:
    assert run_to_a_safe_end(lambda: 7, print) == 7
    with pytest.raises(KeyError):
        run_to_a_safe_end(lambda: {}["absent"], print)


def test_an_interruption_is_raised_after_the_safe_end(interrupted: Callable[[int], None]) -> None:
    interrupted(1)
    done: list[str] = []
    told: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_to_a_safe_end(lambda: done.append("end"), told.append)
    assert done == ["end"]
    assert "safe end" in told[0]


def test_an_interrupted_failure_is_an_interruption(interrupted: Callable[[int], None]) -> None:
    interrupted(1)
    with pytest.raises(KeyboardInterrupt):
        run_to_a_safe_end(lambda: {}["cancelled"], lambda _: None)


def test_a_second_interruption_leaves_the_operation_alone(
    interrupted: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(2)
    release = threading.Lock()
    release.acquire()
    monkeypatch.setattr(interruption, "_LEFT_ALONE", threading.Event())
    assert not interruption.has_left_an_operation_alone()
    with pytest.raises(KeyboardInterrupt):
        run_to_a_safe_end(release.acquire, lambda _: None)
    assert interruption.has_left_an_operation_alone(), (
        "whoever ends the program must not wait for its threads"
    )
    release.release()


def test_a_second_interruption_may_come_while_the_first_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = threading.Event()
    monkeypatch.setattr(interruption, "_LEFT_ALONE", left)
    ended = create_autospec(threading.Event, instance=True)
    ended.wait.side_effect = KeyboardInterrupt

    def told(_text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interruption._waits_out_an_interruption(ended, told)
    assert left.is_set()
