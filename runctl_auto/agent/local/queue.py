"""The queue of this machine's jobs: in order, by what they need, moved on by whoever ends.

Nobody need be awake: a job that ends starts the next one. Every change is made under one file lock, which
the kernel frees when its holder dies; what a killed process left half done is seen by the next one.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.local.agent_record import AgentRecord
from runctl_auto.agent.local.capacity import Capacity, Taken, gpus_for, waiting_for
from runctl_auto.agent.local.job_folder import JobFolder, is_at, read_json, write_json

State = Literal["waiting", "granted", "none"]
_JOBS, _LOCK, _CAPACITY = "jobs", "queue.lock", "capacity.json"


class StartsAgent(Protocol):
    """Starts the agent of a job, which holds the job's lock from then on; ``spawn`` describes it."""

    def __call__(self, folder: JobFolder, record: AgentRecord, lock: int) -> None: ...


@dataclass(frozen=True)
class Turn:
    """A job's place in the queue. ``number`` orders those that wait; ``gpus`` are those that it may use."""

    state: State
    number: int
    run: str
    gpus: tuple[int, ...] = ()

    @classmethod
    def of(cls, folder: JobFolder) -> Turn | None:
        """None for a job that never was in the queue."""
        found = read_json(folder.turn)
        try:
            if found is None or found["state"] not in ("waiting", "granted", "none"):
                return None
            gpus = tuple(int(each) for each in found["gpus"])
            return cls(found["state"], int(found["number"]), str(found["run"]), gpus)
        except (KeyError, TypeError, ValueError):
            return None

    def write(self, folder: JobFolder) -> None:
        told = {"state": self.state, "number": self.number, "run": self.run, "gpus": list(self.gpus)}
        write_json(folder.turn, told)

    def has_begun(self, folder: JobFolder) -> bool:
        """Whether an agent has taken this turn up."""
        try:
            return folder.begun.read_text(encoding="ascii") == str(self.number)
        except (OSError, UnicodeError):
            return False


@dataclass(frozen=True)
class Seat:
    """A job and its turn, as the lock finds them. ``alive``: an agent holds the job's lock."""

    folder: JobFolder
    turn: Turn
    alive: bool

    @property
    def runs(self) -> bool:
        return self.turn.state == "granted" and self.alive

    @property
    def waits(self) -> bool:
        """Whether it is to begin; also when whoever wanted to start it was killed over it."""
        never_began = self.turn.state == "granted" and not self.alive and not self.turn.has_begun(self.folder)
        return self.turn.state == "waiting" or never_began


