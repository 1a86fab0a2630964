"""When operations worked that came to no good end, as history and state tell it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from runctl_auto.backend.history import HistoryRecord
from runctl_auto.backend.unfinished import Period, unfinished_periods
from runctl_auto.stack.state import StackState, parse_state

START = datetime(2030, 1, 1, tzinfo=timezone.utc)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def record(kind: str, began: float, *, succeeded: bool = True) -> HistoryRecord:
    return HistoryRecord(kind, succeeded, at(began), at(began + 1))


def state(written: float | None, begun: float | None = None) -> StackState:
    return StackState((), (), *(None if each is None else at(each) for each in (written, begun)))


def minutes(history: tuple[HistoryRecord, ...], present: StackState) -> list[tuple[float, float]]:
    def minute(moment: datetime) -> int:
        return int((moment - START).total_seconds() // 60)

    return [(minute(each.began), minute(each.ended)) for each in unfinished_periods(history, present)]


def test_after_an_update_that_succeeded_nothing_is_unfinished() -> None:
    assert minutes((record("update", 5), record("update", 1, succeeded=False)), state(6)) == []


def test_updates_that_failed_since_the_last_that_succeeded_are_unfinished() -> None:
    history = (
        record("refresh", 30),
        record("update", 20, succeeded=False),
        record("destroy", 15, succeeded=False),
        record("update", 10, succeeded=False),
        record("update", 5),
        record("update", 1, succeeded=False),
    )
    assert minutes(history, state(30)) == [(20, 21), (10, 11)]


def test_a_state_written_after_the_history_is_that_of_a_killed_operation() -> None:
    assert minutes((record("update", 5),), state(9)) == [(6, 9)]


def test_without_a_history_it_begins_with_the_oldest_thing_of_the_state() -> None:
    assert minutes((), state(9, begun=7)) == [(7, 9)]
    assert minutes((), state(9)) == [(9, 9)]
    assert minutes((), state(None)) == []


@pytest.mark.parametrize(
    ("minute", "is_in"), [(0.5, False), (1.5, True), (5, True), (8.5, True), (9.5, False)]
)
def test_clocks_may_differ(minute: float, is_in: bool) -> None:
    assert Period(at(2), at(8)).holds(at(minute), timedelta(minutes=1)) == is_in


def test_a_state_tells_when_it_was_written_and_begun() -> None:
    told = parse_state(
        {
            "manifest": {"time": "2030-01-01T00:05:00.123456789Z"},
            "resources": [
                {"urn": "a", "created": "2030-01-01T02:01:00+02:00"},
                {"urn": "b", "created": "2030-01-01T00:02:00Z"},
                {"urn": "c"},
            ],
        }
    )
    assert told.written_at is not None
    assert abs(told.written_at - at(5)) < timedelta(seconds=0.2)
    assert told.begun_at == at(1)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "yesterday", None, 7, "2030-13-01T00:00:00Z"])
def test_a_state_that_tells_no_time(text: object) -> None:
    assert parse_state({"manifest": {"time": text}}).written_at is None
