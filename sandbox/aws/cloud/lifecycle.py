"""Instance states over time, as in EC2.

Independent of moto, clocks and threads: callers hold the cloud's lock, pass the time through `clock`, and
call `advance` at `next_deadline`.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

PENDING = "pending"
RUNNING = "running"
SHUTTING_DOWN = "shutting-down"
TERMINATED = "terminated"
STOPPING = "stopping"
STOPPED = "stopped"

_REMEMBERED = 100_000

Power = Literal["on", "frozen", "cut"]
"""Of a machine: it works; it hangs, with all that runs on it; or it has lost its power."""

_ENDING = {TERMINATED: SHUTTING_DOWN, STOPPED: STOPPING}
_ENDED = {SHUTTING_DOWN: TERMINATED, STOPPING: STOPPED}


class Cause(Enum):
    """Reason for a state change: EC2's code and message."""

    NONE = ("", "")
    USER = ("Client.UserInitiatedShutdown", "User initiated shutdown")
    INSTANCE = ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
    SPOT = ("Server.SpotInstanceTermination", "Spot instance termination")
    CAPACITY = (
        "Server.InsufficientInstanceCapacity",
        "There was insufficient capacity available to satisfy the launch request",
    )

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def message(self) -> str:
        return f"{self.value[0]}: {self.value[1]}" if self.value[0] else ""


class WrongState(Exception):
    """The instance's state does not allow the request."""

    def __init__(self, instance_id: str, state: str) -> None:
        super().__init__(f"instance {instance_id} is {state}")
        self.instance_id = instance_id
        self.state = state


class Machine(Protocol):
    """One instance of the emulator; methods are called with the cloud's lock held."""

    @property
    def id(self) -> str: ...
    @property
    def stops_on_shutdown(self) -> bool:
        """Whether a shutdown from inside stops the instance (True) or terminates it (False)."""

    @property
    def is_spot(self) -> bool: ...
    def enter(self, state: str, cause: Cause) -> None:
        """Enter `state` and apply its effects (volumes, interfaces, spot request)."""

    def noticed(self) -> None:
        """Called when a spot interruption notice is issued."""

    def forget(self) -> None:
        """Remove the instance from every description."""


@dataclass(frozen=True)
class Timing:
    """Duration of the transitions in seconds."""

    pending: float = 0.3
    ending_least: float = 1.0
    ending_most: float = 120.0
    host_silence: float = 10.0
    terminated_visible: float = 3600.0


@dataclass(frozen=True)
class Interruption:
    """A spot interruption notice: the action and its time (seconds since 1970)."""

    action: str
    time: float


@dataclass
class Life:
    """One instance and its current state."""

    machine: Machine
    state: str
    entered: float
    launched: float
    boot: int = 1
    cause: Cause = Cause.NONE
    host_ended: bool = False
    interruption: Interruption | None = None
    rebalance: float | None = None
    """When the cloud recommended to leave the instance."""
    fails: Cause | None = None
    """Why it ends instead of running."""
    power: Power = "on"
    ended: float | None = None
    """When it began to shut down: what it costs ends then."""


