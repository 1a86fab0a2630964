"""New machines that a watcher makes side by side, each in a thread and a session of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Event, Thread

from runctl_auto.jobs.follow.follow import Lost
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.lost_machine.replace import ReplaceUnattended
from runctl_auto.jobs.lost_machine.silent import SilentMachines
from runctl_auto.jobs.session import Session
from runctl_auto.local.interruption import leave_operations_alone, wait
from runctl_auto.stack.config import StackConfig

MOST_AT_ONCE = 8
"""However many jobs may run: each new machine takes an engine of its own."""

OpenSession = Callable[[], Session]
"""Makes a session that no other thread uses. Called in the thread that uses it."""


@dataclass(frozen=True)
class Wanted:
    """A run that lost its machine. ``silent`` counts the machines of the run that never reported."""

    config: StackConfig
    lost: Lost
    silent: SilentMachines

    @property
    def job(self) -> str:
        return self.config.job.name


@dataclass(frozen=True)
class Made:
    """What came of it: the run's ``config``, and the new ``machine``, None when none was needed; or what went
    wrong."""

    job: str
    config: StackConfig | None = None
    machine: str | None = None
    error: Exception | None = None


@dataclass
class _Work:
    wanted: Wanted
    result: Made | None = None


@dataclass
class Replacements:
    """Makes machines; used by one thread. With ``open_session`` side by side, at most ``most`` at once, each
    with a session of its own; without it one after the other, in ``session``.
    """

    session: Session
    open_session: OpenSession | None = None
    most: int = 1
    _waiting: list[Wanted] = field(default_factory=list)
    _work: list[_Work] = field(default_factory=list)
    _changed: Event = field(default_factory=Event)
    _left: Event = field(default_factory=Event)

    @property
    def any_begun(self) -> bool:
        """Whether one is being made or waits for its turn."""
        return bool(self._waiting or self._work)

    def begin(self, wanted: Wanted) -> None:
        """Makes a machine, as soon as fewer than ``most`` are being made. Does not block with sessions of
        their own."""
        if self.open_session is None:
            work = _Work(wanted)
            self._work.append(work)
            work.result = _result(wanted, lambda: self._make(wanted, self.session))
            return
        self._waiting.append(wanted)
        self._start_next()

    def has_begun(self, job: str) -> bool:
        """Whether the job waits for a machine, or for one to be taken from ``done``."""
        return any(each.job == job for each in self._waiting) or any(
            each.wanted.job == job for each in self._work
        )

    def done(self) -> Iterator[Made]:
        """Those that came to their end since it was asked last."""
        self._changed.clear()
        for each in [each for each in self._work if each.result is not None]:
            self._work.remove(each)
            assert each.result is not None  # noqa: S101 - those that have one
            yield each.result
        self._start_next()

    def wait(self, seconds: float | None = None) -> None:
        """Blocks until one comes to its end, at most ``seconds``."""
        wait(self._changed, seconds)

    def leave(self) -> None:
        """Begins nothing more, and waits until the engines have come to a safe end: an interruption has
        reached them too. Interrupted once more it leaves them alone and raises ``KeyboardInterrupt``."""
        self._left.set()
        self._waiting.clear()
        if not self._work:
            return
        try:
            self.session.reporter.say(
                "interrupted; the engines come to a safe end first (once more to leave them alone)"
            )
            while any(each.result is None for each in self._work):
                self._changed.clear()
                if any(each.result is None for each in self._work):
                    wait(self._changed)
        except KeyboardInterrupt:
            leave_operations_alone()
            raise

    def _start_next(self) -> None:
        assert self.open_session is not None or not self._waiting  # noqa: S101 - only then they wait
        while self._waiting and sum(each.result is None for each in self._work) < self.most:
            work = _Work(self._waiting.pop(0))
            self._work.append(work)
            Thread(target=self._in_own_session, args=(work,), daemon=True).start()

    def _in_own_session(self, work: _Work) -> None:
        def make() -> Made:
            assert self.open_session is not None  # noqa: S101 - `_start_next` sees to it
            session = self.open_session()
            time = replace(session.time, sleep=self._sleep)
            return self._make(work.wanted, replace(session, time=time))

        try:
            work.result = _result(work.wanted, make)
        except KeyboardInterrupt:
            work.result = Made(work.wanted.job)
        self._changed.set()

    def _make(self, wanted: Wanted, session: Session) -> Made:
        wanted.silent.refuse_another(wanted.lost)
        job = session.job(wanted.job)
        change = ReplaceUnattended(job, wanted.config, wanted.lost, refuse_when_left=self._refuse_when_left)
        found = change.run()
        return Made(wanted.job, found, _new_machine(job, wanted.lost) if change.replaced else None)

    def _sleep(self, seconds: float) -> None:
        self._left.wait(seconds)
        self._refuse_when_left()

    def _refuse_when_left(self) -> None:
        """Ends a thread as an interruption ends a command."""
        if self._left.is_set():
            raise KeyboardInterrupt


def _new_machine(job: Job, lost: Lost) -> str | None:
    """The machine that was made: of several, one of which nothing was heard before."""
    machines = job.compute().instances
    heard = lost.status.heard_machines if lost.status is not None else frozenset()
    return next((each for each in machines if each not in heard), next(iter(machines), None))


def _result(wanted: Wanted, make: Callable[[], Made]) -> Made:
    try:
        return make()
    except Exception as error:
        return Made(wanted.job, error=error)
