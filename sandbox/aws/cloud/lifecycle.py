"""The states of instances over time, as EC2 goes through them.

Nothing here knows moto, a clock of its own or threads: callers hold the cloud's lock, pass the time in
through `clock`, and call `advance` when `next_deadline` has come.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

PENDING = "pending"
RUNNING = "running"
SHUTTING_DOWN = "shutting-down"
TERMINATED = "terminated"
STOPPING = "stopping"
STOPPED = "stopped"

_ENDING = {TERMINATED: SHUTTING_DOWN, STOPPED: STOPPING}
_ENDED = {SHUTTING_DOWN: TERMINATED, STOPPING: STOPPED}


class Cause(Enum):
    """Why an instance changed its state: EC2's code and words for it."""

    NONE = ("", "")
    USER = ("Client.UserInitiatedShutdown", "User initiated shutdown")
    INSTANCE = ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
    SPOT = ("Server.SpotInstanceTermination", "Spot instance termination")

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def message(self) -> str:
        return f"{self.value[0]}: {self.value[1]}" if self.value[0] else ""


class WrongState(Exception):
    """The instance is in a state that does not allow what was asked."""

    def __init__(self, instance_id: str, state: str) -> None:
        super().__init__(f"instance {instance_id} is {state}")
        self.instance_id = instance_id
        self.state = state


class Machine(Protocol):
    """What the emulator knows of one instance; its methods are called with the cloud's lock held."""

    @property
    def id(self) -> str: ...
    @property
    def stops_on_shutdown(self) -> bool:
        """Whether a shutdown from inside stops the instance (True) or terminates it."""

    @property
    def is_spot(self) -> bool: ...
    def enter(self, state: str, cause: Cause) -> None:
        """Take on `state` with all that follows from it (volumes, interfaces, spot request)."""

    def noticed(self) -> None:
        """A spot notice was given."""

    def forget(self) -> None:
        """Vanish from every description."""


@dataclass(frozen=True)
class Timing:
    """Seconds that the transitions take."""

    pending: float = 0.3
    ending_least: float = 1.0
    ending_most: float = 120.0
    host_silence: float = 10.0
    terminated_visible: float = 3600.0


@dataclass(frozen=True)
class Interruption:
    """A spot notice: what will happen, and when (seconds since 1970)."""

    action: str
    time: float


@dataclass
class Life:
    """One instance and where it stands."""

    machine: Machine
    state: str
    entered: float
    boot: int = 1
    cause: Cause = Cause.NONE
    host_ended: bool = False
    interruption: Interruption | None = None


class Lifecycle:
    """All instances of the cloud; `changed` is called after every change, `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float], changed: Callable[[], None], timing: Timing) -> None:
        self._clock = clock
        self._changed = changed
        self._timing = timing
        self._lives: dict[str, Life] = {}
        self._host_seen: float | None = None

    def lives(self) -> list[Life]:
        return list(self._lives.values())

    def find(self, instance_id: str) -> Life | None:
        return self._lives.get(instance_id)

    def launched(self, machine: Machine) -> None:
        """A new instance: pending now, running soon."""
        self._lives[machine.id] = Life(machine, PENDING, self._clock())
        machine.enter(PENDING, Cause.NONE)
        self._changed()

    def start(self, instance_id: str) -> str:
        """StartInstances; gives the state before. Only a stopped instance starts; a running one stays so."""
        life = self._lives[instance_id]
        before = life.state
        if before in (PENDING, RUNNING):
            return before
        if before != STOPPED:
            raise WrongState(instance_id, before)
        life.boot += 1
        life.host_ended = False
        self._enter(life, PENDING, Cause.NONE)
        return before

    def reboot(self, instance_id: str) -> None:
        """RebootInstances: the next boot of a running instance."""
        life = self._lives[instance_id]
        if life.state != RUNNING:
            raise WrongState(instance_id, life.state)
        life.boot += 1
        self._changed()

    def stop(self, instance_id: str, cause: Cause = Cause.USER) -> str:
        """StopInstances; gives the state before."""
        life = self._lives[instance_id]
        before = life.state
        if before in (SHUTTING_DOWN, TERMINATED):
            raise WrongState(instance_id, before)
        if before in (PENDING, RUNNING):
            self._begin_end(life, STOPPED, cause)
        return before

    def terminate(self, instance_id: str, cause: Cause = Cause.USER) -> str:
        """TerminateInstances, allowed in every state; gives the state before."""
        life = self._lives[instance_id]
        before = life.state
        if before in (SHUTTING_DOWN, TERMINATED):
            return before
        self._begin_end(life, TERMINATED, cause)
        life.host_ended = life.host_ended or before == STOPPED
        return before

    def host_ended(self, instance_id: str, boot: int) -> bool:
        """The host of that boot has halted. False when the report is about an earlier boot."""
        life = self._lives.get(instance_id)
        if life is None or life.boot != boot:
            return False
        if life.host_ended:
            return True
        life.host_ended = True
        if life.state in (PENDING, RUNNING):
            target = STOPPED if life.machine.stops_on_shutdown else TERMINATED
            self._begin_end(life, target, Cause.INSTANCE)
        else:
            self._changed()
        return True

    def interrupt(self, instance_id: str, notice_seconds: float) -> Interruption:
        """Give a running spot instance notice; it is terminated when the notice has run out."""
        life = self._lives[instance_id]
        if life.state not in (PENDING, RUNNING):
            raise WrongState(instance_id, life.state)
        life.interruption = Interruption("terminate", self._clock() + notice_seconds)
        life.machine.noticed()
        self._changed()
        return life.interruption

    def host_manager_seen(self) -> None:
        """The process that runs the hosts asked for news just now."""
        self._host_seen = self._clock()

    def next_deadline(self) -> float | None:
        """When `advance` has something to do next; None when nothing is under way."""
        deadlines = [due for life in self._lives.values() if (due := self._due(life)) is not None]
        return min(deadlines, default=None)

    def advance(self) -> None:
        """Make every transition whose time has come."""
        now = self._clock()
        for life in list(self._lives.values()):
            due = self._due(life)
            if due is not None and due <= now:
                self._advance(life)

    def _due(self, life: Life) -> float | None:
        if life.state == PENDING:
            return life.entered + self._timing.pending
        if life.state == RUNNING:
            return life.interruption.time if life.interruption else None
        if life.state in _ENDED:
            return self._end_due(life)
        if life.state == TERMINATED:
            return life.entered + self._timing.terminated_visible
        return None

    def _end_due(self, life: Life) -> float:
        """A host has up to `ending_most` seconds; where no host can report, the least time is enough."""
        least = life.entered + self._timing.ending_least
        if life.host_ended or self._host_seen is None:
            return least
        silent = self._host_seen + self._timing.host_silence
        return max(least, min(silent, life.entered + self._timing.ending_most))

    def _advance(self, life: Life) -> None:
        if life.state == PENDING:
            self._enter(life, RUNNING, Cause.NONE)
        elif life.state == RUNNING:
            self._begin_end(life, TERMINATED, Cause.SPOT)
        elif life.state == TERMINATED:
            del self._lives[life.machine.id]
            life.machine.forget()
            self._changed()
        else:
            self._enter(life, _ENDED[life.state], life.cause)

    def _begin_end(self, life: Life, target: str, cause: Cause) -> None:
        self._enter(life, _ENDING[target], cause)

    def _enter(self, life: Life, state: str, cause: Cause) -> None:
        life.state = state
        life.entered = self._clock()
        life.cause = cause
        life.machine.enter(state, cause)
        self._changed()