class Lifecycle:
    """All instances of the cloud; `changed` is called after every change, `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float], changed: Callable[[], None], timing: Timing) -> None:
        self._clock = clock
        self._changed = changed
        self._timing = timing
        self._lives: dict[str, Life] = {}
        self._host_seen: float | None = None
        self._next_fails: Cause | None = None
        self._history: deque[tuple[str, str, float]] = deque(maxlen=_REMEMBERED)

    @property
    def history(self) -> list[tuple[str, str, float]]:
        """Instance, state and time (seconds since 1970) of every state that an instance entered, in order."""
        return list(self._history)

    def lives(self) -> list[Life]:
        return list(self._lives.values())

    def find(self, instance_id: str) -> Life | None:
        return self._lives.get(instance_id)

    @contextmanager
    def launches_fail(self, cause: Cause) -> Iterator[None]:
        """Inside the context, new instances end while they are pending."""
        self._next_fails = cause
        try:
            yield
        finally:
            self._next_fails = None

    def launched(self, machine: Machine) -> None:
        """Add a new instance: pending first, then running."""
        now = self._clock()
        self._lives[machine.id] = Life(machine, PENDING, entered=now, launched=now, fails=self._next_fails)
        self._history.append((machine.id, PENDING, now))
        machine.enter(PENDING, Cause.NONE)
        self._changed()

    def start(self, instance_id: str) -> str:
        """StartInstances; returns the previous state. Only a stopped instance is started."""
        life = self._lives[instance_id]
        before = life.state
        if before in (PENDING, RUNNING):
            return before
        if before != STOPPED:
            raise WrongState(instance_id, before)
        life.boot += 1
        life.host_ended = False
        self._enter(life, PENDING, Cause.NONE)
        life.launched, life.ended = life.entered, None
        return before

    def reboot(self, instance_id: str) -> None:
        """RebootInstances: start the next boot of a running instance."""
        life = self._lives[instance_id]
        if life.state != RUNNING:
            raise WrongState(instance_id, life.state)
        life.boot += 1
        self._changed()

    def stop(self, instance_id: str, cause: Cause = Cause.USER) -> str:
        """StopInstances; returns the previous state."""
        life = self._lives[instance_id]
        before = life.state
        if before in (SHUTTING_DOWN, TERMINATED):
            raise WrongState(instance_id, before)
        if before in (PENDING, RUNNING):
            self._begin_end(life, STOPPED, cause)
        return before

    def terminate(self, instance_id: str, cause: Cause = Cause.USER) -> str:
        """TerminateInstances, allowed in every state; returns the previous state."""
        life = self._lives[instance_id]
        before = life.state
        if before in (SHUTTING_DOWN, TERMINATED):
            return before
        self._begin_end(life, TERMINATED, cause)
        life.host_ended = life.host_ended or before == STOPPED
        return before

    def host_ended(self, instance_id: str, boot: int) -> bool:
        """Record that the host of that boot has halted. False when the report is about an earlier boot."""
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
        """Issue an interruption notice to a running spot instance, which is terminated when it expires."""
        life = self._lives[instance_id]
        if life.state not in (PENDING, RUNNING):
            raise WrongState(instance_id, life.state)
        life.interruption = Interruption("terminate", self._clock() + notice_seconds)
        life.machine.noticed()
        self._changed()
        return life.interruption

    def recommend_rebalance(self, instance_id: str) -> float:
        """Recommend to leave a running spot instance, without a notice; returns the time."""
        life = self._lives[instance_id]
        if life.state not in (PENDING, RUNNING):
            raise WrongState(instance_id, life.state)
        life.rebalance = self._clock()
        self._changed()
        return life.rebalance

    def set_power(self, instance_id: str, power: Power) -> None:
        """Let a running machine hang, work again, or lose its power, which its host then reports as its
        end."""
        life = self._lives[instance_id]
        if life.state != RUNNING:
            raise WrongState(instance_id, life.state)
        life.power = power
        self._changed()

    def host_manager_seen(self) -> None:
        """Record that the hosts process has just polled."""
        self._host_seen = self._clock()

    def next_deadline(self) -> float | None:
        """When `advance` is due next; None when no transition is pending."""
        deadlines = [due for life in self._lives.values() if (due := self._due(life)) is not None]
        return min(deadlines, default=None)

    def advance(self) -> None:
        """Make every due transition."""
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
        """A host has up to `ending_most` seconds; without a host manager to report, the minimum applies."""
        least = life.entered + self._timing.ending_least
        if life.host_ended or self._host_seen is None:
            return least
        silent = self._host_seen + self._timing.host_silence
        return max(least, min(silent, life.entered + self._timing.ending_most))

    def _advance(self, life: Life) -> None:
        if life.state == PENDING and life.fails is not None:
            life.host_ended = True
            self._begin_end(life, TERMINATED, life.fails)
        elif life.state == PENDING:
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
        life.ended = self._clock()
        self._enter(life, _ENDING[target], cause)

    def _enter(self, life: Life, state: str, cause: Cause) -> None:
        life.state = state
        life.entered = self._clock()
        life.cause = cause
        self._history.append((life.machine.id, state, life.entered))
        life.machine.enter(state, cause)
        self._changed()
