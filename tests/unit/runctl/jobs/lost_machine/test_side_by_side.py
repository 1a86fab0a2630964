"""Machines made side by side: as many at once as may be, and none after the watcher was left."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import Told, job_spec, stack_config
from support.sessions import fake_session

from runctl_auto.errors import NoCapacityError
from runctl_auto.jobs.follow.follow import Lost
from runctl_auto.jobs.lost_machine import side_by_side as module
from runctl_auto.jobs.lost_machine.replace import ReplaceUnattended
from runctl_auto.jobs.lost_machine.side_by_side import Made, Replacements, Wanted
from runctl_auto.jobs.lost_machine.silent import SilentMachines
from runctl_auto.jobs.session import Session
from runctl_auto.providers.contract import Machine

PATIENCE_SECONDS = 60.0


class Makers:
    """Each job's machine is made once the test says so; ``asked`` are those that are being made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, most: int) -> None:
        self.ready = {name: Event() for name in ("j-a", "j-b", "j-c")}
        self.asked: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.began = Event()
        self._mocking = Lock()  # specs are not to be looked through by two threads at once
        self.sessions: list[Session] = []
        self.told = Told()
        self.shared = fake_session(told=self.told)
        self.replacements = Replacements(self.shared, self._open, most)
        monkeypatch.setattr(module, "ReplaceUnattended", self._change)

    def _open(self) -> Session:
        with self._mocking:
            session = fake_session()
        self.sessions.append(session)
        return session

    def _change(self, job: Any, config: Any, lost: Any, *, refuse_when_left: Callable[[], None]) -> Any:
        with self._mocking:
            change = create_autospec(ReplaceUnattended, instance=True)
        change.replaced = False

        def run() -> Any:
            self.asked.append(job.name)
            self.began.set()
            while not self.ready[job.name].is_set():
                job.session.time.sleep(0.001)
            refuse_when_left()
            if job.name in self.fails:
                raise self.fails[job.name]
            return config

        change.run.side_effect = run
        return change

    def begin(self, *names: str) -> None:
        for name in names:
            silent = create_autospec(SilentMachines, instance=True)
            config = stack_config(job=job_spec(name=name))
            self.replacements.begin(Wanted(config, Lost(Machine(f"i-{name}", "gone"), None), silent))

    def await_asked(self, count: int) -> None:
        while len(self.asked) < count:
            assert self.began.wait(PATIENCE_SECONDS), list(self.replacements.done())
            self.began.clear()

    def await_done(self) -> list[Made]:
        self.replacements.wait(PATIENCE_SECONDS)
        return list(self.replacements.done())


def test_a_slow_one_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    makers = Makers(monkeypatch, most=2)
    makers.begin("j-a", "j-b")
    makers.await_asked(2)
    makers.ready["j-b"].set()
    (made,) = makers.await_done()
    assert (made.job, made.error) == ("j-b", None)
    assert makers.replacements.has_begun("j-a")
    assert not makers.replacements.has_begun("j-b")
    assert len({id(each) for each in makers.sessions} | {id(makers.shared)}) == 3, "nothing is shared"
    makers.ready["j-a"].set()
    assert [each.job for each in makers.await_done()] == ["j-a"]
    assert not makers.replacements.any_begun


def test_no_more_at_once_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    makers = Makers(monkeypatch, most=2)
    makers.begin("j-a", "j-b", "j-c")
    makers.await_asked(2)
    assert sorted(makers.asked) == ["j-a", "j-b"]
    assert makers.replacements.has_begun("j-c")
    makers.ready["j-a"].set()
    assert [each.job for each in makers.await_done()] == ["j-a"]
    makers.await_asked(3)
    assert makers.asked[2] == "j-c"
    for name in ("j-b", "j-c"):
        makers.ready[name].set()


def test_what_fails_is_told_of_its_job_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    makers = Makers(monkeypatch, most=2)
    makers.fails["j-a"] = NoCapacityError("none")
    makers.begin("j-a")
    makers.ready["j-a"].set()
    (made,) = makers.await_done()
    assert (made.job, made.error) == ("j-a", makers.fails["j-a"])


def test_when_left_nothing_begins_and_what_was_begun_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    makers = Makers(monkeypatch, most=1)
    makers.begin("j-a", "j-b")
    makers.await_asked(1)
    makers.replacements.leave()  # blocks until `a`, which waits, has been left
    assert makers.asked == ["j-a"]
    assert list(makers.replacements.done()) == [Made("j-a")]
    assert not makers.replacements.any_begun
    assert any("safe end" in each for each in makers.told.said)


def test_what_an_engine_makes_meanwhile_is_told_when_left(monkeypatch: pytest.MonkeyPatch) -> None:
    makers = Makers(monkeypatch, most=1)
    makers.begin("j-a")
    makers.await_asked(1)
    makers.fails["j-a"] = NoCapacityError("none")
    makers.ready["j-a"].set()
    makers.replacements.wait(PATIENCE_SECONDS)
    makers.replacements.leave()
    assert [each.error for each in makers.replacements.done()] == [makers.fails["j-a"]]


def test_interrupted_once_more_it_leaves_them_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    makers, left = Makers(monkeypatch, most=1), Event()
    monkeypatch.setattr(module, "leave_operations_alone", left.set)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "wait", interrupted)
    makers.replacements._work.append(module._Work(create_autospec(Wanted, instance=True)))
    with pytest.raises(KeyboardInterrupt):
        makers.replacements.leave()
    assert left.is_set()


def test_without_sessions_of_their_own_one_is_made_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    makers = Makers(monkeypatch, most=2)
    makers.replacements.open_session = None
    for event in makers.ready.values():
        event.set()
    makers.begin("j-a", "j-b")
    assert makers.asked == ["j-a", "j-b"]
    assert [each.job for each in makers.replacements.done()] == ["j-a", "j-b"]
