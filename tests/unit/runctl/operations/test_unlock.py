"""Unlocking: only what is known to be dead, all by force and after asking."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import call, create_autospec

import pytest
from support.job_stacks import FakeTime, Told
from support.sessions import fake_session
from support.versioned_in_memory import VersionedInMemory

from runctl_auto.backend.backend import Backend
from runctl_auto.backend.claims import Claims, Lease
from runctl_auto.backend.locks import Lock, LockOwner, Processes
from runctl_auto.engine.driver import Driver
from runctl_auto.errors import ConfirmationNeededError, JobNotFoundError, StackLockedError
from runctl_auto.jobs.session import Time
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.operations.unlock import unlock

AT = "2026-11-22T10:00:00Z"
DEAD = Lock("/locks/a.json", LockOwner("ann", "here", 7, AT), "a.json")
ALIVE = Lock("/locks/b.json", LockOwner("bob", "here", 8, AT), "b.json")
FAR = Lock("/locks/c.json", LockOwner("eve", "there", 7, AT), "c.json")
ILLEGIBLE = Lock("/locks/d.json", None, "d.json")
HERE = Processes(
    host=lambda: "here", started_at=lambda pid: 100.0 if pid == 8 else None, starter_of=lambda pid: None
)


class Place:
    def __init__(self, *locks: Lock, agrees: bool = False) -> None:
        self.backend: Any = create_autospec(Backend, instance=True)
        self.backend.locks.return_value = locks
        self.driver: Any = create_autospec(Driver, instance=True, backend=self.backend)
        self.told = Told(agrees=agrees)
        self.session = fake_session(driver=self.driver, told=self.told)

    def unlock(self, *, force: bool = False, yes: bool = False) -> list[tuple[str, str]]:
        removed = unlock(self.session, "digits", force=force, yes=yes, processes=HERE)
        return [(each.lock.place, each.why) for each in removed]

    @property
    def removed(self) -> list[Lock]:
        return [each.args[0] for each in self.backend.remove_lock.call_args_list]


def test_the_lock_of_a_dead_process_is_removed_and_told() -> None:
    place = Place(DEAD)
    assert place.unlock() == [("/locks/a.json", "its process is dead")]
    assert place.backend.remove_lock.call_args_list == [call(DEAD)]


@pytest.mark.parametrize(
    ("lock", "word"),
    [(ALIVE, "is alive"), (FAR, "cannot be seen from here"), (ILLEGIBLE, "does not say whose it is")],
    ids=["alive", "far", "illegible"],
)
def test_a_lock_that_may_be_in_use_keeps_all(lock: Lock, word: str) -> None:
    place = Place(DEAD, lock)
    with pytest.raises(StackLockedError, match=word) as refused:
        place.unlock()
    assert place.removed == []
    if lock.owner is not None:
        assert str(lock.owner) in str(refused.value), "who, on which host, since when"


@pytest.mark.parametrize(
    ("lock", "told"), [(FAR, "When there is gone, repeat with --force"), (ALIVE, "--force")]
)
def test_the_way_out_names_the_machine_that_may_be_gone(lock: Lock, told: str) -> None:
    with pytest.raises(StackLockedError) as refused:
        Place(lock).unlock()
    assert told in (refused.value.next_step or "")
    assert ("is gone" in (refused.value.next_step or "")) == (lock is FAR)


def test_force_asks_and_removes_all() -> None:
    declined = Place(DEAD, ALIVE, ILLEGIBLE)
    with pytest.raises(ConfirmationNeededError):
        declined.unlock(force=True)
    assert declined.removed == []
    agreed = Place(DEAD, ALIVE, agrees=True)
    assert agreed.unlock(force=True) == [
        ("/locks/a.json", "its process is dead"),
        ("/locks/b.json", "removed by force"),
    ]
    assert Place(FAR).unlock(force=True, yes=True) == [("/locks/c.json", "removed by force")]


def test_without_a_lock_the_job_has_to_exist() -> None:
    assert Place().unlock() == []
    mistyped = Place()
    mistyped.driver.open.side_effect = JobNotFoundError("none")
    with pytest.raises(JobNotFoundError):
        mistyped.unlock()


def claimed_elsewhere(place: Place, clock: FakeTime) -> Claims:
    """A command on another machine has the claim on the job."""
    files = VersionedInMemory()
    place.backend.versioned_files, place.backend.url = files, "file:///states"
    place.session = fake_session(driver=place.driver, told=place.told, clock=clock)
    elsewhere = Claims(files, PROJECT_NAME, clock.monotonic, lambda: AT, process=lambda: None)
    assert isinstance(elsewhere.attempt("digits"), Lease)
    return elsewhere


def test_a_claim_that_nobody_renews_is_freed() -> None:
    place, clock = Place(), FakeTime()
    claims = claimed_elsewhere(place, clock)
    assert [why for _, why in place.unlock()] == ["nobody renews it"]
    assert claims.held_on("digits") is None
    assert 30 <= clock.now < 40
    assert place.unlock() == []


def test_a_claim_that_is_renewed_is_kept_without_force() -> None:
    place, clock = Place(agrees=True), FakeTime()
    claims = claimed_elsewhere(place, clock)
    path = claims.path("digits")
    files = claims.files

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        held = files.read_version(path)
        assert held is not None
        files.write_version(path, held.content + b" ", held.version)

    place.session = replace(place.session, time=Time(sleep=sleep, monotonic=clock.monotonic))
    with pytest.raises(StackLockedError, match="renews its claim"):
        place.unlock()
    assert claims.held_on("digits") is not None
    assert [why for _, why in place.unlock(force=True)] == ["removed by force"]
    assert claims.held_on("digits") is None