class Queue:
    """The queue in ``root``, a project's folder of this machine's jobs.

    ``start`` starts an agent; ``end_leftover`` ends what a killed agent of a run left running. ``say`` tells
    what could not be started.
    """

    def __init__(
        self,
        root: Path,
        start: StartsAgent,
        *,
        end_leftover: Callable[[JobFolder, str], object] = lambda folder, run: None,  # noqa: ARG005
        say: Callable[[str], object] = lambda text: None,  # noqa: ARG005
    ) -> None:
        self._root = root
        self._start = start
        self._end_leftover = end_leftover
        self._say = say

    @property
    def jobs(self) -> Path:
        return self._root / _JOBS

    def folder(self, job: str) -> JobFolder:
        return JobFolder(self.jobs / job)

    def offer(self, capacity: Capacity) -> None:
        """What jobs may have of this machine from now on."""
        write_json(self._root / _CAPACITY, capacity.as_json())

    @property
    def capacity(self) -> Capacity:
        """As last offered; a single job at once where nothing usable is written."""
        try:
            return Capacity.of(read_json(self._root / _CAPACITY) or {})
        except (KeyError, TypeError, ValueError):
            return Capacity(1, os.cpu_count() or 1, 0)

    def enter(self, job: str, run: str, start: StartsAgent | None = None) -> None:
        """Puts the job at the end of the queue, unless it waits for this run already, and starts who may.

        ``start`` starts this job instead, which is not started by others then: it has what they do not.
        """
        with self._locked():
            seats = self._seats()
            folder = self.folder(job)
            mine = next((each for each in seats if each.folder == folder), None)
            if mine is None or mine.turn.run != run or not (mine.waits or mine.runs):
                number = 1 + max((each.turn.number for each in seats), default=0)
                Turn("waiting", number, run).write(folder)
            if start is not None:
                self._hold(folder, start)
            self._advance()

    def _hold(self, folder: JobFolder, start: StartsAgent) -> None:
        lock = folder.take_lock()
        if lock is None:
            return
        try:
            start(folder, AgentRecord.of(folder), lock)
        finally:
            os.close(lock)

    def leave(self, job: str, run: str | None = None) -> None:
        """Takes the job out of the queue, whether it waits or runs, and starts who may; with ``run`` only if
        it is there for that one. Idempotent."""
        with self._locked():
            folder = self.folder(job)
            turn = Turn.of(folder)
            if turn is not None and run in (None, turn.run):
                replace(turn, state="none").write(folder)
            self._advance()

    def advance(self) -> None:
        """Starts who may."""
        with self._locked():
            self._advance()

    def clear(self) -> None:
        """Removes the queue's own files when it has no job any more."""
        with self._locked(), suppress(OSError):
            self.jobs.rmdir()
            (self._root / _CAPACITY).unlink(missing_ok=True)
            (self._root / _LOCK).unlink()
        with suppress(OSError):
            self._root.rmdir()

    def position(self, job: str) -> tuple[int, str] | None:
        """How many wait before the job, and what it waits for, in words; None when it does not wait."""
        seats = self._seats()
        mine = next((each for each in seats if each.folder.name == job and each.waits), None)
        if mine is None:
            return None
        before = sum(each.waits and each.turn.number < mine.turn.number for each in seats)
        try:
            record = AgentRecord.of(mine.folder)
        except AgentError as error:
            return before, str(error)
        if record.secrets and not mine.alive:
            return before, f"its secrets {', '.join(record.secrets)}, which no file holds: `runctl up` again"
        return before, waiting_for(record.needs, self.capacity, self._taken(seats))

    def _advance(self) -> None:
        seats = self._seats()
        for each in seats:
            if each.turn.state == "granted" and not each.alive and not each.waits:
                self._end_leftover(each.folder, each.turn.run)
                replace(each.turn, state="none").write(each.folder)
        taken = self._taken(seats)
        for each in sorted((each for each in seats if each.waits), key=lambda each: each.turn.number):
            try:
                record = AgentRecord.of(each.folder)
            except AgentError as error:
                self._say(f"job {each.folder.name} cannot be started: {error}")
                continue
            if record.secrets and not each.alive:
                continue  # only a person has them
            if each.alive and not record.secrets:
                continue  # the agent of the run before is about to end
            gpus = gpus_for(record.needs, self.capacity, taken)
            if gpus is None:
                return  # in order: who needs much is not passed over for ever
            if self._grant(each, record, gpus):
                taken.append(Taken(record.needs, gpus))

    def _grant(self, seat: Seat, record: AgentRecord, gpus: tuple[int, ...]) -> bool:
        granted = replace(seat.turn, state="granted", gpus=gpus)
        if seat.alive:  # it waits by itself, and sees this
            granted.write(seat.folder)
            return True
        lock = seat.folder.take_lock()
        if lock is None:
            return False
        try:
            granted.write(seat.folder)
            self._start(seat.folder, record, lock)
        except (AgentError, OSError) as error:
            seat.turn.write(seat.folder)
            self._say(f"job {seat.folder.name} cannot be started: {error}")
            return False
        finally:
            os.close(lock)
        return True

    def _taken(self, seats: list[Seat]) -> list[Taken]:
        taken = []
        for each in seats:
            if each.runs:
                taken.append(Taken(AgentRecord.of(each.folder).needs, each.turn.gpus))
        return taken

    def _seats(self) -> list[Seat]:
        found = []
        folders = sorted(self.jobs.iterdir()) if self.jobs.is_dir() else []
        for path in folders:
            folder = JobFolder(path)
            turn = Turn.of(folder)
            if turn is not None:
                found.append(Seat(folder, turn, turn.state != "none" and folder.agent_lives()))
        return found

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = self._lock()
        try:
            yield
        finally:
            os.close(descriptor)

    def _lock(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        while True:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._root / _LOCK, flags, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_at(descriptor, self._root / _LOCK):
                return descriptor
            os.close(descriptor)  # whoever removed the last job has removed the file meanwhile
