"""Locks: their owners are read from the engine's words; only known deaths count."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from runctl_auto.backend.locks import LockOwner, Processes, is_dead, is_orphan, owners_in, this_process

MESSAGE = """error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to \
end or delete the lock file with `pulumi cancel`.
  file:///s/.pulumi/locks/organization/runctl/dev/a.json: created by ann@here (pid 7) at 2026-11-22T10:00:00Z
  file:///s/.pulumi/locks/organization/runctl/dev/b.json: created by bob@there (pid 8) at 2026-11-22T10:00:01Z
"""
LOCKED = 1_795_341_600.0
OWNER = LockOwner("ann", "here", 7, "2026-11-22T10:00:00Z")


def processes(
    started: dict[int, float], starter: Callable[[int], str | None] = lambda pid: None
) -> Processes:
    return Processes(host=lambda: "here", started_at=started.get, starter_of=starter)


def test_owners_are_read_from_the_engines_words() -> None:
    assert owners_in(MESSAGE) == (OWNER, LockOwner("bob", "there", 8, "2026-11-22T10:00:01Z"))
    assert owners_in("no lock here") == ()


@pytest.mark.parametrize(
    ("started", "dead"),
    [
        ({}, True),
        ({7: LOCKED - 5}, False),
        ({7: LOCKED}, False),
        ({7: LOCKED + 60}, True),
        ({7: 0.0}, False),
    ],
    ids=["no such process", "older than the lock", "same second", "the number was used again", "unknown"],
)
def test_an_owner_is_dead_when_its_process_is_gone_or_another(started: dict[int, float], dead: bool) -> None:
    assert is_dead(OWNER, processes(started)) is dead


def test_of_another_machine_nothing_is_known() -> None:
    other = LockOwner("bob", "there", 8, OWNER.since)
    assert not is_dead(other, processes({}))
    assert not is_orphan(other, processes({}))


@pytest.mark.parametrize(
    ("starter", "started", "orphan"),
    [
        ("5:100.00", {7: LOCKED}, True),
        ("5:100.00", {7: LOCKED, 5: 100.0}, False),
        ("5:100.00", {7: LOCKED, 5: 900.0}, True),
        (None, {7: LOCKED}, False),
        ("5:100.00", {}, False),
        ("nonsense", {7: LOCKED}, False),
    ],
    ids=["runctl is gone", "runctl lives", "its number was used again", "not ours", "dead itself", "odd"],
)
def test_an_engine_that_outlived_its_runctl_is_an_orphan(
    starter: str | None, started: dict[int, float], orphan: bool
) -> None:
    assert is_orphan(OWNER, processes(started, lambda pid: starter)) is orphan


def test_this_process_is_alive_and_names_itself() -> None:
    here = Processes()
    me = LockOwner("x", here.host(), os.getpid(), "2999-01-01T00:00:00Z")
    assert not is_dead(me, here)
    assert this_process().startswith(f"{os.getpid()}:")
