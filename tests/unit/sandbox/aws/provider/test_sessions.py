"""Sessions of connections."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws.provider.cancellation import CancelledError
from sandbox.aws.provider.configuration import CloudAccess, Configuration, ConfigurationError
from sandbox.aws.provider.sessions import Session, Sessions

ONE = Configuration(CloudAccess("us-east-1", "http://127.0.0.1:1"))
OTHER = Configuration(CloudAccess("eu-west-1", "http://127.0.0.1:1"))


def test_cancelling_ends_all_work_in_flight_and_to_come(clock: Any) -> None:
    session = Session(clock)
    with session.work() as first, session.work() as second:
        session.cancel()
        for work in (first, second):
            with pytest.raises(CancelledError):
                work.pause(1)
    with pytest.raises(CancelledError), session.work():
        pytest.fail("work began on a cancelled session")
    assert clock.waits == []


def test_work_that_has_ended_is_forgotten(clock: Any) -> None:
    session = Session(clock)
    with session.work() as work:
        pass
    session.cancel()
    work.check()


def test_one_configuration_for_a_session(clock: Any) -> None:
    session = Session(clock)
    with pytest.raises(ConfigurationError, match="not configured"):
        _ = session.settings
    session.configure(ONE, "1")
    session.configure(ONE, "1")
    with pytest.raises(ConfigurationError, match="use_local_subchannel_pool"):
        session.configure(OTHER, "1")
    assert session.settings == (ONE, "1")


def test_a_connection_keeps_its_session_until_it_is_cancelled(clock: Any) -> None:
    sessions = Sessions(clock)
    session = sessions.begin("a")
    assert sessions.of("a") is session
    assert sessions.begin("a") is session
    assert sessions.of("b") is not session
    session.cancel()
    assert sessions.of("a") is session
    assert sessions.begin("a") is not session


def test_the_longest_unused_are_forgotten(clock: Any) -> None:
    sessions = Sessions(clock)
    kept, lost = sessions.of("kept"), sessions.of("lost")
    for number in range(1023):
        sessions.of("kept")
        sessions.of(str(number))
    assert sessions.of("kept") is kept
    assert sessions.of("lost") is not lost
